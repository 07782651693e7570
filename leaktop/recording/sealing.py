"""An object as a line of a recording, long or short: JSON, and at its end the CRC-32 of what stands before."""

from __future__ import annotations

import json
import re
import zlib
from typing import TYPE_CHECKING, Any

from leaktop.courtesy import give_way

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SLICE = 1 << 18
"""Characters that are written at once; what is longer may be given as bytes, and becomes text as it is written."""
_CUT = re.compile(rb"[\xc0-\xff][\x80-\xbf]{0,2}\Z")
"""What may be the beginning of a character whose end is in the next slice."""
_LONGEST = 4
"""Bytes of a character."""
_CRC = re.compile(rb',"crc":"([0-9a-f]{8})"\}\s*\Z')
_CRC_REACH = 64
"""Bytes from the end of a line in which its checksum must stand."""


def seal(body: Mapping[str, Any]) -> bytes:
    """The line of an object, its checksum and newline included."""
    return b"".join(sealed_pieces(body))


def sealed_pieces(body: Mapping[str, Any]) -> list[bytes]:
    """The same in pieces, where it is long.

    One call that writes or copies all of it would hold the interpreter's lock, and with it the keys.
    """
    pieces = [part.encode() for part in _parts(body)]
    pieces[-1] = pieces[-1][:-1]
    checksum = 0
    for piece in pieces:
        checksum = zlib.crc32(piece, checksum)
    return [*pieces, b',"crc":"%08x"}\n' % checksum]


def _parts(value: object) -> Iterator[str]:
    """What json.dumps gives, by and by where there is a long text in it."""
    if not _is_long(value):
        yield json.dumps(value, separators=(",", ":"))
    elif isinstance(value, (str, bytes)):
        yield '"'
        for text in _texts(value):
            give_way()
            yield json.dumps(text)[1:-1]
        yield '"'
    elif isinstance(value, dict):
        before = "{"
        for name, held in value.items():
            yield f"{before}{json.dumps(name)}:"
            yield from _parts(held)
            before = ","
        yield "}"


def _is_long(value: object) -> bool:
    return (
        any(map(_is_long, value.values()))
        if isinstance(value, dict)
        else isinstance(value, (str, bytes)) and len(value) > SLICE
    )


def _texts(value: str | bytes) -> Iterator[str]:
    """A long text by and by; no character of UTF-8 is cut in two."""
    start = 0
    while start < len(value):
        end = min(start + SLICE, len(value))
        part = value[start:end]
        if isinstance(part, bytes):
            cut = _CUT.search(part, max(len(part) - _LONGEST, 0)) if end < len(value) else None
            if cut and cut.start():
                part = part[: cut.start()]
                end = start + len(part)
            part = as_text(part)
        yield part
        start = end


def as_text(content: bytes) -> str:
    """The bytes as a recording tells them: UTF-8, every odd byte as a lone surrogate (PEP 383)."""
    return content.decode("utf-8", "surrogateescape")


def is_sealed(line: bytes) -> bool:
    """Whether the line carries its checksum, and it is right."""
    found = _CRC.search(line, max(len(line) - _CRC_REACH, 0))
    return found is not None and zlib.crc32(memoryview(line)[: found.start()]) == int(found[1], 16)
