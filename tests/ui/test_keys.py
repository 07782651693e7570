"""What each key does, as the user sees it."""

from __future__ import annotations

import stat
import threading
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from leaktop.control import kmemleak
from leaktop.control.kmemleak import KmemleakError
from leaktop.engine.kmemleak import confirming
from leaktop.ui.theme import THEMES
from leaktop.view.panes import PANES
from tests.ui.fake_source import Live, captured, growing, live, moment, slabinfo

if TYPE_CHECKING:
    from pathlib import Path

NAMES = [pane.name for pane in PANES if not pane.letter]


async def settled(shown: Live) -> None:
    """Wait for the thread that writes to the kernel, then for its words."""
    for thread in threading.enumerate():
        if thread.name == "leaktop-kmemleak-write":
            thread.join(5)
    await shown.settle()


# Panes


async def test_digits_go_to_panes_one_at_a_time_on_a_small_terminal() -> None:
    async with live(size=(80, 24)) as shown:
        for pane in PANES:
            await shown.press(pane.key)
            assert [other.name for other in PANES if shown.visible(f"#pane-{other.name}")] == [pane.name]
            assert f"{pane.key} {pane.title}" in shown.pane(pane.name)


async def test_tab_goes_round_both_ways() -> None:
    async with live(size=(80, 24)) as shown:
        await shown.press("tab")
        assert "2 Slab" in shown.text()
        await shown.press("shift+tab", "shift+tab")
        assert "9 Triage" in shown.pane("triage")
        await shown.press("tab")
        assert "1 Memory" in shown.pane("memory")


async def test_a_wide_terminal_shows_every_pane_and_a_digit_moves_the_cursor_there() -> None:
    async with live() as shown:
        assert all(shown.visible(f"#pane-{name}") for name in NAMES)
        assert not shown.visible("#tabs")
        await shown.press("6")
        assert "hungry" in shown.row_under_cursor()
        await shown.press("2")
        assert "kmalloc-2k" in shown.row_under_cursor()


async def test_zoom_shows_one_pane_with_a_chart_and_escape_goes_back() -> None:
    async with live(first=8) as shown:
        await shown.press("2", "z")
        assert [name for name in NAMES if shown.visible(f"#pane-{name}")] == ["slab"]
        assert "▄▄" in shown.text("#pane-slab .chart")
        assert "kmalloc-2k" in shown.text("#pane-slab .chart")
        await shown.press("escape")
        assert all(shown.visible(f"#pane-{name}") for name in NAMES)


# The drill-down


async def test_enter_drills_down_and_escape_comes_back() -> None:
    async with live(size=(160, 48), first=8) as shown:
        await shown.press("2", "down", "enter")
        text = shown.text()
        assert "Slab › signal_cache" in text
        assert "names that share these slabs" in text
        assert "UNIX-STREAM" in text
        assert ":A-0001152" in text
        assert "bytes" in text
        assert "▄▄" in text
        assert "order" in text  # the attributes, read at once since they are cheap
        await shown.press("escape")
        assert "Slab ›" not in shown.text()
        assert "signal_cache" in shown.row_under_cursor()


async def test_the_drill_down_goes_on_while_it_is_open() -> None:
    async with live() as shown:
        await shown.press("2", "enter")
        assert "+320K since" in shown.text(".facts")
        await shown.ticks()
        assert "+640K since" in shown.text(".facts")


async def test_enter_on_a_suspect_shows_what_is_accused() -> None:
    async with live(first=8) as shown:
        await shown.press("8", "enter")
        assert "hungry (977)" in shown.text()
        await shown.press("p")
        await shown.pilot.pause(0.05)
        assert "Pss" in shown.text(".listings")


async def test_q_in_the_drill_down_goes_back_and_on_the_panes_it_quits() -> None:
    async with live() as shown:
        await shown.press("2", "enter", "q")
        assert shown.app.is_running
        assert "1 Memory" in shown.text()
        await shown.press("q")
        assert not shown.app.is_running


async def test_escape_never_quits() -> None:
    async with live() as shown:
        await shown.press(*["escape"] * 5)
        assert shown.app.is_running
        assert "kmalloc-2k" in shown.pane("slab")


# The filter


