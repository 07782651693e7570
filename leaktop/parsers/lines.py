"""The text form of what leaktop itself lists (processes, sockets, mounts): one row a line, tab-separated.

A first line names the form and its version: "# leaktop NAME 1". In a field a backslash, a tab and a newline are
written as backslash escapes, so that any name survives; "-" alone is an unknown number. The sources write this form
and the parsers read it, live as from a recording.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from leaktop.courtesy import give_way
from leaktop.model.sample import ParseError

if TYPE_CHECKING:
    from collections.abc import Iterator

_ESCAPE = {"\\\\": "\\", "\\t": "\t", "\\n": "\n", "\\0": "\0", "\\r": "\r"}
_ESCAPED = re.compile(r"\\.")
_SLICE = 1 << 16
_LONGEST_HEADING = 200


def decode(content: bytes) -> str:
    """Text of kernel bytes: UTF-8 where it is, else each odd byte as a surrogate, so that nothing is lost."""
    return content.decode("utf-8", "surrogateescape")


def unescape(field: str) -> str:
    """The name that was written with backslash escapes."""
    return _ESCAPED.sub(lambda found: _ESCAPE.get(found[0], found[0]), field) if "\\" in field else field


def number(field: str) -> int | None:
    """The integer of a field, None for "-"."""
    return None if field == "-" else int(field)


def slices(content: bytes, begins: bytes = b"") -> Iterator[bytes]:
    """The content in pieces of whole lines, of 64 KiB; the last line may lack its end.

    One call into C over all of it would hold the interpreter's lock, and with it the keys, for as long as it takes.

    Args:
        content: of any size.
        begins: what stands in the first line of a record and nowhere else, where none may be cut; none in such a piece
            is no such content.
    """
    start = 0
    while start < len(content):
        limit = start + _SLICE
        until = content.rfind(begins, start, limit)
        end = content.rfind(b"\n", start, until) + 1 if until > 0 else 0
        if limit >= len(content):
            end = len(content)
        elif end <= start:
            end = content.find(b"\n", limit) + 1 or len(content)
        give_way()
        yield content[start:end]
        start = end


def lines(content: bytes, form: str) -> Iterator[str]:
    """The lines of a text form that are not empty, after the first, which is checked.

    Raises:
        ParseError: the bytes are not this form, version 1.
    """
    heading, end, _ = content[:_LONGEST_HEADING].partition(b"\n")
    if heading != f"# leaktop {form} 1".encode():
        raise ParseError(f"not a leaktop {form} list: {decode(heading[:60])!r}")
    return _filled(content[len(heading) + len(end) :])


def _filled(content: bytes) -> Iterator[str]:
    for piece in slices(content):
        yield from filter(None, decode(piece).split("\n"))


def rows(content: bytes, form: str) -> Iterator[list[str]]:
    """The fields of each line of a text form.

    Raises:
        ParseError: as lines.
    """
    for line in lines(content, form):
        yield line.split("\t")
