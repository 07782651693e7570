"""A part of a recording, recorded anew: whole, readable alone, and fit for others to see where that is asked for."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from leaktop.model.sample import Event, RawSample, Tick
from leaktop.recording.encoder import Encoder
from leaktop.recording.lines import LineError
from leaktop.recording.passage import gap_from

if TYPE_CHECKING:
    from leaktop.recording.chapter import Chapter
    from leaktop.recording.lines import Header
    from leaktop.recording.reader import Place, Recording, Stretch
    from leaktop.recording.recorder import Sink
    from leaktop.recording.redact import Redactor

_SAME_READ = 0.05
"""Seconds by which the time of one read may differ between two places that tell of it: ages are kept in hundredths."""


class Piece(NamedTuple):
    """What was recorded anew."""

    ticks: int
    seconds: float
    """From the first tick of each session to its last, summed."""
    sessions: int
    events: int
    lost: int
    """Ticks of the span that cannot be read."""


def copy_span(recording: Recording, first: Place, last: Place, sink: Sink, redactor: Redactor | None = None) -> Piece:
    """Record the ticks of a span anew, with the events and the gaps among them.

    The first tick holds the newest sample of every probe, however long ago that was read, so that the piece begins with
    what was known then. After damage the same is done for what the lost ticks would have said.

    Args:
        recording: what is copied from.
        first: of the span.
        last: of the span; it is copied, too.
        sink: where it goes.
        redactor: rewrites what is copied.
    """
    copy = _Copy(sink, redactor)
    for stretch in [s for s in recording.stretches if first.chapter <= s.number <= last.chapter]:
        begin = first.ordinal if stretch.number == first.chapter else 0
        end = last.ordinal + 1 if stretch.number == last.chapter else None
        copy.chapter(recording, stretch, begin, end)
    copy.close()
    return Piece(copy.ticks, copy.seconds, copy.sessions, copy.events, copy.lost)


class _Copy:
    """The copy under way."""

    def __init__(self, sink: Sink, redactor: Redactor | None) -> None:
        self.ticks = self.sessions = self.events = self.lost = 0
        self.seconds = 0.0
        self._sink = sink
        self._redactor = redactor
        self._encoder: Encoder | None = None
        self._header: Header | None = None
        self._before = 0.0
        self._is_gap_told = False
        self._seen: dict[str, float] = {}
        """By probe, when the sample was read that was copied last."""

    def chapter(self, recording: Recording, stretch: Stretch, begin: int, end: int | None) -> None:
        """Copy the ticks of one chapter from a place in it to another; None: to its end."""
        chapter = recording.chapter(stretch.number)
        places = range(begin, len(chapter))[: None if end is None else end - begin]
        events = stretch.signpost.events or chapter.events
        pending = [event for event in events if not begin or event.mono >= _mono(chapter, begin)]
        if end is None:
            self.lost += max(stretch.signpost.ticks - len(chapter), 0)
        for index in places:
            try:
                tick = chapter.tick(index)
                if index == begin:
                    tick = self._with_carried(tick, chapter.state(index))
            except LineError:
                self.lost += 1
                continue
            self._begin_session(recording.chapter(stretch.number), index, recording, tick)
            while pending and pending[0].mono <= tick.mono:
                self._event(pending.pop(0))
            self._tick(tick)
        if end is None or end >= len(chapter):
            for event in pending:
                self._event(event)

    def close(self) -> None:
        """End the last chapter."""
        if self._encoder is not None:
            self._encoder.close_chapter()

    def _begin_session(self, chapter: Chapter, index: int, recording: Recording, tick: Tick) -> None:
        header = chapter.header_at(index) or recording.header
        if header is None or (header == self._header and tick.mono >= self._before):
            return
        self.close()
        self._header = header
        self._encoder = Encoder(
            self._redactor.header(header) if self._redactor else header, self._sink.piece, self._sink.chapter
        )
        self._before = tick.mono
        self._seen = {}
        self.sessions += 1

    def _with_carried(self, tick: Tick, state: Tick) -> Tick:
        """A tick with what it and the ticks before it in the piece do not say."""
        own = {sample.probe for sample in tick.samples}
        carried = [s for s in state.samples if s.probe not in own and self._is_new(s)]
        return replace(tick, samples=(*carried, *tick.samples))

    def _is_new(self, sample: RawSample) -> bool:
        seen = self._seen.get(sample.probe)
        return seen is None or sample.mono > seen + _SAME_READ

    def _event(self, event: Event) -> None:
        if self._encoder is None:
            return
        self._encoder.event(self._redactor.event(event) if self._redactor else event)
        self._is_gap_told |= event.kind in {"gap", "suspend"}
        self.events += 1

    def _tick(self, tick: Tick) -> None:
        if self._encoder is None or self._header is None:
            return
        passed = tick.mono - self._before
        if passed > gap_from(self._header.interval) and not self._is_gap_told:
            # Between two chapters the reader sees it; the copy's chapters end elsewhere.
            self._encoder.event(Event(tick.mono, tick.wall, "gap", "", round(passed, 1)))
        self._encoder.tick(self._redactor.tick(tick) if self._redactor else tick)
        self._seen.update((sample.probe, sample.mono) for sample in tick.samples)
        self._is_gap_told = False
        self.ticks += 1
        self.seconds += passed
        self._before = tick.mono


def _mono(chapter: Chapter, index: int) -> float:
    try:
        return chapter.moment(index)[0] if index < len(chapter) else float("inf")
    except LineError:
        return float("-inf")
