"""What growth counts from, at any place of a recording: the first ticks of its session, or the newest mark."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leaktop.model.sample import Tick

if TYPE_CHECKING:
    from leaktop.recording.reader import Place, Recording, Stretch

FIRST = 5
"""Ticks at a session's beginning that count as it: slower probes come after the first."""


class Beginnings:
    """Where growth begins, and what was there. Belongs to one thread.

    Args:
        recording: the ticks.

    Attributes:
        marks: places at which the user marked the baseline, in order.
    """

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._starts: dict[int, Place] = {}
        self._reaches: dict[Place, Place] = {}
        self._state: tuple[Place, Place, Tick] | None = None
        self.marks: list[Place] = []

    def mark(self, place: Place) -> None:
        """Let growth count from there; places before it count from the mark before, or the session's beginning."""
        self.marks = sorted({*self.marks, place})

    def start(self, place: Place) -> Place:
        """The session's first tick, remembered: its chapter is not to be unpacked for every place."""
        chapter = first_chapter(self._recording, place)
        if chapter not in self._starts:
            self._starts[chapter] = session_start(self._recording, place)
        return self._starts[chapter]

    def at(self, place: Place) -> Place:
        """What growth counts from at a place: the newest mark up to there, or the session's start."""
        start = self.start(place)
        marks = [mark for mark in self.marks if start <= mark <= place]
        moment = self._recording.moment(place)
        recorded = [
            (stretch.number, event.mono)
            for stretch in self._recording.stretches
            if start.chapter <= stretch.number <= place.chapter
            for event in stretch.signpost.events
            if event.kind == "baseline" and event.mono <= moment.mono
        ]
        if recorded:
            after = self._recording.at_mono(*recorded[-1])
            if after is not None and start < after <= place:
                marks.append(self._recording.step(after, -1))
        return max(marks, default=start)

    def reach(self, base: Place) -> Place:
        """The last tick that counts as the beginning there; remembered, as the start is, once it is there."""
        if base in self._reaches:
            return self._reaches[base]
        reach = self._recording.step(base, FIRST - 1)
        if reach == base._replace(ordinal=base.ordinal + FIRST - 1):
            self._reaches[base] = reach
        return reach

    def state(self, base: Place, place: Place) -> Tick:
        """What growth up to a place counts from, as one tick, remembered as well."""
        reach = self.reach(base)
        if place < reach:
            return self._collect(base, place)
        if self._state is None or self._state[:2] != (base, reach):  # there may be more of them by now
            self._state = base, reach, self._collect(base, reach)
        return self._state[2]

    def _collect(self, base: Place, until: Place) -> Tick:
        """The newest of every probe; those that came only after the session's first tick are in it, too."""
        recording = self._recording
        state = recording.state(base)
        if base != self.start(base):
            return state
        samples = {sample.probe: sample for sample in state.samples}
        here = base
        while here < until:
            here = recording.step(here, 1)
            for sample in recording.tick(here).samples:
                samples.setdefault(sample.probe, sample)
        return Tick(state.mono, state.wall, tuple(samples.values()))


def session_start(recording: Recording, place: Place) -> Place:
    """The first tick of the same boot of the same machine, as far as the chapters' times tell."""
    first = first_chapter(recording, place)
    start = place._replace(chapter=first, ordinal=0)
    return start if len(recording.chapter(first)) else recording.step(start, 0)


def first_chapter(recording: Recording, place: Place) -> int:
    """The number of the chapter in which the session of a place begins."""
    stretches = recording.stretches
    first = place.chapter
    at = next((i for i, stretch in enumerate(stretches) if stretch.number == place.chapter), 0)
    while at > 0 and not is_break(stretches[at - 1], stretches[at]):
        at -= 1
        if stretches[at].signpost.ticks:
            first = stretches[at].number
    return first


def is_break(before: Stretch, after: Stretch) -> bool:
    """Whether another boot, or another machine, begins between two chapters."""
    old, new = before.signpost, after.signpost
    if new.first.mono < old.last.mono:
        return True
    if old.boot is not None and new.boot is not None:
        return old.boot != new.boot
    shift = (new.first.wall - new.first.mono) - (old.last.wall - old.last.mono)
    told = [*new.events, *(event for event in old.events if event.mono > old.last.mono)]
    return abs(shift) > 60 and not any(event.kind in {"suspend", "clock"} for event in told)
