"""Ticks to the bytes of a recording. Where the bytes go is somebody else's business."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from leaktop.model.sample import Event, Fault, RawSample
from leaktop.recording.layout import Moment, Signpost, signpost_frame
from leaktop.recording.lines import STATE, Header, event_line, header_line, sample_body, seal
from leaktop.recording.zstd import CompressionParameter, ZstdCompressor

if TYPE_CHECKING:
    from collections.abc import Callable

    from leaktop.model.sample import Tick

CHAPTER_TICKS = 120
"""Ticks a chapter: what a damaged one costs, and what finding a moment has to unpack at most."""
CHAPTER_BYTES = 64 << 20
"""Text a chapter, where ticks are large."""
LARGEST_SAMPLE = 64 << 20
"""Bytes; a sample that is larger is recorded as a fault, since whoever reads it back has to hold it."""
_LEVEL = 6
_WINDOW_LOGS = 21, 26
"""The least and the most the compressor looks back, as powers of two: two ticks must fit in it."""


class Chapter(NamedTuple):
    """A chapter that was closed, whole."""

    content: bytes
    """The zstd frame."""
    text_bytes: int
    """Of the lines in it."""
    signpost: Signpost


class Encoder:
    """Turns ticks and events into chapters, a flushed piece at a time.

    Args:
        header: the session; it begins every chapter, so that a chapter needs no other.
        on_piece: takes the bytes of the chapter under way, as they come: all of them can be unpacked at once.
        on_chapter: takes each chapter when it is closed, the pieces already given to `on_piece` included.
    """

    def __init__(
        self, header: Header, on_piece: Callable[[bytes], None], on_chapter: Callable[[Chapter], None]
    ) -> None:
        self.header = header
        self._on_piece = on_piece
        self._on_chapter = on_chapter
        self._newest: dict[str, RawSample] = {}
        self._compressor: ZstdCompressor | None = None
        self._pieces: list[bytes] = []
        self._text_bytes = 0
        self._limit = CHAPTER_BYTES
        self._ticks = 0
        self._moments: list[Moment] = []
        self._events: list[Event] = []
        self._said: dict[str, tuple[bytes, int]] = {}
        """By probe, the bytes that this chapter holds last, and at which tick they stand."""

    def tick(self, tick: Tick) -> None:
        """Record one tick."""
        if self._ticks >= CHAPTER_TICKS or self._text_bytes > self._limit:
            self.close_chapter()
        samples = [_bounded(sample) for sample in tick.samples]
        compressor = self._compressor or self._open(tick, samples)
        self._moments.append(Moment(tick.mono, tick.wall))
        bodies = {sample.probe: self._body(sample, tick, self._ticks) for sample in samples}
        line = seal({"tick": self._ticks, "mono": tick.mono, "wall": tick.wall, "samples": bodies})
        self._ticks += 1
        self._newest.update((sample.probe, sample) for sample in samples)
        self._write(compressor, line)

    def event(self, event: Event) -> None:
        """Record an event; it stands before the next tick."""
        compressor = self._compressor or self._open(event, [])
        self._events.append(event)
        self._moments.append(Moment(event.mono, event.wall))
        self._write(compressor, event_line(event))

    def close_chapter(self) -> None:
        """End the chapter under way, if there is one; what comes next begins another."""
        if self._compressor is None:
            return
        last = self._compressor.flush(ZstdCompressor.FLUSH_FRAME)
        content = b"".join([*self._pieces, last])
        moments = self._moments
        signpost = Signpost(len(content), self._ticks, moments[0], moments[-1], tuple(self._events))
        self._compressor = None
        self._on_piece(last)
        self._on_piece(signpost_frame(signpost))
        self._on_chapter(Chapter(content, self._text_bytes, signpost))

    def _open(self, first: Tick | Event, samples: list[RawSample]) -> ZstdCompressor:
        header = header_line(self.header)
        coming = {sample.probe: sample for sample in samples}
        carried = {probe: sample for probe, sample in self._newest.items() if probe not in coming}
        one_of_each = sum(len(sample.content or b"") for sample in (carried | coming).values())
        self._limit = CHAPTER_BYTES + one_of_each
        compressor = self._compressor = ZstdCompressor(options=_options(one_of_each))
        self._pieces, self._moments, self._events, self._said = [], [], [], {}
        self._text_bytes = self._ticks = 0
        self._write(compressor, header)
        if carried:
            body = {probe: self._carried(sample, first) for probe, sample in carried.items()}
            self._write(compressor, seal({"state": body, "mono": first.mono, "wall": first.wall}))
        return compressor

    def _body(self, sample: RawSample, tick: Tick, ordinal: int) -> dict[str, Any]:
        said = self._said.get(sample.probe)
        if said is not None and said[0] == sample.content:
            return sample_body(sample, tick.mono, said[1])
        if sample.content is not None:
            self._said[sample.probe] = sample.content, ordinal
        return sample_body(sample, tick.mono, None)

    def _carried(self, sample: RawSample, first: Tick | Event) -> dict[str, Any]:
        if sample.content is not None:
            self._said[sample.probe] = sample.content, STATE
        return sample_body(sample, first.mono, None)

    def _write(self, compressor: ZstdCompressor, line: bytes) -> None:
        piece = compressor.compress(line, ZstdCompressor.FLUSH_BLOCK)
        self._text_bytes += len(line)
        self._pieces.append(piece)
        self._on_piece(piece)


def _bounded(sample: RawSample) -> RawSample:
    if sample.content is None or len(sample.content) <= LARGEST_SAMPLE:
        return sample
    reason = f"{sample.probe}: {len(sample.content)} bytes are more than a recording keeps of one probe"
    return RawSample(sample.probe, None, Fault("unsupported", reason), sample.mono, sample.wall, sample.cost)


def _options(tick_bytes: int) -> dict[int, int]:
    """Settings under which the text of a tick is found again in the next one."""
    least, most = _WINDOW_LOGS
    window = min(max((2 * tick_bytes).bit_length(), least), most)
    return {
        CompressionParameter.compression_level: _LEVEL,
        CompressionParameter.checksum_flag: 1,
        CompressionParameter.window_log: window,
        CompressionParameter.enable_long_distance_matching: int(window > least + 1),
    }
