"""The whole of a recording as a line: where each moment lies on it, what is missing, what happened."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from leaktop.recording.layout import Moment

if TYPE_CHECKING:
    from leaktop.model.sample import Event
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


def lay_out(recording: Recording) -> Timeline:
    """The line of a recording as it is now."""
    offsets: dict[int, tuple[float, float]] = {}
    spans: list[tuple[float, float, Moment, Moment]] = []
    at = 0.0
    before: Moment | None = None
    for stretch in recording.stretches:
        first, last = stretch.signpost.first, stretch.signpost.last
        if before is not None:
            passed = first.mono - before.mono
            at += passed if passed >= 0 else max(first.wall - before.wall, _LEAST_STEP)
        offsets[stretch.number] = at, first.mono
        end = at + max(last.mono - first.mono, 0.0)
        spans.append((at, end, first, last))
        at, before = end, last
    nothing = Moment(0.0, 0.0)
    start, end_moment = (spans[0][2], spans[-1][3]) if spans else (nothing, nothing)
    damage = [
        (begin, end)
        for lost in recording.damage
        if lost.first is not None and lost.ticks != 0
        for begin, end, first, _ in spans
        if first == lost.first
    ]
    return Timeline(at, start, end_moment, tuple(_placed(recording.events(), spans)), tuple(damage), offsets)


def _placed(events: list[Event], spans: list[tuple[float, float, Moment, Moment]]) -> list[tuple[float, Event]]:
    """Events come in the order of the chapters, so that one walk places them all."""
    placed = []
    number = 0
    for event in events:
        while number < len(spans) - 1 and not _holds(spans[number], event):
            number += 1
        if spans:
            begin, end, first, _ = spans[number]
            placed.append((min(max(begin + event.mono - first.mono, begin), end), event))
    return placed


def _holds(span: tuple[float, float, Moment, Moment], event: Event) -> bool:
    _, _, first, last = span
    return first.mono <= event.mono <= last.mono and abs((event.wall - event.mono) - (first.wall - first.mono)) < 3600
