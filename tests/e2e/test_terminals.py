"""Kinds of terminals: each shows the same screen, with what it has."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.e2e.terminal import LEAKTOP, Terminal

if TYPE_CHECKING:
    from collections.abc import Mapping

COLOUR = re.compile(rb"\x1b\[(?:[\d;]*;)?(?:3[0-8]|4[0-8]|9\d|10\d)(?:;[\d;]*)?m")
NEW_TO_A_VT100 = re.compile(rb"\x1b\[(?:\?\d+\$p|>\d+u|<u)")


def seen(environment: Mapping[str, str | None], *options: str) -> Terminal:
    """The slab pane, with the cursor moved, on such a terminal, which was quit."""
    wanted = {"COLORTERM": None, **environment}
    with Terminal((*LEAKTOP, *options), size=(90, 26), environment=wanted) as terminal:
        terminal.wait_for("MemAvail")
        terminal.press("2")
        terminal.wait_for("2 Slab")
        terminal.wait(lambda: re.search(r"dentry|inode_cache|kmalloc", terminal.text), "caches")
        terminal.press("down")
        lost = [
            (x, y)
            for y, line in enumerate(terminal.screen.display)
            for x, character in enumerate(line)
            if not character.isspace() and (cell := terminal.screen.buffer[y][x]).fg == cell.bg != "default"
        ]
        grounds = {(cell.bg, cell.reverse) for row in terminal.screen.buffer.values() for cell in row.values()}
        text = terminal.text
        terminal.press("q")
        assert terminal.exit_status() == 0
        terminal.check_restored()
    assert not lost, f"in the colour of the ground: {lost}\n{text}"
    assert len(grounds) > 1, "the cursor cannot be seen"
    assert "growth" in text
    assert "q quit" in text
    terminal.screen.reset()
    terminal.screen.draw(text.replace("\n", "\r\n"))
    return terminal


@pytest.mark.parametrize("term", ["linux", "vt100"])
def test_a_console_is_drawn_with_what_its_font_holds(term: str) -> None:
    terminal = seen({"TERM": term})
    assert not NEW_TO_A_VT100.search(terminal.output)
    assert terminal.output.isascii()
    assert bool(COLOUR.search(terminal.output)) == (term == "linux")


def test_dialogs_have_their_words_on_a_console() -> None:
    with Terminal(size=(80, 24), environment={"TERM": "vt100", "COLORTERM": None}) as terminal:
        terminal.wait_for("MemAvail")
        terminal.press("?")
        terminal.wait_for("drill down into the row")
        terminal.press("escape", "enter")
        terminal.wait_for("Esc back")
        terminal.wait_for("since the baseline")
        terminal.press("escape", "q")
        assert terminal.exit_status() == 0


def test_a_terminal_without_colours_gets_none() -> None:
    terminal = seen({"TERM": "xterm-mono"})
    assert not COLOUR.search(terminal.output)


@pytest.mark.parametrize("term", ["xterm", "screen", "tmux", "never-heard-of"])
def test_sixteen_colours_are_enough(term: str) -> None:
    terminal = seen({"TERM": term})
    assert COLOUR.search(terminal.output)
    assert b"38;2" not in terminal.output
    assert b"38;5" not in terminal.output


@pytest.mark.parametrize("term", ["screen-256color"])
def test_256_colours(term: str) -> None:
    assert b"38;5" in seen({"TERM": term}).output


@pytest.mark.parametrize("locale", ["C"])
def test_any_locale_will_do(locale: str) -> None:
    seen({"LANG": locale, "LC_ALL": locale})


def test_where_the_output_is_no_utf_8_it_is_ascii() -> None:
    assert seen({"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "latin-1"}).output.isascii()
