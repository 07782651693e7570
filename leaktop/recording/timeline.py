"""The whole of a recording as a line: where each moment lies on it, what is missing, what happened."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from leaktop.model.sample import Event
from leaktop.recording.layout import Moment
from leaktop.recording.passage import between

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from leaktop.recording.layout import Damage, Stretch
    from leaktop.recording.reader import Place, Recording

_LEAST_STEP = 1.0
"""Seconds between two boots on the line, where the clock does not say how many they were."""


class Timeline(NamedTuple):
    """Positions in seconds since the first tick, without the time that the machine slept."""

    length: float
    start: Moment
    end: Moment
    events: tuple[tuple[float, Event], ...]
    """Marks, gaps, reboots ..., in order; a gap stands where it ends."""
    damage: tuple[tuple[float, float], ...]
    offsets: dict[int, tuple[float, float]]
    """By chapter, where it begins on the line, and the monotonic time of that."""

    def place_near(self, position: float) -> tuple[int, float] | None:
        """The chapter that holds a position, and the monotonic time there."""
        before = [(offset, mono, number) for number, (offset, mono) in self.offsets.items() if offset <= position]
        if not before:
            return None
        offset, mono, number = max(before)
        return number, mono + position - offset

    def position(self, place: Place, mono: float) -> float:
        """Where a tick lies."""
        offset, first = self.offsets.get(place.chapter, (0.0, mono))
        return min(max(offset + mono - first, 0.0), self.length)


class _Span(NamedTuple):
    """A chapter on the line."""

    begin: float
    end: float
    first: Moment
    last: Moment
    boot: str | None
    events: tuple[Event, ...]
    """What is told in it, and of the passage to it."""


def lay_out(recording: Recording, baselines: Iterable[tuple[Place, Moment]] = ()) -> Timeline:
    """The line of a recording as it is now.

    Args:
        recording: what is laid out.
        baselines: marked by whoever looks at it, beside those that were recorded.
    """
    spans: list[_Span] = []
    interval = recording.header.interval if recording.header else 1.0
    before: Stretch | None = None
    for stretch in recording.stretches:
        _, _, first, last, events, boot = stretch.signpost
        begin = spans[-1].end if spans else 0.0
        if before is not None:
            # What the recorder itself told of the passage stands at the end of the chapter before.
            told = {event.kind for event in before.signpost.events if event.mono > before.signpost.last.mono}
            passage = tuple(e for e in between(before.signpost, stretch.signpost, interval) if e.kind not in told)
            events = passage + events
            is_other_boot = any(event.kind == "reboot" for event in passage)
            left = before.signpost.last
            begin += max(first.wall - left.wall, _LEAST_STEP) if is_other_boot else first.mono - left.mono
        spans.append(_Span(begin, begin + max(last.mono - first.mono, 0.0), first, last, boot, events))
        before = stretch
    nothing = Moment(0.0, 0.0)
    line = Timeline(
        spans[-1].end if spans else 0.0,
        spans[0].first if spans else nothing,
        spans[-1].last if spans else nothing,
        tuple(_placed(spans)),
        tuple(sorted(_missing(recording.damage, spans))),
        {
            stretch.number: (span.begin, span.first.mono)
            for stretch, span in zip(recording.stretches, spans, strict=True)
        },
    )
    own = [(line.position(place, moment.mono), Event(*moment, "baseline", "")) for place, moment in baselines]
    return line._replace(events=tuple(sorted([*line.events, *own], key=lambda placed: placed[0])))


def _placed(spans: list[_Span]) -> Iterator[tuple[float, Event]]:
    """Every event, between the chapters before and after its own."""
    for before, span, after in zip([None, *spans], spans, [*spans[1:], None], strict=False):
        least, most = before.end if before else 0.0, after.begin if after else span.end
        for event in span.events:
            yield min(max(span.begin + event.mono - span.first.mono, least), most), event


def _missing(damage: list[Damage], spans: list[_Span]) -> Iterator[tuple[float, float]]:
    """Where ticks are lost: in a chapter that is there, or between two."""
    for lost in damage:
        if lost.first is None or lost.last is None or lost.ticks == 0:
            continue
        for span, after in zip(spans, [*spans[1:], None], strict=True):
            if span.first == lost.first:
                yield span.begin, span.end
                break
            most = after.begin if after else span.end
            if span.last.mono <= lost.first.mono and (after is None or lost.last.mono <= after.first.mono):
                begin = span.end + lost.first.mono - span.last.mono
                yield min(begin, most), min(begin + lost.last.mono - lost.first.mono, most)
                break
