"""Text that is safe to show: the one place where kernel text and names that users chose are made harmless.

ESC, other control characters, bidi and zero-width characters and undecodable bytes become visible escapes, so that no
process name, socket path or recording can move the cursor, reorder a line, or write to the clipboard.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import Literal, NamedTuple

LONGEST = 512
"""Characters of one name that are shown; a megabyte of name helps nobody."""

_LONGEST_SENTENCE = 4096
_FILLERS = "\u115f\u1160\u3164\uffa0"
"""Letters by their category, yet they show nothing."""

Tone = Literal["", "dim", "strong", "growth", "cache", "shrink", "fault"]
"""What a text means, not how it looks: the theme decides on colours, and each tone has a glyph or a word as well."""


class Cell(NamedTuple):
    """One table cell: plain text without control characters, and its tone."""

    text: str
    tone: Tone = ""


def sanitise(text: str) -> str:
    """The text with everything that a terminal would obey, or that would not show, written as an escape."""
    if len(text) > LONGEST:
        return f"{_visible_text(text[:LONGEST])}... ({len(text)} characters)"
    return text if text.isascii() and text.isprintable() else _visible_text(text)


def visible(text: str) -> str:
    """The same without an end: for files that programs read as well as people."""
    return "".join(sanitise(text[at : at + LONGEST]) for at in range(0, len(text), LONGEST))


def safe(text: str) -> str:
    """Like `sanitise`, for whole sentences: longer than a name may be, yet not without end."""
    pieces = (text[at : at + LONGEST] for at in range(0, min(len(text), _LONGEST_SENTENCE), LONGEST))
    end = f"... ({len(text)} characters)" if len(text) > _LONGEST_SENTENCE else ""
    return "".join(map(sanitise, pieces)) + end


@lru_cache(maxsize=8192)
def _visible_text(text: str) -> str:
    return "".join(map(_visible, text))


def _visible(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # a byte that was not UTF-8, see parsers.lines.decode
        return f"\\x{code - 0xDC00:02x}"
    is_shown = character.isprintable() and unicodedata.category(character) not in {"Cf", "Mn", "Me"}
    if is_shown and character not in _FILLERS:
        return character
    names = {"\n": "\\n", "\t": "\\t", "\r": "\\r", "\0": "\\0"}
    if character in names:
        return names[character]
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def width_of(text: str) -> int:
    """The cells that a text takes on a terminal: two for each wide character."""
    if text.isascii():
        return len(text)
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)
