"""The verdict on the screen: the first line, the suspects with their evidence, the triage and where it leads."""

from __future__ import annotations

from leaktop.view.panes import PANES
from tests.ui.fake_source import growing, live

SECONDS = 45
"""After which everything in the scripted machine has grown for long enough to be judged."""


async def test_the_first_line_names_the_leak() -> None:
    async with live(growing(SECONDS), size=(160, 48), first=SECONDS) as shown:
        first = shown.text("#header").splitlines()[1]
        assert "LEAK" in first
        assert "hungry (977)" in first


async def test_suspects_are_ranked_with_leaks_first_and_the_evidence_is_behind_enter() -> None:
    async with live(growing(SECONDS), size=(160, 48), first=SECONDS) as shown:
        await shown.press("8", "z")
        pane = shown.pane("suspects")
        assert pane.index("hungry (977)") < pane.index("kmalloc-2k") < pane.index("dentry")
        await shown.press("slash", *"kmalloc-2k", "enter", "enter")
        text = shown.text()
        assert "leak, 9" in text
        assert "95 % confidence" in text
        await shown.press("G")
        assert "alloc_traces" in shown.text()


async def test_each_step_of_the_triage_leads_to_its_pane() -> None:
    async with live(growing(SECONDS), size=(100, 30), first=SECONDS) as shown:
        await shown.press("9")
        for step, title in ((0, "1 Memory"), (1, "7 tmpfs"), (2, "6 Processes"), (4, "2 Slab"), (9, "4 Sockets")):
            await shown.press("9", "g", *["down"] * step, "enter")
            assert title in shown.text("#panes"), (step, title)
        await shown.press("9")
        triage = shown.pane("triage")
        assert "▲ suspect" in triage
        assert triage.index("free and available") < triage.index("tmpfs") < triage.index("processes")


async def test_the_triage_knows_every_pane_it_leads_to() -> None:
    async with live(first=3) as shown:
        frame = shown.app.dashboard._frame
        assert frame is not None
        assert {step.pane for step in frame.diagnosis.triage} <= {pane.name for pane in PANES}
