"""Recordings out of any bytes: as a file, as text under a right checksum, as a stream that arrives in pieces."""

from __future__ import annotations

import contextlib
import json
import zlib

from leaktop.model.sample import RawSample, Tick
from leaktop.recording.reader import Recording, RecordingError, StoredChapters
from leaktop.recording.redact import Redactor
from leaktop.recording.tape import MemoryStorage
from leaktop.zstd import ZstdCompressor, ZstdDecompressor, ZstdError
from tests import hostile
from tests.fuzz.machines import PROBE_NAMES
from tests.recording.recordings import encode, in_chapters, small_ticks

_MOST_TURNS = 12


def read_whole(content: bytes) -> object:
    """Everything that can be asked of a recording."""
    return _ask(Recording(StoredChapters(MemoryStorage(content)))) if _is_one(content) else None


def read_text(content: bytes) -> object:
    """The same of lines, sealed with the checksum that is right for them: so the reader believes them."""
    sealed = b"\n".join(map(_sealed, content.split(b"\n")))
    compressor = ZstdCompressor()
    return read_whole(compressor.compress(sealed) + compressor.flush())


def read_in_pieces(content: bytes) -> object:
    """What `replay -` does while bytes arrive; the first two say how many at once."""
    size = max(int.from_bytes(content[:2], "little"), len(content) // _MOST_TURNS, 1)
    storage = MemoryStorage()
    recording = Recording(StoredChapters(storage, is_growing=True), is_growing=True)
    for at in range(2, len(content), size):
        storage.append(content[at : at + size])
        recording.refresh()
        recording.first()
    return _ask(recording)


def redact(content: bytes) -> object:
    """A tick of one probe without its names; the first byte chooses the probe."""
    if not content:
        return None
    probe = PROBE_NAMES[content[0] % len(PROBE_NAMES)]
    redactor = Redactor()
    redactor.header(hostile.HEADER)
    return redactor.tick(Tick(1.0, 1.0, (RawSample(probe, content[1:], None, 1.0, 1.0),)))


def files() -> list[bytes]:
    """Small recordings: whole, cut, under way, one behind the other."""
    ticks = small_ticks(6)
    whole = encode(in_chapters(ticks, 3))
    return [whole, whole[:-9], encode([ticks], is_closed=False), whole + whole, encode([hostile.events()[:3], ticks])]


def texts() -> list[bytes]:
    """The lines of these."""
    return [b"".join(_frames(content)) for content in files()]


def streams() -> list[bytes]:
    """The files with a size of pieces in front."""
    return [size.to_bytes(2, "little") + content for content in files() for size in (1, 100)]


def _is_one(content: bytes) -> bool:
    try:
        Recording(StoredChapters(MemoryStorage(content)))
    except RecordingError:
        return False
    return True


def _ask(recording: Recording) -> object:
    places = [place for place, _ in recording.walk()]
    for place in [*places[:2], *places[-2:]]:
        recording.tick(place)
        recording.state(place)
        recording.header_at(place)
        moment = recording.moment(place)
        recording.at(moment.wall)
        recording.at_mono(place.chapter, moment.mono)
        recording.step(place, -1)
    return recording.events(), recording.verify(), recording.first(), recording.last()


def _sealed(line: bytes) -> bytes:
    """A line with its checksum, whatever it had; no JSON stays what it is."""
    body = line.rpartition(b',"crc"')[0] or line.removesuffix(b"}")
    with contextlib.suppress(ValueError, RecursionError):
        json.loads(body + b"}")
        return b'%b,"crc":"%08x"}' % (body, zlib.crc32(body))
    return line


def _frames(content: bytes) -> list[bytes]:
    """The text of the zstd frames of a file."""
    found = []
    while content:
        if content[:4] != b"\x28\xb5\x2f\xfd":
            content = content[8 + int.from_bytes(content[4:8], "little") :]
            continue
        unpacker = ZstdDecompressor()
        try:
            found.append(unpacker.decompress(content))
        except (ZstdError, EOFError):
            break
        content = unpacker.unused_data
    return found
