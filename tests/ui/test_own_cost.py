"""What leaktop costs, on the screen: the header says where it holds back, C shows every probe."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from tests.ui.fake_source import live, states_of
from tests.ui.replayed import replaying


def held_back(shown: Any) -> None:
    """Show the newest Frame again, with two probes that are read less often."""
    states = states_of(shown.source)
    states["slabinfo"] = states["slabinfo"]._replace(
        cadence=12.0, planned=1.0, cpu=0.06, is_slow=True, is_held_back=True
    )
    states["vmallocinfo"] = states["vmallocinfo"]._replace(cadence=60.0, planned=2.0, is_slow=True)
    states["processes"] = states["processes"]._replace(is_waiting=True)
    shown.app._newest.__dict__["probes"] = states
    shown.app.on_leaktop_app_frame_arrived()


async def test_the_header_says_what_is_read_less_often_how_often_and_why() -> None:
    async with live(size=(160, 40)) as shown:
        held_back(shown)
        await shown.settle()
        first = shown.text("#header").splitlines()[0]
        assert "slow: slabinfo 12s (budget), vmallocinfo 1m00s, processes" in first


async def test_the_header_says_that_ticks_are_further_apart() -> None:
    async with live(size=(120, 36)) as shown:
        assert "LIVE 1s" in shown.text("#header")
        poller = shown.app.poller
        poller._plan = poller._plan._replace(stretch=1.5)
        held_back(shown)
        await shown.settle()
        assert "LIVE 1.5s (budget)" in shown.text("#header")


async def test_c_shows_every_probe_and_esc_leads_back() -> None:
    for size in ((160, 48), (80, 24), (40, 12)):
        async with live(size=size) as shown:
            held_back(shown)
            await shown.press("C")
            text = shown.text()
            assert "leaktop itself costs" in text
            await shown.press("escape")
            assert len(shown.app.screen_stack) == 1


async def test_the_most_expensive_stands_first_with_the_reason() -> None:
    async with live(size=(160, 48)) as shown:
        shown.app.poller.budget.share = 0.02
        held_back(shown)
        await shown.press("C")
        text = shown.text()
        assert "the budget is 2% of a core" in text
        line = next(line for line in text.splitlines() if "slabinfo" in line and "60.0ms" in line)
        assert "12s" in line
        assert "0.50%" in line
        assert line.split("slabinfo")[1].split()[4:7] == ["1s", "0.50%", "budget"]
        assert text.index("slabinfo  ") < text.index("meminfo  ")


async def test_what_cannot_be_protected_is_said_once_and_the_rest_is_in_the_header() -> None:
    troubles = iter(["--protect: no such luck"])
    protection: Any = SimpleNamespace(parts=("priority -5",), is_whole=False, take_troubles=lambda: troubles)
    async with live(size=(160, 48), protection=protection) as shown:
        shown.app.on_leaktop_app_frame_arrived()
        await shown.settle()
        assert [note.message for note in shown.app._notifications] == ["--protect: no such luck"]
        assert list(troubles) == []
        await shown.press("C")
        assert "Protected: priority -5." in shown.text()


async def test_a_key_is_no_reason_to_tick_less_often() -> None:
    async with live(size=(120, 36)) as shown:
        poller = shown.app.poller
        poller._is_excused = False
        await shown.press("down")
        assert poller._is_excused


async def test_a_replay_shows_what_reading_cost_where_it_was_recorded() -> None:
    async with replaying(size=(100, 30)) as shown:
        await shown.press("C")
        text = shown.text()
        assert "A replay reads nothing" in text
        assert "slabinfo" in text
        await shown.press("escape", "question_mark")
        assert "keys and figures" in shown.text()
