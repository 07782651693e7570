"""Frames out of a recording, at any place: the same engine that is fed live, fed again."""

from __future__ import annotations

import math
from collections import OrderedDict
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from leaktop.engine.beginning import FIRST, Beginnings, is_break
from leaktop.engine.engine import Engine
from leaktop.engine.series import HORIZON, WINDOW
from leaktop.model.frame import ProbeState

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from leaktop.model.frame import Frame
    from leaktop.model.sample import Machine, Tick
    from leaktop.recording.reader import Place, Recording

_ALL = 300
"""Ticks since the baseline up to which all are fed, so that the Frame is the live one to the last digit."""
_KEYS = 40
"""Moments of the hour before that are fed for the charts, where there are more ticks than can be fed."""
_WARM = 2 * WINDOW
"""Seconds before the place that are fed tick by tick: twice the window of a slope, so that half of them are exact."""
_TAIL = 30, 240
"""Ticks of them, at least and at most."""
_KEPT = 96
"""Frames that are kept, for stepping back."""


class _Begun(NamedTuple):
    """An engine that was fed what growth counts from, and nothing after it."""

    base: Place
    reach: Place
    """From here on that is all that it counts from."""
    machine: Machine
    engine: Engine
    probes: dict[str, ProbeState]


class Replay:
    """Makes Frames. Belongs to one thread.

    Args:
        recording: the ticks.

    Attributes:
        place: of the Frame that is shown.
    """

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._engine: Engine | None = None
        self._fed: Place | None = None
        self._probes: dict[str, ProbeState] = {}
        self._frames: OrderedDict[Place, Frame] = OrderedDict()
        self._beginnings = Beginnings(recording)
        self._ready: _Begun | None = None
        """Made ahead of time, for the next place: that is a third of what a Frame takes."""
        self.place: Place | None = None

    def mark(self, place: Place) -> None:
        """Let growth count from there; places before it count from the mark before, or the session's beginning."""
        self._beginnings.mark(place)
        self._frames.clear()
        self._engine = self._ready = None

    def known(self, place: Place) -> Frame | None:
        """The Frame of a place that was fed a moment ago."""
        frame = self._frames.get(place)
        if frame is not None:
            self.place = place
        return frame

    def knows(self, place: Place) -> bool:
        """Whether the Frame of a place is still there."""
        return place in self._frames

    def forward(self) -> Frame | None:
        """The Frame of the next tick; None where none follows, or the newest Frame was not reached by feeding."""
        recording, here = self._recording, self.place
        if here is None:
            return None
        there = recording.step(here, 1)
        if there <= here:
            return None
        known = self.known(there)
        if known is not None:
            return known
        if self._engine is None or self._fed != here:
            return None
        if self._begins_session(here, there):
            self._begin(recording.header_at(there).machine)
        else:
            self._mark_between(here, there)
        self.place = there
        frame = self._feed(there, recording.tick(there))
        return self._marked(there) if there in self._beginnings.marks else frame

    def rough(self, place: Place) -> Frame:
        """At once: every value and its growth; as yet with the average for a slope, and without history."""
        recording = self._recording
        base = self._beginnings.at(place)
        self._begin_at(base, place)
        if base < place:
            before = recording.step(place, -1)
            if before > base:
                self._feed_state(before)
                frame = self._feed(place, recording.tick(place), is_kept=False)
            else:
                frame = self._feed_state(place)
        else:
            frame = self._feed_state(place)
        self._engine = None  # it has not seen enough to go on from
        self.place = place
        return frame

    def exact(self, place: Place) -> Iterator[Frame | None]:
        """Bit by bit: the Frame with its slopes and history, at the end; None while more has to be fed."""
        recording = self._recording
        start = self._beginnings.start(place)
        moment = recording.moment(place)
        tail = self._tail(place, start)
        base = self._beginnings.at(tail)
        frame: Frame | None = None
        self._get_ready(place)
        yield None
        self._begin(recording.header_at(place).machine)
        for key in self._keys(start, base, tail, moment.mono - HORIZON):
            self._feed_state(key)
            if key == base and base != start:
                self._mark_now(key)
            yield None
        here = tail
        while True:
            tick = recording.tick(here)
            is_kept = tail <= start or tick.mono >= moment.mono - WINDOW
            frame = self._feed(here, tick, is_kept=is_kept and here not in self._beginnings.marks)
            there = recording.step(here, 1)
            if here >= place or there <= here:
                break
            yield None
            self._mark_between(here, there)
            here = there
        yield self._marked(place) if place in self._beginnings.marks else frame

    def _begin(self, machine: Machine, horizon: float = HORIZON) -> None:
        self._engine, self._fed, self._probes = Engine(machine, horizon), None, {}

    def _begin_at(self, base: Place, place: Place) -> None:
        """Begin with what growth up to a place counts from, and nothing after it."""
        ready, self._ready = self._ready, None
        machine = self._recording.header_at(place).machine
        if ready is not None and ready[:3] == (base, self._beginnings.reach(base), machine) and ready.reach <= place:
            self._engine, self._fed, self._probes = ready.engine, base, ready.probes
            return
        self._begin(machine, math.inf)  # that may be long ago, and is not to be forgotten
        if base < place:
            self._feed(base, self._beginnings.state(base, place), is_kept=False)

    def _get_ready(self, place: Place) -> None:
        """Begin for the next place, which may be anywhere, but most likely counts from where this one does."""
        base = self._beginnings.at(place)
        reach = self._beginnings.reach(base)
        if base < place and reach <= place:
            self._begin_at(base, place)
            if self._engine is not None:
                machine = self._recording.header_at(place).machine
                self._ready = _Begun(base, reach, machine, self._engine, self._probes)
        self._engine = None

    def _mark_now(self, place: Place) -> None:
        """Let growth count from the tick that was fed last: by a mark set here from that very tick, else as live."""
        if self._engine is not None:
            self._engine.mark_baseline(self._recording.moment(place).wall if place in self._beginnings.marks else None)

    def _marked(self, place: Place) -> Frame:
        """The Frame of a tick at which the user marked the baseline: nothing has grown yet."""
        self._mark_now(place)
        frame = self._feed_state(place)
        self._keep(place, frame)
        return frame

    def _feed_state(self, place: Place) -> Frame:
        return self._feed(place, self._recording.state(place), is_kept=False)

    def _feed(self, place: Place, tick: Tick, *, is_kept: bool = True) -> Frame:
        engine = self._engine or Engine(self._recording.header_at(place).machine)
        header = self._recording.header_at(place)
        cadences = {probe.name: probe.cadence for probe in header.probes}
        for sample in tick.samples:
            cadence = cadences.get(sample.probe)
            planned = None if cadence is None else cadence * header.interval
            size = None if sample.content is None else len(sample.content)
            self._probes[sample.probe] = ProbeState(sample.probe, sample.cost, planned, False, False, size)
        frame = engine.feed(tick, dict(self._probes))
        self._engine, self._fed = engine, place
        if is_kept:
            self._keep(place, frame)
        return frame

    def _keep(self, place: Place, frame: Frame) -> None:
        self._frames[place] = frame
        self._frames.move_to_end(place)
        while len(self._frames) > _KEPT:
            self._frames.popitem(last=False)

    def _begins_session(self, here: Place, there: Place) -> bool:
        """Whether another boot, or another machine, begins on the way from one tick to the next."""
        if here.chapter == there.chapter:
            return False
        stretches = [s for s in self._recording.stretches if here.chapter <= s.number <= there.chapter]
        return any(is_break(before, after) for before, after in pairwise(stretches))

    def _tail(self, place: Place, start: Place) -> Place:
        """Where feeding tick by tick begins."""
        recording = self._recording
        least, most = _TAIL
        if recording.step(place, -_ALL) <= start:
            return start
        until = recording.moment(place).mono - _WARM
        low, high = least, most
        while low < high:  # the fewest ticks that reach so far back
            middle = (low + high) // 2
            if recording.moment(recording.step(place, -middle)).mono <= until:
                high = middle
            else:
                low = middle + 1
        return max(recording.step(place, -low), start)

    def _keys(self, start: Place, base: Place, tail: Place, since: float) -> Sequence[Place]:
        """The moments before the tail that are fed: the session's beginning, the baseline, some of the last hour."""
        recording = self._recording
        if tail <= start:
            return []
        keys = {recording.step(tail, -1)}  # what slower probes said last
        if base < tail:
            keys.add(base)
        if base == start:
            keys |= {place for i in range(FIRST) if (place := recording.step(start, i)) < tail}
        hour = [
            place
            for stretch in recording.stretches
            if stretch.signpost.ticks and stretch.signpost.first.mono >= since
            if start < (place := start._replace(chapter=stretch.number, ordinal=0)) < tail
        ]
        every = max(len(hour) / _KEYS, 1)
        keys |= {hour[int(i * every)] for i in range(min(len(hour), _KEYS))}
        return sorted(keys)

    def _mark_between(self, here: Place, there: Place) -> None:
        """Let growth count from the tick here, where the baseline was marked between it and the next."""
        chapters = range(here.chapter, there.chapter + 1)
        marks = [e.mono for n in chapters for e in self._recording.chapter(n).events if e.kind == "baseline"]
        after, until = self._recording.moment(here).mono, self._recording.moment(there).mono
        if here in self._beginnings.marks or any(after < mono <= until for mono in marks):
            self._mark_now(here)