async def test_filter_is_a_regular_expression_and_escape_clears_it() -> None:
    async with live() as shown:
        await shown.press("2", "slash")
        await shown.type("kmalloc-.k$")
        assert shown.rows("slab")
        assert all("malloc-" in row and "k" in row for row in shown.rows("slab"))
        assert not any("dentry" in row for row in shown.rows("slab"))
        await shown.press("enter")
        assert "/kmalloc-.k$" in shown.pane("slab")
        await shown.press("escape")
        assert "dentry" in shown.pane("slab")
        assert "kmalloc-.k$" not in shown.text()


async def test_escape_in_the_filter_line_closes_and_clears() -> None:
    async with live() as shown:
        await shown.press("2", "slash")
        await shown.type("signal")
        assert len(shown.rows("slab")) == 1
        await shown.press("escape")
        assert len(shown.rows("slab")) > 5
        await shown.press("down")
        assert "signal_cache" in shown.row_under_cursor()  # the table has the keys again


async def test_lower_case_matches_both_and_upper_case_only_itself() -> None:
    async with live() as shown:
        await shown.press("2", "slash")
        await shown.type("acpi-state")
        assert "Acpi-State" in shown.rows("slab")[0]
        await shown.press("escape", "slash")
        await shown.type("ACPI")
        assert "the filter ACPI leaves none" in shown.pane("slab")


async def test_an_alias_finds_the_cache_that_it_was_merged_into() -> None:
    async with live() as shown:
        await shown.press("2", "slash")
        await shown.type("UNIX-STR")
        assert [row.split()[1] for row in shown.rows("slab")] == ["signal_cache"]


async def test_an_exclamation_mark_inverts() -> None:
    async with live() as shown:
        await shown.press("6", "slash")
        await shown.type("!hungry")
        assert [row.split()[0] for row in shown.rows("processes")] == ["deaf", "init"]


async def test_a_bad_expression_is_said_not_raised() -> None:
    async with live() as shown:
        await shown.press("2", "slash")
        await shown.type("kmalloc-(")
        assert "not a regular expression" in shown.pane("slab")
        assert "signal" not in shown.pane("slab")
        assert "hungry" in shown.pane("processes")


async def test_a_filter_stays_with_its_pane() -> None:
    async with live(size=(80, 24)) as shown:
        await shown.press("6", "slash")
        await shown.type("init")
        await shown.press("enter", "2")
        assert "kmalloc-2k" in shown.pane("slab")
        await shown.press("6")
        assert [row.split()[0] for row in shown.rows("processes")] == ["init"]


async def test_letters_typed_into_the_filter_are_no_commands() -> None:
    async with live() as shown:
        await shown.press("2", "slash")
        await shown.type("qzmUDnI?")
        assert shown.app.is_running
        assert "/qzmUDnI?" in shown.pane("slab")
        assert "unreclaimable only" not in shown.pane("slab")


# Order


def sorted_by(shown: Live, name: str) -> str:
    """The word before the arrow in a pane's heading."""
    heading = shown.heading(name)
    words = heading.replace("↓", "↓ ").replace("↑", "↑ ").split()
    return next((word for word in words if word[-1] in "↓↑"), "")


async def test_less_and_greater_sort_by_the_neighbour_and_i_reverses() -> None:
    async with live(size=(160, 48)) as shown:
        await shown.press("6")
        assert sorted_by(shown, "processes") == "growth↓"
        await shown.press("less_than_sign")
        assert sorted_by(shown, "processes") == "RSS↓"
        assert "init" in shown.rows("processes")[-1]
        await shown.press("I")
        assert sorted_by(shown, "processes") == "RSS↑"
        assert "init" in shown.rows("processes")[0]
        await shown.press("greater_than_sign")
        assert sorted_by(shown, "processes") == "growth↓"
        await shown.press("less_than_sign", "less_than_sign", "less_than_sign")
        assert sorted_by(shown, "processes") == "process↑"
        assert "deaf" in shown.rows("processes")[0]
        await shown.press("D")
        assert sorted_by(shown, "processes") == "growth↓"


