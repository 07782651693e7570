"""Writing the tab-separated text form that leaktop.parsers.lines reads back."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\0": "\\0", "\r": "\\r"})


def escape(name: str) -> str:
    """A name that holds no tab and no newline any more."""
    return name.translate(_ESCAPES)


def encode(form: str, lines: Iterable[str]) -> bytes:
    """The bytes of a list: its heading, then one line a row."""
    return "\n".join([f"# leaktop {form} 1", *lines, ""]).encode("utf-8", "surrogateescape")
