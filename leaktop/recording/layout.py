"""Where the pieces of a recording lie: chapters, signposts and the seek table, found without unpacking anything.

A chapter is one zstd frame (RFC 8878). After each closed one stands a signpost, a skippable frame with one line of
JSON that says how long the chapter is and what it holds. A recording that was closed ends with the seek table of
zstd's seekable format (contrib/seekable_format in zstd), another skippable frame. `zstdcat` passes over both kinds.
"""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING, NamedTuple, Protocol

from leaktop.recording.blocks import FRAME_MAGIC, LONGEST_HEADER, checksum_length, header_length, read_block
from leaktop.recording.lines import LineError, event_body, parse, read_event, times
from leaktop.recording.sealing import is_sealed, seal
from leaktop.zstd import DecompressionParameter, ZstdDecompressor, ZstdError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from leaktop.model.sample import Event

SIGNPOST_MAGIC = b"\x5a\x2a\x4d\x18"
SEEK_TABLE_MAGIC = b"\x5e\x2a\x4d\x18"
WINDOW_LOG_MAX = 27
"""The most that a frame may look back, as a power of two: what `zstd --long` writes, and no bomb."""
_SEEKABLE = 0x8F92EAB1
_SKIPPABLE = re.compile(rb"[\x50-\x5f]\x2a\x4d\x18")
_MAGICS = (FRAME_MAGIC, *(bytes((low,)) + SIGNPOST_MAGIC[1:] for low in range(0x50, 0x60)))
_START = re.compile(b"|".join(map(re.escape, (FRAME_MAGIC, SIGNPOST_MAGIC))))
_SIGNPOST_KEY = b'{"signpost":'
_LONGEST_SIGNPOST = 1 << 20
_MOST_ENTRIES = 1 << 22
_PIECE = 1 << 20


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
    boot: str | None = None
    """The boot that it comes from, where that is known: monotonic clocks compare within one only."""


UNDESCRIBED = Signpost(0, -1, Moment(0.0, 0.0), Moment(0.0, 0.0), ())
"""For a chapter that no signpost follows yet: what it holds is known when it is unpacked."""


class Stretch(NamedTuple):
    """A chapter as it lies there, not unpacked."""

    number: int
    offset: int
    length: int
    signpost: Signpost
    is_closed: bool


class Damage(NamedTuple):
    """What cannot be read, and what was lost with it."""

    offset: int
    """Where in the file, in bytes."""
    bytes: int
    reason: str
    first: Moment | None
    """The span that is missing, where that is known."""
    last: Moment | None
    ticks: int | None
    """How many ticks are lost, where that is known."""


class Extent(NamedTuple):
    """How far a zstd frame reaches."""

    end: int
    """In bytes from the beginning of the file; the file's end where the frame is cut."""
    is_whole: bool


class Start(NamedTuple):
    """Where a recording can be read again after damage."""

    offset: int
    signpost: Signpost | None
    """The one that stands there; None where a chapter begins."""


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
        "boot": signpost.boot,
    }
    line = seal(body)
    return SIGNPOST_MAGIC + struct.pack("<I", len(line)) + line


def read_signpost(storage: Storage, offset: int) -> tuple[Signpost, int] | None:
    """The signpost that begins there, and where it ends; None where there is none that can be trusted."""
    head = storage.read(offset, 1 << 10)
    length = int.from_bytes(head[4:8], "little")
    if not (head.startswith(SIGNPOST_MAGIC) and head.startswith(_SIGNPOST_KEY, 8) and length <= _LONGEST_SIGNPOST):
        return None
    line = head[8 : 8 + length] if 8 + length <= len(head) else storage.read(offset + 8, length)
    if len(line) < length or not is_sealed(line):
        return None
    try:
        body = parse(line)
        first, last = (Moment(*times({"mono": mono, "wall": wall})) for mono, wall in (body["first"], body["last"]))
        events = tuple(read_event(event) for event in body["events"])
        ticks, chapter, boot = body["ticks"], body["signpost"], body.get("boot")
    except (LineError, KeyError, TypeError, ValueError, AttributeError):
        return None
    if type(ticks) is not int or type(chapter) is not int or not (0 <= ticks < 1 << 40 and chapter > 0):
        return None
    return Signpost(chapter, ticks, first, last, events, boot if isinstance(boot, str) else None), offset + 8 + length


def frame_end(storage: Storage, offset: int) -> Extent | None:
    """How far the frame that begins at an offset reaches.

    Hops from block header to block header, unpacking nothing. None where no frame begins there.
    """
    size = storage.size()
    head = storage.read(offset, LONGEST_HEADER)
    if len(head) < 4:
        return Extent(size, is_whole=False) if any(magic.startswith(head) for magic in _MAGICS) else None
    if _SKIPPABLE.match(head):
        end = offset + 8 + int.from_bytes(head[4:8], "little")
        return Extent(min(end, size), end <= size and len(head) >= 8)
    if not head.startswith(FRAME_MAGIC):
        return None
    before = header_length(head)
    if before is None:
        return Extent(size, is_whole=False) if len(head) < 5 else None
    position = offset + before
    buffer, start = b"", position
    while True:
        at = position - start
        if not 0 <= at <= len(buffer) - 3:
            buffer, start, at = storage.read(position, 1 << 16), position, 0
            if len(buffer) < 3:
                return Extent(size, is_whole=False)
        block = read_block(buffer, at)
        if block is None:
            return None
        position += block.length
        if position > size:
            return Extent(size, is_whole=False)
        if block.is_last:
            break
    position += checksum_length(head)
    return Extent(min(position, size), position <= size)


def find_start(storage: Storage, offset: int, stop: int) -> tuple[Start | None, int]:
    """The next place from an offset on, and before another, where a chapter or a signpost begins, after damage.

    Returns:
        the place, None where there is none; and the offset to look on from when there is more.
    """
    undecided = stop
    position = offset
    while position < stop:
        buffer = storage.read(position, min(_PIECE, stop - position))
        if len(buffer) < 4:
            break
        for found in _START.finditer(buffer):
            place = position + found.start()
            if found[0] == SIGNPOST_MAGIC:
                signpost = read_signpost(storage, place)
                if signpost is not None:
                    return Start(place, signpost[0]), place
                extent = frame_end(storage, place)
                if extent is not None and not extent.is_whole:
                    undecided = min(undecided, place)
                continue
            is_chapter = _holds_lines(storage, place)
            if is_chapter:
                return Start(place, None), place
            if is_chapter is None:
                undecided = min(undecided, place)
        position += len(buffer) - 3
    return None, max(min(undecided, stop - 3), offset)


def _holds_lines(storage: Storage, offset: int) -> bool | None:
    """Whether the frame there begins with a line of JSON; None where too little is there to tell.

    Four bytes of compressed data may look like a frame's magic; that they can be unpacked to a brace is no accident.
    """
    head = storage.read(offset, LONGEST_HEADER + 3)
    first = header_length(head)
    if first is None or first + 3 > len(head):
        return False if first is None and len(head) >= 5 else None
    block = read_block(head, first)
    if block is None:
        return False
    packed = storage.read(offset, first + block.length)
    try:
        unpacker = ZstdDecompressor(options={DecompressionParameter.window_log_max: WINDOW_LOG_MAX})
        text = unpacker.decompress(packed, 16)
    except (ZstdError, ValueError):
        return False
    if not text and len(packed) < first + block.length:
        return None
    return text.startswith(b"{")


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