async def test_slabtop_letters_work_in_the_slab_pane_only() -> None:
    async with live() as shown:
        await shown.press("2", "c")
        assert sorted_by(shown, "slab") == "size↓"
        assert "ext4_inode_cache" in shown.rows("slab")[0]
        await shown.press("n")
        assert sorted_by(shown, "slab") == "cache↑"
        await shown.press("o")
        assert sorted_by(shown, "slab") == "objs↓"
        await shown.press("6", "n", "c")
        assert sorted_by(shown, "processes") == "growth↓"


async def test_every_letter_and_switch_of_a_pane_reaches_it() -> None:
    """A letter that an app-wide key takes away would do nothing."""
    async with live(size=(100, 30)) as shown:
        for pane in PANES:
            await shown.press(pane.key)
            box = shown.app.dashboard[pane.name]
            for letter, column in pane.letters.items():
                await shown.press(letter)
                assert box.choice.sort == column, letter
            for switch in pane.switches:
                await shown.press(switch.key)
                assert switch.label in shown.pane(pane.name)


async def test_u_leaves_out_what_can_be_reclaimed() -> None:
    async with live() as shown:
        await shown.press("2", "c")
        assert "ext4_inode_cache" in shown.rows("slab")[0]
        await shown.press("U")
        assert "unreclaimable only" in shown.pane("slab")
        assert not any("dentry" in row or "buffer_head" in row for row in shown.rows("slab"))
        await shown.press("U")
        assert "ext4_inode_cache" in shown.rows("slab")[0]


async def test_m_in_vmalloc_sums_by_module_or_marks() -> None:
    async with live() as shown:
        await shown.press("3", "M")
        assert "by module" in shown.pane("vmalloc")
        assert "callers" in shown.pane("vmalloc")
        assert "(kernel)" in shown.pane("vmalloc") or "module" not in shown.heading("vmalloc")
        await shown.press("enter")
        assert "Vmalloc › (kernel)" in shown.text()
        assert "what the kernel prints" in shown.text()


async def test_a_in_memory_shows_every_line() -> None:
    async with live(size=(120, 30)) as shown:
        await shown.press("1")
        assert "DirectMap4k" not in shown.pane("memory")
        await shown.press("A", "slash")
        await shown.type("directmap4k")
        assert "DirectMap4k" in shown.rows("memory")[0]


async def test_the_cursor_stays_on_its_row_when_the_order_changes() -> None:
    # GIVEN a cursor on the second process, which stands still at first
    ticks = [moment(0) for _ in range(3)]
    from tests.ui.fake_source import MIB, processes

    def with_rss(deaf: int) -> bytes:
        return processes((1, "init", 12 * MIB), (4242, "deaf", deaf), (977, "hungry", 40 * MIB))

    ticks += [{**moment(0), "processes": with_rss((30 + 50 * n) * MIB)} for n in range(3)]
    async with live(ticks, first=3) as shown:
        await shown.press("6")
        await shown.press("down")
        assert "deaf" in shown.row_under_cursor()
        assert "deaf" in shown.rows("processes")[1]
        # WHEN it grows to the top
        await shown.ticks(3)
        # THEN the cursor went with it
        assert "deaf" in shown.rows("processes")[0]
        assert "deaf" in shown.row_under_cursor()


async def test_f_follows_the_row_out_of_view() -> None:
    def moved(n: int) -> dict[str, object]:
        return {**moment(0), "slabinfo": slabinfo({"zswap_entry": 0, "kmalloc-2k": 0, "names_cache": 100 * n})}

    for is_followed in (False, True):
        async with live([moved(0), moved(0), moved(1)], size=(80, 24)) as shown:  # type: ignore[list-item]  # less than the real thing will do here
            # GIVEN the cursor on a row far down the list
            await shown.press("2", "n", "slash")
            await shown.type("names_cache")
            await shown.press("enter", "escape", "D", "slash")
            await shown.press("escape")
            shown.app.dashboard["slab"].table._key = ("names_cache", 0)
            shown.app.dashboard["slab"].show(shown.app.dashboard["slab"].frame)  # type: ignore[arg-type]  # less than the real thing will do here
            await shown.press("down", "up")
            assert "names_cache" in shown.row_under_cursor()
            if is_followed:
                await shown.press("F")
                assert "following" in shown.pane("slab")
            # WHEN it grows, so that sorting takes it to the top
            await shown.ticks()
            # THEN the view goes with it only when it is followed
            assert ("names_cache" in shown.pane("slab")) == is_followed


