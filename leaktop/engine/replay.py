"""Frames out of a recording, at any place: the same engine that is fed live, fed again."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from leaktop.engine.engine import Engine
from leaktop.engine.series import HORIZON, WINDOW
from leaktop.model.frame import ProbeState

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from leaktop.model.frame import Frame
    from leaktop.model.sample import Machine, Tick
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
        self._base_state: tuple[Place, Tick] | None = None
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
        tick = recording.tick(there)
        if self._begins_session(there, tick):
            self._begin(recording.header_at(there).machine)
        if here in self._marks or self._was_marked(here, there):
            self._engine.mark_baseline()
        self.place = there
        return self._feed(there, tick)

    def rough(self, place: Place) -> Frame:
        """At once: every value and its growth, as yet without slopes and history."""
        recording = self._recording
        base = self._base(place)
        self._begin(recording.header_at(place).machine)
        if base < place:
            if self._base_state is None or self._base_state[0] != base:
                self._base_state = base, recording.state(base)
            self._feed(base, self._base_state[1], is_kept=False)
            before = recording.step(place, -1)
            if before > base:
                self._feed_state(before)
            frame = self._feed_state(place)
        else:
            frame = self._feed_state(place)
        self._engine = None  # it has not seen enough to go on from
        self.place = place
        return frame

    def exact(self, place: Place) -> Iterator[Frame | None]:
        """Bit by bit: the Frame with its slopes and history, at the end; None while more has to be fed."""
        recording = self._recording
        base = self._base(place)
        start = self._session_start(place)
        moment = recording.moment(place)
        tail = self._tail(place, start)
        frame: Frame | None = None
        self._begin(recording.header_at(place).machine)
        for key in self._keys(start, base, tail, moment.mono - HORIZON):
            self._feed_state(key)
            if key == base and base != start:
                self._mark_now()
            yield None
        here = tail
        while True:
            tick = recording.tick(here)
            frame = self._feed(here, tick, is_kept=tail <= start or tick.mono >= moment.mono - WINDOW)
            if here == base and base != start:
                self._mark_now()
                frame = self._feed_state(here)
            if here >= place:
                break
            yield None
            here = recording.step(here, 1)
        yield frame

    def _begin(self, machine: Machine) -> None:
        self._engine, self._fed, self._probes = Engine(machine), None, {}

    def _mark_now(self) -> None:
        if self._engine is not None:
            self._engine.mark_baseline()

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
            self._frames[place] = frame
            self._frames.move_to_end(place)
            while len(self._frames) > _KEPT:
                self._frames.popitem(last=False)
        return frame

    def _begins_session(self, place: Place, tick: Tick) -> bool:
        before = self._recording.step(place, -1)
        if before.chapter == place.chapter:
            return False
        old, new = self._recording.header_at(before).machine, self._recording.header_at(place).machine
        return old.boot_id != new.boot_id or tick.mono < self._recording.moment(before).mono

    def _session_start(self, place: Place) -> Place:
        """The first tick of the same boot of the same machine, as far as the chapters' times tell."""
        stretches = self._recording.stretches
        first = place.chapter
        at = next((i for i, stretch in enumerate(stretches) if stretch.number == place.chapter), 0)
        while at > 0 and not is_break(stretches[at - 1], stretches[at]):
            at -= 1
            if stretches[at].signpost.ticks:
                first = stretches[at].number
        start = place._replace(chapter=first, ordinal=0)
        return start if len(self._recording.chapter(first)) else self._recording.step(start, 0)

    def _base(self, place: Place) -> Place:
        """What growth counts from at a place: the newest mark up to there, or the session's start."""
        start = self._session_start(place)
        marks = [mark for mark in self._marks if start <= mark <= place]
        moment = self._recording.moment(place)
        recorded = [e for e in self._recording.events() if e.kind == "baseline" and e.mono <= moment.mono]
        for event in reversed(recorded):
            after = self._recording.at(event.wall)
            if after is not None and start < after <= place:
                marks.append(self._recording.step(after, -1))
                break
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
        keys = {base} if base < tail else set()
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

    def _was_marked(self, here: Place, there: Place) -> bool:
        """Whether the user marked the baseline between two ticks."""
        after, until = self._recording.moment(here).mono, self._recording.moment(there).mono
        chapters = {here.chapter, there.chapter}
        events = [event for number in chapters for event in self._recording.chapter(number).events]
        return any(event.kind == "baseline" and after < event.mono <= until for event in events)


def is_break(before: Stretch, after: Stretch) -> bool:
    """Whether another boot, or another machine, begins between two chapters."""
    if after.signpost.first.mono < before.signpost.last.mono:
        return True
    (_, (mono, wall)), ((next_mono, next_wall), _) = before.signpost[2:4], after.signpost[2:4]
    shift = (next_wall - next_mono) - (wall - mono)
    return abs(shift) > 60 and not any(event.kind in {"suspend", "clock"} for event in after.signpost.events)
