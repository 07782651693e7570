"""Frames out of a recording, at any place: the same engine that is fed live, fed again."""

from __future__ import annotations

from collections import OrderedDict
from itertools import pairwise
from typing import TYPE_CHECKING

from leaktop.engine.engine import Engine
from leaktop.engine.series import HORIZON, WINDOW
from leaktop.model.frame import ProbeState
from leaktop.model.sample import Tick

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from leaktop.model.frame import Frame
    from leaktop.model.sample import Machine
    from leaktop.recording.reader import Place, Recording, Stretch

_ALL = 300
"""Ticks since the baseline up to which all are fed, so that the Frame is the live one to the last digit."""
_FIRST = 5
"""Ticks at a session's beginning that are fed one by one: slower probes come after the first."""
_KEYS = 40
"""Moments of the hour before that are fed for the charts, where there are more ticks than can be fed."""
_WARM = 2 * WINDOW
"""Seconds before the place that are fed tick by tick: twice the window of a slope, so that half of them are exact."""
_TAIL = 30, 240
"""Ticks of them, at least and at most."""
_KEPT = 96
"""Frames that are kept, for stepping back."""


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
        self._marks: list[Place] = []
        self._starts: dict[int, Place] = {}
        self._base_state: tuple[Place, Place, Tick] | None = None
        self.place: Place | None = None

    def mark(self, place: Place) -> None:
        """Let growth count from there; places before it count from the mark before, or the session's beginning."""
        self._marks = sorted({*self._marks, place})
        self._frames.clear()
        self._engine = None

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
        return self._marked(there) if there in self._marks else frame

    def rough(self, place: Place) -> Frame:
        """At once: every value and its growth; as yet with the average for a slope, and without history."""
        recording = self._recording
        base = self._base(place)
        self._begin(recording.header_at(place).machine)
        if base < place:
            self._feed(base, self._beginning(base, place), is_kept=False)
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
        start = self._start(place)
        moment = recording.moment(place)
        tail = self._tail(place, start)
        base = self._base(tail)
        frame: Frame | None = None
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
            frame = self._feed(here, tick, is_kept=is_kept and here not in self._marks)
            there = recording.step(here, 1)
            if here >= place or there <= here:
                break
            yield None
            self._mark_between(here, there)
            here = there
        yield self._marked(place) if place in self._marks else frame

    def _begin(self, machine: Machine) -> None:
        self._engine, self._fed, self._probes = Engine(machine), None, {}

    def _mark_now(self, place: Place) -> None:
        """Let growth count from the tick that was fed last: by a mark set here from that very tick, else as live."""
        if self._engine is not None:
            self._engine.mark_baseline(self._recording.moment(place).wall if place in self._marks else None)

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

    def _start(self, place: Place) -> Place:
        """The session's first tick, remembered: its chapter is not to be unpacked for every place."""
        chapter = first_chapter(self._recording, place)
        if chapter not in self._starts:
            self._starts[chapter] = session_start(self._recording, place)
        return self._starts[chapter]

    def _beginning(self, base: Place, place: Place) -> Tick:
        """What growth up to a place counts from, remembered as well."""
        if self._base_state is None or self._base_state[0] != base:
            reach = self._recording.step(base, _FIRST - 1)
            self._base_state = base, reach, self._state_at_base(base, reach)
        _, reach, state = self._base_state
        return state if reach <= place else self._state_at_base(base, place)

    def _state_at_base(self, base: Place, until: Place) -> Tick:
        """What growth counts from, as one tick; probes that came only after the session's first tick are in it, too."""
        recording = self._recording
        state = recording.state(base)
        if base != self._start(base):
            return state
        samples = {sample.probe: sample for sample in state.samples}
        here = base
        while here < until:
            here = recording.step(here, 1)
            for sample in recording.tick(here).samples:
                samples.setdefault(sample.probe, sample)
        return Tick(state.mono, state.wall, tuple(samples.values()))

    def _begins_session(self, here: Place, there: Place) -> bool:
        """Whether another boot, or another machine, begins on the way from one tick to the next."""
        if here.chapter == there.chapter:
            return False
        stretches = [s for s in self._recording.stretches if here.chapter <= s.number <= there.chapter]
        return any(is_break(before, after) for before, after in pairwise(stretches))

    def _base(self, place: Place) -> Place:
        """What growth counts from at a place: the newest mark up to there, or the session's start."""
        start = self._start(place)
        marks = [mark for mark in self._marks if start <= mark <= place]
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
            keys |= {place for i in range(_FIRST) if (place := recording.step(start, i)) < tail}
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
        if here in self._marks or any(after < mono <= until for mono in marks):
            self._mark_now(here)


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