# Time


async def test_pause_stops_the_panes_while_the_header_goes_on() -> None:
    async with live() as shown:
        await shown.press("2", "space")
        before = shown.pane("slab"), shown.text("#header").splitlines()[0]
        await shown.ticks(4)
        assert shown.pane("slab") == before[0]
        assert "PAUSED 4s" in shown.text("#header")
        assert shown.text("#header").splitlines()[0] != before[1]
        assert "14:13:25" in shown.text("#header")
        # Growth while paused is not lost.
        await shown.press("space")
        assert "LIVE" in shown.text("#header")
        assert "+1.56M" in shown.pane("slab")


async def test_sorting_while_paused_sorts_what_is_shown() -> None:
    async with live() as shown:
        await shown.press("2", "space")
        await shown.ticks(4)
        await shown.press("c")
        assert "ext4_inode_cache" in shown.rows("slab")[0]
        assert "PAUSED 4s" in shown.text("#header")
        await shown.press("D")
        assert "+320K" in shown.rows("slab")[0]


async def test_m_lets_growth_count_from_now() -> None:
    async with live(growing(4), first=4) as shown:
        await shown.press("2")
        assert "+960K" in shown.pane("slab")
        await shown.press("m")
        assert "Baseline marked" in shown.said()
        await shown.ticks()  # the script's last tick again: nothing moves
        assert "+960K" not in shown.pane("slab")
        assert "▲ kmalloc" not in shown.text()
        assert "Nothing but caches has grown since 14:13:24" in shown.text("#header")


async def test_plus_and_minus_change_the_interval_within_bounds() -> None:
    async with live() as shown:
        assert "LIVE 1s" in shown.text("#header")
        await shown.press("minus")
        assert "LIVE 2s" in shown.text("#header")
        await shown.press("plus", "plus")
        assert "LIVE 0.5s" in shown.text("#header")
        await shown.press(*["plus"] * 10)
        assert "LIVE 0.25s" in shown.text("#header")
        await shown.press(*["minus"] * 20)
        assert "LIVE 60s" in shown.text("#header")


async def test_r_asks_for_every_probe_and_kmemleak(monkeypatch: pytest.MonkeyPatch) -> None:
    async with live() as shown:
        asked: list[tuple[str, ...]] = []
        monkeypatch.setattr(shown.app.poller, "request", lambda *names: asked.append(names))
        await shown.press("R")
        assert asked == [(), ("kmemleak",)]


# Copying


async def test_y_copies_the_row_as_plain_text() -> None:
    async with live() as shown:
        await shown.press("2", "y")
        assert shown.app.clipboard.split("\t")[:3] == ["kmalloc-2k", "1.12M", "+320K"]
        assert "Copied" in shown.text()


