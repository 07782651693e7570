"""Ticks to the bytes of a recording. Where the bytes go is somebody else's business."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from leaktop.courtesy import give_way
from leaktop.model.sample import Event, Fault, RawSample
from leaktop.recording.layout import Moment, Signpost, signpost_frame
from leaktop.recording.lines import LONGEST_LINE, STATE, Header, event_line, header_line, sample_body
from leaktop.recording.sealing import sealed_pieces
from leaktop.zstd import CompressionParameter, ZstdCompressor

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from leaktop.model.sample import Tick

CHAPTER_TICKS = 180
"""Ticks a chapter: what a damaged one costs, and what finding a moment has to unpack at most."""
CHAPTER_BYTES = 64 << 20
"""Text a chapter, where ticks are large."""
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

    @property
    def entries(self) -> list[tuple[int, int]]:
        """What the seek table says of it, and of the signpost after it: bytes packed, bytes of text."""
        return [(len(self.content), self.text_bytes), (len(signpost_frame(self.signpost)), 0)]


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
        self._first: Moment | None = None
        self._last: Moment | None = None
        """Of the ticks in this chapter."""
        self._events: list[Event] = []
        self._said: dict[str, tuple[bytes, int]] = {}
        """By probe, the bytes that this chapter holds last, and at which tick they stand."""

    def tick(self, tick: Tick) -> None:
        """Record one tick."""
        if self._ticks >= CHAPTER_TICKS or self._text_bytes > self._limit:
            self.close_chapter()
        samples = {sample.probe: sample for sample in tick.samples}
        compressor = self._compressor or self._open(tick, samples)
        self._last = Moment(tick.mono, tick.wall)
        self._first = self._first or self._last
        ordinal = self._ticks
        start = {"tick": ordinal, "mono": tick.mono, "wall": tick.wall}
        line = _bounded_line(start, "samples", samples, lambda sample: self._body(sample, tick))
        for probe, sample in samples.items():
            if sample.content is not None and self._is_new(sample):
                self._said[probe] = sample.content, ordinal
        self._ticks += 1
        self._newest.update(samples)
        self._write(compressor, line)

    def event(self, event: Event) -> None:
        """Record an event; it stands before the next tick."""
        if self._text_bytes > self._limit:
            self.close_chapter()
        compressor = self._compressor or self._open(event, {})
        self._events.append(event)
        self._write(compressor, [event_line(event)])

    def close_chapter(self) -> None:
        """End the chapter under way, if there is one; what comes next begins another."""
        if self._compressor is None:
            return
        last = self._compressor.flush(ZstdCompressor.FLUSH_FRAME)
        content = b"".join([*self._pieces, last])
        if self._first is None or self._last is None:
            self._first, self._last = (Moment(self._events[at].mono, self._events[at].wall) for at in (0, -1))
        boot = self.header.machine.boot_id
        signpost = Signpost(len(content), self._ticks, self._first, self._last, tuple(self._events), boot)
        self._compressor = None
        self._on_piece(last)
        self._on_piece(signpost_frame(signpost))
        self._on_chapter(Chapter(content, self._text_bytes, signpost))

    def abandon(self) -> None:
        """Leave the chapter under way as it is, as a recorder does that is killed; what comes next begins another."""
        self._compressor = None
        self._pieces, self._said = [], {}

    def _open(self, first: Tick | Event, samples: Mapping[str, RawSample]) -> ZstdCompressor:
        header = header_line(self.header)
        carried = {probe: sample for probe, sample in self._newest.items() if probe not in samples}
        one_of_each = sum(len(sample.content or b"") for sample in [*carried.values(), *samples.values()])
        self._limit = CHAPTER_BYTES + one_of_each
        compressor = self._compressor = ZstdCompressor(options=_options(one_of_each))
        self._pieces, self._events, self._said = [], [], {}
        self._first = self._last = None
        self._text_bytes = self._ticks = 0
        self._write(compressor, [header])
        if carried:
            start: dict[str, Any] = {"mono": first.mono, "wall": first.wall}
            line = _bounded_line(start, "state", carried, lambda sample: sample_body(sample, first.mono, None))
            self._said = {probe: (s.content, STATE) for probe, s in carried.items() if s.content is not None}
            self._write(compressor, line)
        return compressor

    def _body(self, sample: RawSample, tick: Tick) -> dict[str, Any]:
        return sample_body(sample, tick.mono, None if self._is_new(sample) else self._said[sample.probe][1])

    def _is_new(self, sample: RawSample) -> bool:
        """Whether this chapter holds other bytes of the probe last, or none."""
        said = self._said.get(sample.probe)
        return said is None or said[0] != sample.content

    def _write(self, compressor: ZstdCompressor, line: Sequence[bytes]) -> None:
        packed = []
        for part in line:
            give_way()
            packed.append(compressor.compress(part))
        piece = b"".join([*packed, compressor.flush(ZstdCompressor.FLUSH_BLOCK)])
        self._text_bytes += sum(map(len, line))
        self._pieces.append(piece)
        self._on_piece(piece)


def _bounded_line(
    start: dict[str, Any], key: str, samples: dict[str, RawSample], body: Callable[[RawSample], dict[str, Any]]
) -> list[bytes]:
    """The line of some samples, in pieces; the largest of them become faults where a reader would refuse the line.

    Args:
        start: what the line says beside them.
        key: under which they stand.
        samples: by probe; those that are too large are replaced here, too.
        body: the object of one.
    """
    while True:
        line = sealed_pieces({**start, key: {probe: body(sample) for probe, sample in samples.items()}})
        if sum(map(len, line)) <= LONGEST_LINE or not samples:
            return line
        large = max(samples.values(), key=lambda sample: len(sample.content or b""))
        reason = f"{large.probe}: {len(large.content or b'')} bytes are more than a recording keeps"
        fault = Fault("unsupported", reason)
        samples[large.probe] = RawSample(large.probe, None, fault, large.mono, large.wall, large.cost)


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
