"""What a kind of terminal can show, by its name and by what terminfo says of it."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

_CONSOLE = re.compile(r"linux|vt\d|ansi|cons")
"""Consoles and serial terminals, whose fonts hold a line but no sparks."""
_MANY_COLOURS = ("-256color", "kitty", "-direct")


class Look(NamedTuple):
    """How to draw on a terminal where the user does not say otherwise."""

    theme: str | None
    """None: the usual one."""
    is_ascii: bool
    is_colourless: bool


def is_console(terminal: str) -> bool:
    """Whether it is a console or a serial terminal: it knows what a VT100 knows, and may print what is new to it."""
    return _CONSOLE.match(terminal) is not None


def look_of(environment: Mapping[str, str]) -> Look:
    """How to draw on the terminal that TERM and COLORTERM name.

    One of sixteen colours gets them as they are: of colours turned into the nearest of sixteen, some are that of the
    ground below.
    """
    terminal = environment.get("TERM", "")
    is_rich = environment.get("COLORTERM", "").lower() in {"truecolor", "24bit"} or terminal.endswith(_MANY_COLOURS)
    is_colourless = not is_rich and _colours(terminal) == 0
    is_plain = is_console(terminal)
    return Look(None if is_rich and not is_plain else "ansi-dark", is_plain, is_colourless)


def _colours(terminal: str) -> int | None:
    """How many colours terminfo says there are; None where it does not know the terminal."""
    try:
        import curses  # noqa: PLC0415  # not every Python has it

        curses.setupterm(terminal, sys.__stdout__.fileno())  # type: ignore[union-attr]  # a terminal, as was checked
        return max(curses.tigetnum("colors"), 0)
    except Exception:  # a Python without curses, no terminfo, no such terminal, and whatever ncurses makes of it
        return None