# The kernel


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was written to the kernel; nothing is."""
    written: list[str] = []

    def scan() -> float:
        written.append("scan")
        return 1.25

    monkeypatch.setattr(kmemleak, "scan", scan)
    monkeypatch.setattr(kmemleak, "clear", lambda: written.append("clear"))
    monkeypatch.setattr(confirming, "WAIT", 0.0)
    return written


async def test_k_s_y_scans_and_says_how_it_went(kernel: list[str]) -> None:
    async with live() as shown:
        await shown.press("K")
        assert "Kernel actions" in shown.text()
        await shown.press("s")
        assert "writes 'scan' to /sys/kernel/debug/kmemleak" in shown.text()
        assert kernel == []
        await shown.press("y")
        await settled(shown)
        assert kernel == ["scan", "scan"]
        assert "scanned in 2s, both together" in " ".join(shown.said().split())


@pytest.mark.parametrize("keys", [("s", "n"), ("s", "enter"), ("c", "escape"), ("escape",)])
async def test_without_a_yes_nothing_is_written(kernel: list[str], keys: tuple[str, ...]) -> None:
    async with live() as shown:
        await shown.press("K", *keys)
        await settled(shown)
        assert kernel == []
        assert "hungry" in shown.pane("processes")  # back on the panes


async def test_a_refusal_is_said(kernel: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> float:
        raise KmemleakError("'scan' to /sys/kernel/debug/kmemleak: kmemleak is switched off")

    monkeypatch.setattr(kmemleak, "scan", refuse)
    async with live() as shown:
        await shown.press("K", "s", "y")
        await settled(shown)
        assert "kmemleak is switched off" in " ".join(shown.said().split())


async def test_read_only_refuses_and_hides(kernel: list[str]) -> None:
    async with live(is_read_only=True) as shown:
        await shown.press("K")
        assert "nothing is written" in shown.said()
        await shown.press("s", "y")
        await settled(shown)
        assert kernel == []
        assert "READ-ONLY" in shown.text("#header")
        assert "Scan" not in shown.pane("kmemleak")
        assert "kernel" not in shown.text("#keys")


async def test_clear_saves_the_report_before_it_clears(
    kernel: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = captured("kmemleak/vm-6.1b-2scan.txt")
    saved_at_clear: list[bytes] = []

    def clear() -> None:
        saved_at_clear.extend(path.read_bytes() for path in tmp_path.iterdir())

    monkeypatch.setattr(kmemleak, "clear", clear)
    async with live(directory=str(tmp_path)) as shown:
        await shown.press("K", "c")
        assert "There is no undo" in " ".join(shown.text("#confirm").replace("│", "").split())
        await shown.press("y")
        await settled(shown)
        assert saved_at_clear == [report]
        [path] = tmp_path.iterdir()
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert "cleared; the report is in" in " ".join(shown.said().split())


@pytest.mark.parametrize("obstacle", ["no directory", "a file of that name", "a link of that name", "no report"])
async def test_nothing_is_cleared_when_saving_fails(
    kernel: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, obstacle: str
) -> None:
    directory = tmp_path
    ticks = growing(4)
    monkeypatch.setattr(kmemleak, "time", SimpleNamespace(strftime=lambda _form: "20260921-141320", time_ns=lambda: 7))
    target = tmp_path / "kmemleak-20260921-141320-000000007.txt"
    match obstacle:
        case "no directory":
            directory = tmp_path / "gone"
        case "a file of that name":
            target.write_text("precious")
        case "a link of that name":
            target.symlink_to(tmp_path / "elsewhere")
        case _:
            for tick in ticks:
                tick.pop("kmemleak")
    async with live(ticks, directory=str(directory)) as shown:
        await shown.press("K", "c", "y")
        await settled(shown)
        assert kernel == []
        assert "nothing was cleared" in " ".join(shown.said().split())
    assert not (tmp_path / "elsewhere").exists()
    assert obstacle != "a file of that name" or target.read_text() == "precious"


async def test_one_action_at_a_time(kernel: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    may_end = threading.Event()

    def slow() -> float:
        kernel.append("scan")
        may_end.wait(5)
        return 9.0

    monkeypatch.setattr(kmemleak, "scan", slow)
    async with live() as shown:
        await shown.press("K", "s", "y")
        await shown.ticks()
        assert "scan 1 of 2" in shown.pane("kmemleak")
        await shown.press("K", "s", "y")
        assert "under way" in shown.text()
        may_end.set()
        await settled(shown)
        await shown.ticks()
        assert kernel == ["scan"]
        assert "scan 1 of 2" not in shown.pane("kmemleak")


async def test_the_buttons_of_the_kmemleak_pane_ask_too(kernel: list[str]) -> None:
    async with live() as shown:
        await shown.click("#pane-kmemleak #scan")
        assert "writes 'scan'" in shown.text()
        await shown.press("y")
        await settled(shown)
        assert kernel == ["scan", "scan"]


# Help, palette, the rest


async def test_unknown_keys_do_nothing() -> None:
    async with live() as shown:
        await shown.press("2")
        before = shown.text()
        await shown.press("x", "Z", "X", "Q", "f5", "ctrl+t", "at", "percent_sign", "backslash", "ä")
        assert shown.text() == before


async def test_a_click_on_a_heading_sorts_and_a_second_one_reverses() -> None:
    async with live() as shown:
        at = shown.heading("slab").index("size") + 1
        await shown.click("#pane-slab RowTable", at, 0)
        assert sorted_by(shown, "slab") == "size↓"
        assert "ext4_inode_cache" in shown.rows("slab")[0]
        await shown.click("#pane-slab RowTable", at, 0)
        assert sorted_by(shown, "slab") == "size↑"


async def test_a_click_on_a_row_puts_the_cursor_there_and_a_second_one_opens_it() -> None:
    async with live() as shown:
        await shown.click("#pane-slab RowTable", 5, 2)
        assert "signal_cache" in shown.row_under_cursor()
        await shown.click("#pane-slab RowTable", 5, 2)
        assert "Slab › signal_cache" in shown.text()


async def test_the_cursor_is_in_one_pane_only_also_while_paused() -> None:
    async with live() as shown:
        await shown.press("space")
        await shown.click("#pane-slab RowTable", 5, 2)
        table = shown.app.dashboard["slab"].table
        ground = table.get_component_rich_style("painted--cursor").bgcolor
        strips = shown.app.screen._compositor.render_strips()
        marked = {y for y, strip in enumerate(strips) for part in strip if part.style and part.style.bgcolor == ground}
        assert marked == {table.region.y + 2}


async def test_zoom_while_paused_shows_the_chart() -> None:
    async with live(first=8) as shown:
        await shown.press("6", "space", "z")
        assert "hungry" in shown.text("#pane-processes .chart")
        assert "▄▄" in shown.text("#pane-processes .chart")


async def test_a_click_on_a_tab_goes_to_the_pane() -> None:
    async with live(size=(80, 24)) as shown:
        at = shown.text("#tabs").index("6 Proc")
        await shown.click("#tabs", at, 0)
        assert shown.visible("#pane-processes")
        assert "hungry" in shown.row_under_cursor()


async def test_a_click_on_a_key_presses_it() -> None:
    async with live() as shown:
        at = shown.text("#keys").index("pause")
        await shown.click("#keys", at, 0)
        assert "PAUSED" in shown.text("#header")


async def test_the_palette_opens_and_goes_to_a_pane() -> None:
    async with live(size=(80, 24)) as shown:
        await shown.press("ctrl+p")
        await shown.pilot.pause(0.2)
        await shown.type("go to sock")
        await shown.pilot.pause(0.5)
        assert "Go to Sockets" in shown.text()
        await shown.press("enter")
        await shown.pilot.pause(0.2)
        assert shown.visible("#pane-sockets")


async def test_the_palette_offers_no_screenshot() -> None:
    async with live() as shown:
        titles = [command.title for command in shown.app.get_system_commands(shown.app.screen)]
        assert "Screenshot" not in titles
        assert {"Pause or go on", "Mark the baseline", "Go to Kmemleak", "Filter"} <= set(titles)


async def test_every_command_of_the_palette_runs() -> None:
    async with live() as shown:
        for command in shown.app.get_system_commands(shown.app.screen):
            if command.title in {"Quit", "Theme", "Keys", "Maximize", "Minimize"}:
                continue
            result = command.callback()
            if result is not None:
                await result
            await shown.settle()
            while len(shown.app.screen_stack) > 1:
                shown.app.pop_screen()
                await shown.settle()
        assert shown.app.is_running


@pytest.mark.parametrize("theme", [THEMES[1].name, "ansi-dark", "ansi-light"])
async def test_a_change_of_theme_repaints_the_tables(theme: str) -> None:
    async with live() as shown:
        await shown.press("2")

        def grounds() -> set[object]:
            screen = shown.app.screen
            region = screen.query_one("#pane-slab RowTable").region
            strips = screen._compositor.render_strips()[region.y + 2 : region.bottom]
            return {s.style.color for strip in strips for s in strip.crop(region.x, region.right) if s.style}

        before, text = grounds(), shown.pane("slab")
        shown.app.theme = theme
        await shown.settle()
        await shown.ticks(0)
        assert shown.pane("slab") == text
        assert grounds() != before


async def test_keys_of_the_panes_do_nothing_while_a_dialog_is_open(kernel: list[str]) -> None:
    async with live() as shown:
        await shown.press("2", "question_mark")
        await shown.press("space", "z", "m", "D", "6", "slash", "K", "tab")
        assert "PAUSED" not in shown.text()
        await shown.press("escape")
        assert "PAUSED" not in shown.text("#header")
        assert "kmalloc-2k" in shown.row_under_cursor()
        assert "Kernel actions" not in shown.text()
