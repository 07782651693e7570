"""The pane of kernels that profile allocations: there with its key and in the tabs, and no trace of it elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leaktop.model.sample import Fault
from leaktop.view.panes import PANES
from tests.ui.fake_source import captured, live, moment

if TYPE_CHECKING:
    from tests.ui.fake_source import Contents

NAMES = [pane.name for pane in PANES if not pane.letter]
MISSING = Fault("missing", "this kernel does not profile allocations", "a kernel from 6.10 on")


def profiled(n: int) -> Contents:
    leak = f"{4096 * (9 + n):12} {9 + n:8} ice_txrx.c:681 [ice] func:ice_alloc\x1b]0;mapped_page \n"
    return {**moment(n), "allocinfo": captured("allocinfo/vm-6.12b.txt") + leak.encode()}


def unprofiled(n: int) -> Contents:
    return {**moment(n), "allocinfo": MISSING}


TICKS = [profiled(n) for n in range(9)]


async def test_it_fills_the_screen_and_gives_it_back() -> None:
    async with live(TICKS, size=(140, 40)) as shown:
        assert all(shown.visible(f"#pane-{name}") for name in NAMES)
        assert not shown.visible("#pane-allocinfo")
        await shown.press("2", "P")
        assert [name for name in NAMES if shown.visible(f"#pane-{name}")] == []
        first = shown.rows("allocinfo")[0].split()
        assert first[:3] == ["▲", "40.0K", "+4.00K"]
        assert "ice_txrx.c:681 ice_alloc\\x1b]0;mapped_page ice" in " ".join(first)
        assert "P Allocinfo" in shown.pane("allocinfo")
        await shown.press("escape")
        assert all(shown.visible(f"#pane-{name}") for name in NAMES)
        assert "kmalloc-2k" in shown.row_under_cursor()
        await shown.press("P", "z")
        assert all(shown.visible(f"#pane-{name}") for name in NAMES)


async def test_it_is_one_of_the_tabs_and_of_the_round() -> None:
    async with live(TICKS, size=(120, 24)) as shown:
        assert "P Allocinfo" in shown.text("#tabs")
        await shown.press("9", "tab")
        assert shown.visible("#pane-allocinfo")
        await shown.press("tab")
        assert shown.visible("#pane-memory")
        await shown.press("shift+tab", "question_mark")
        assert "go to Allocinfo, which fills the screen" in shown.text("#help")


async def test_a_kernel_without_it_shows_no_trace_of_it() -> None:
    async with live([unprofiled(n) for n in range(4)], size=(250, 24)) as shown:
        assert "llocinfo" not in shown.text()
        await shown.press("9", "tab")
        assert shown.visible("#pane-memory")
        await shown.press("question_mark")
        assert "llocinfo" not in shown.text("#help")
        await shown.press("escape", "P")
        assert MISSING.reason in shown.pane("allocinfo")
        assert "a kernel from 6.10 on" in shown.pane("allocinfo")
        await shown.press("escape")
        assert "llocinfo" not in shown.text()


async def test_by_module_filter_and_drill_down() -> None:
    async with live(TICKS, size=(120, 40)) as shown:
        await shown.press("P", "M")
        assert "by module" in shown.pane("allocinfo")
        assert [row.split()[1] for row in shown.rows("allocinfo") if "ice:" in row] == ["40.0K"]
        assert len(shown.rows("allocinfo")) == 2
        await shown.press("enter")
        text = shown.text("#detail")
        assert "the first" not in text
        assert "ice_txrx.c:681" in text
        await shown.press("escape", "M", "slash")
        await shown.type("page_ext")
        await shown.press("enter")
        assert [row.split()[4:6] for row in shown.rows("allocinfo")] == [["mm/page_ext.c:271", "alloc_page_ext"]]
        await shown.press("enter")
        assert "1280 allocations that are held" in shown.text("#detail")
        assert "4.00K on average" in shown.text("#detail")
        assert "they are no suspects of their own" in " ".join(shown.text("#detail").replace("│", " ").split())
        await shown.press("escape", "escape")
        assert len(shown.rows("allocinfo")) > 10
