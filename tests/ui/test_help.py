"""`?`: every key, and every figure of the pane that it was pressed in, within reach on 80x24."""

from __future__ import annotations

import pytest

from leaktop.view.panes import pane_named
from tests.ui.fake_source import Live, live
from tests.ui.replayed import replaying


def words(text: str) -> str:
    return " ".join(text.replace("│", " ").replace("▁", " ").split())


async def seen_by_scrolling(shown: Live) -> str:
    """All that comes into view from the top to the end."""
    seen = [shown.text("#help")]
    for _ in range(60):
        await shown.press("pagedown")
        seen.append(shown.text("#help"))
        if seen[-1] == seen[-2]:
            break
    return words(" ".join(seen))


async def test_every_column_and_gauge_comes_into_view_on_80x24() -> None:
    async with live(size=(80, 24), first=1) as shown:
        for pane in map(pane_named, ("memory", "slab")):
            await shown.press(pane.key, "question_mark")
            text = await seen_by_scrolling(shown)
            for title in [column.title for column in pane.columns] + [meaning.title for meaning in pane.legend]:
                assert title in text, (pane.name, title)
            assert f"read from {pane.source.split()[0]}" in text
            await shown.press("escape")


async def test_tab_goes_to_the_next_part_and_shift_tab_back() -> None:
    async with live(size=(80, 24), first=1) as shown:
        await shown.press("4", "question_mark")
        tops = []
        for _ in range(3):
            await shown.press("tab")
            tops.append(shown.lines("#help")[1].strip("│ ").strip() or shown.lines("#help")[2].strip("│ ").strip())
        assert tops == ["4 Sockets: the pane you came from", "Above the panes", "The bar of all memory"]
        await shown.press("shift+tab", "shift+tab", "shift+tab")
        assert "Keys" in "\n".join(shown.lines("#help")[:3])
        await shown.press("escape")
        assert shown.visible("#pane-sockets")


@pytest.mark.parametrize("size", [(40, 12), (20, 5)], ids=str)
async def test_it_does_no_harm_where_there_is_no_room(size: tuple[int, int]) -> None:
    async with live(size=size, first=1) as shown:
        await shown.press("question_mark", "tab", "pagedown", "shift+tab", "end", "home", "escape")
        assert shown.app.is_running
        assert len(shown.app.screen_stack) == 1


async def test_without_glyphs_it_has_none() -> None:
    async with live(size=(110, 60), first=1, is_ascii=True) as shown:
        await shown.press("8", "question_mark")
        assert shown.text("#help").isascii()
        await shown.press("end")
        assert shown.text("#help").isascii()


async def test_it_is_there_in_a_replay_too() -> None:
    async with replaying(size=(80, 24)) as shown:
        await shown.press("question_mark")
        assert "1 .. 9, Tab" in shown.text("#help")
