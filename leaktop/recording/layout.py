"""Where the pieces of a recording lie: chapters, signposts and the seek table, found without unpacking anything.

A chapter is one zstd frame (RFC 8878). After each closed one stands a signpost, a skippable frame with one line of
JSON that says how long the chapter is and what it holds. A recording that was closed ends with the seek table of
zstd's seekable format (contrib/seekable_format in zstd), another skippable frame. `zstdcat` passes over both kinds.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple, Protocol

from leaktop.recording.lines import LineError, event_body, read_event, seal, unseal

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from leaktop.model.sample import Event

FRAME_MAGIC = b"\x28\xb5\x2f\xfd"
SIGNPOST_MAGIC = b"\x5a\x2a\x4d\x18"
SEEK_TABLE_MAGIC = b"\x5e\x2a\x4d\x18"
_SEEKABLE = 0x8F92EAB1
_SKIPPABLE = range(0x184D2A50, 0x184D2A60)
_LONGEST_SIGNPOST = 1 << 20
_MOST_ENTRIES = 1 << 22


class Moment(NamedTuple):
    """When: seconds on the monotonic clock, and since the epoch."""

    mono: float
    wall: float


class Signpost(NamedTuple):
    """What a closed chapter holds."""

    length: int
    """Bytes of the chapter as it lies in the file."""
    ticks: int
    first: Moment
    """Of its first tick, and of its last; of its events where it has no tick."""
    last: Moment
    events: tuple[Event, ...]


class Storage(Protocol):
    """Bytes that can be read anywhere: a file, or memory; they may still grow at the end."""

    def size(self) -> int:
        """Bytes that are there now."""

    def read(self, offset: int, length: int) -> bytes:
        """At most so many bytes from there; fewer at the end."""


def signpost_frame(signpost: Signpost) -> bytes:
    """The skippable frame that follows a chapter."""
    body = {
        "signpost": signpost.length,
        "ticks": signpost.ticks,
        "first": signpost.first,
        "last": signpost.last,
        "events": [event_body(event) for event in signpost.events],
    }
    line = seal(body)
    return SIGNPOST_MAGIC + struct.pack("<I", len(line)) + line


def read_signpost(storage: Storage, offset: int) -> tuple[Signpost, int] | None:
    """The signpost that begins there, and where it ends; None where there is none that can be trusted."""
    head = storage.read(offset, 8)
    if len(head) < 8 or head[:4] != SIGNPOST_MAGIC:
        return None
    length = int.from_bytes(head[4:], "little")
    if length > _LONGEST_SIGNPOST:
        return None
    try:
        body = unseal(storage.read(offset + 8, length))
        first, last = Moment(*map(float, body["first"])), Moment(*map(float, body["last"]))
        events = tuple(read_event(event) for event in body["events"])
        ticks, chapter = int(body["ticks"]), int(body["signpost"])
    except (LineError, KeyError, TypeError, ValueError, AttributeError):
        return None
    if not (0 <= ticks < 1 << 40 and 0 < chapter <= offset):
        return None
    return Signpost(chapter, ticks, first, last, events), offset + 8 + length


def frame_end(storage: Storage, offset: int) -> tuple[int, bool] | None:
    """Where the frame that begins at an offset ends, and whether all of it is there.

    Hops from block header to block header, unpacking nothing. None where no frame begins there.
    """
    head = storage.read(offset, 18)
    if len(head) >= 8 and int.from_bytes(head[:4], "little") in _SKIPPABLE:
        end = offset + 8 + int.from_bytes(head[4:8], "little")
        return min(end, storage.size()), end <= storage.size()
    if len(head) < 6 or head[:4] != FRAME_MAGIC or head[4] & 0x08:
        return None
    flags = head[4]
    is_single = bool(flags & 0x20)
    dictionary = (0, 1, 2, 4)[flags & 0x03]
    content_size = (1 if is_single else 0, 2, 4, 8)[flags >> 6]
    position = offset + 5 + (not is_single) + dictionary + content_size
    size = storage.size()
    buffer, start = b"", position
    while True:
        at = position - start
        if not 0 <= at <= len(buffer) - 3:
            buffer, start, at = storage.read(position, 1 << 16), position, 0
            if len(buffer) < 3:
                return size, False
        block = buffer[at] | buffer[at + 1] << 8 | buffer[at + 2] << 16
        kind, length = block >> 1 & 3, block >> 3
        if kind == 3 or length > 1 << 17:
            return None
        position += 3 + (1 if kind == 1 else length)
        if position > size:
            return size, False
        if block & 1:
            break
    position += 4 if flags & 0x04 else 0
    return min(position, size), position <= size


def find_start(storage: Storage, offset: int) -> tuple[int, Signpost | None] | None:
    """The next place from an offset on where a chapter or a signpost begins, after damage; None where there is none.

    Returns:
        the offset, and the signpost if it is one that can be trusted.
    """
    position, overlap = offset, 3
    while True:
        buffer = storage.read(position, 1 << 20)
        if len(buffer) < 5:
            return None
        at = 0
        while True:
            places = [p for p in (buffer.find(FRAME_MAGIC, at), buffer.find(SIGNPOST_MAGIC, at)) if p >= 0]
            if not places:
                break
            at = min(places)
            if buffer.startswith(SIGNPOST_MAGIC, at):
                found = read_signpost(storage, position + at)
                if found is not None:
                    return position + at, found[0]
            elif frame_end(storage, position + at) is not None:
                return position + at, None
            at += 1
        position += max(len(buffer) - overlap, 1)


def seek_table(entries: Sequence[tuple[int, int]]) -> bytes:
    """The last frame of a closed recording: the (compressed, decompressed) sizes of all that stand before it."""
    table = b"".join(struct.pack("<II", packed, min(plain, 0xFFFFFFFF)) for packed, plain in entries)
    footer = struct.pack("<IBI", len(entries), 0, _SEEKABLE)
    return SEEK_TABLE_MAGIC + struct.pack("<I", len(table) + len(footer)) + table + footer


def read_seek_table(storage: Storage) -> list[int] | None:
    """The compressed sizes that the seek table at the end lists; None where it is missing or does not fit the file."""
    size = storage.size()
    footer = storage.read(size - 9, 9) if size >= 17 else b""
    if len(footer) < 9:
        return None
    count, descriptor, magic = struct.unpack("<IBI", footer)
    width = 12 if descriptor & 0x80 else 8
    if magic != _SEEKABLE or count > _MOST_ENTRIES:
        return None
    begin = size - 9 - count * width - 8
    if begin < 0 or storage.read(begin, 4) != SEEK_TABLE_MAGIC:
        return None
    table = storage.read(begin + 8, count * width)
    sizes = [int.from_bytes(table[i : i + 4], "little") for i in range(0, len(table), width)]
    return sizes if sum(sizes) == begin and all(sizes) else None


def total(entries: Iterable[tuple[int, int]]) -> int:
    """Bytes that the entries of a seek table span."""
    return sum(packed for packed, _ in entries)
