"""Keys, columns and order as the configuration has them, seen on the screen."""

from __future__ import annotations

from leaktop.cli.wishes import granted
from leaktop.model.settings import parse_settings
from tests.ui.fake_source import live

ASKED = """\
[keys]
pause = ["x", "f5"]
zoom = "Q"
mark = "space"
quit = "ctrl+x"
[columns]
slab = ["growth", "name", "size"]
[sort]
slab = "name"
"""


async def test_keys_that_were_given_away_do_what_they_are_told() -> None:
    panes, keymap = granted(parse_settings(ASKED)[0])
    async with live(size=(160, 48), panes=panes, keymap=keymap) as shown:
        await shown.press("x")
        assert "PAUSED" in shown.text("#header")
        await shown.press("f5")
        assert "LIVE" in shown.text("#header")
        await shown.press("space")
        assert "LIVE" in shown.text("#header")
        assert "Baseline marked" in shown.said()
        await shown.press("2", "Q")
        assert not shown.visible("#pane-memory")
        await shown.press("z", "e", "m", "q")  # what they were
        assert shown.app.is_running
        assert not shown.visible("#pane-memory")
        await shown.press("ctrl+x")
        assert not shown.app.is_running


async def test_the_key_line_the_help_and_the_palette_name_them() -> None:
    panes, keymap = granted(parse_settings(ASKED)[0])
    async with live(size=(160, 48), panes=panes, keymap=keymap) as shown:
        line = shown.text("#keys")
        for words in ("ctrl+x quit", "x pause", "Q zoom", "Space mark", "? help"):
            assert words in " ".join(line.split())
        await shown.press("[")
        assert "x play, pause" in " ".join(shown.text("#keys").split())
        await shown.press("L", "question_mark")
        help_ = shown.text("#help")
        assert "x" in next(row for row in help_.splitlines() if "pause: the panes" in row).split()
        await shown.press("escape", "ctrl+p", *"pause")
        await shown.settle()
        assert "Key x or f5" in shown.text()


async def test_a_click_on_the_key_line_presses_the_key_that_stands_there() -> None:
    panes, keymap = granted(parse_settings(ASKED)[0])
    async with live(size=(160, 48), panes=panes, keymap=keymap) as shown:
        column = shown.text("#keys").splitlines()[0].index("x pause")
        await shown.click("#keys", column)
        assert "PAUSED" in shown.text("#header")


async def test_columns_and_order() -> None:
    panes, keymap = granted(parse_settings(ASKED)[0])
    async with live(size=(160, 48), panes=panes, keymap=keymap) as shown:
        heading, *rows = [line[2:] for line in shown.text("#pane-slab RowTable").splitlines()]
        assert heading.split() == ["growth", "cache↑", "size"]
        names = [row.split()[1] for row in rows if row.strip()]
        assert len(names) > 3
        assert names == sorted(names)
        await shown.press("2", "D")
        assert "kmalloc-2k" in shown.row_under_cursor()


async def test_what_is_wrong_is_said_once_on_the_screen() -> None:
    async with live(notices=("config.toml:3: keys.pause: [x] is taken",)) as shown:
        assert "config.toml:3: keys.pause: [x] is taken" in shown.said()
