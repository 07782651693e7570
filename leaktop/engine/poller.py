"""The one poller behind every pane and every recording: asks each probe at its own pace, and hands on ticks.

It waits for reads for a moment and no longer: one that stalls holds up neither the others nor the beat.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from typing import TYPE_CHECKING

from leaktop.engine.budget import Budget, Plan, split
from leaktop.engine.readers import Readers
from leaktop.engine.reading import read_probe
from leaktop.model.frame import ProbeState
from leaktop.model.sample import Tick

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from leaktop.engine.readers import Reads
    from leaktop.model.sample import Probe, RawSample
    from leaktop.sources.base import Source

_GRACE = 0.25
"""Seconds a tick waits for its reads; what comes later goes into the next tick."""
_STUCK = 0.02
"""Seconds after which another thread goes on with the reads behind one that is still under way."""
_LATE = 1.0
"""Seconds after which a read that is still under way is shown as waiting."""


class _Schedule:
    """When one probe was read, and whether it is asked for now."""

    def __init__(self, probe: Probe) -> None:
        self.probe = probe
        self.read_at = float("-inf")
        """When it was asked for last."""
        self.asked_at: float | None = None
        self.is_wanted = False
        """Requested, but not yet asked for: its lane is busy."""
        self.size: int | None = None
        self.cost: float | None = None
        """Seconds of the last read."""

    def is_due(self, now: float, plan: Plan, beat: float) -> bool:
        # A tenth of the beat early is on time: beats and clocks never agree to the millisecond.
        period = plan.periods.get(self.probe.name)
        return self.is_wanted or (period is not None and now >= self.read_at + period - beat / 10)

    def note(self, sample: RawSample | None) -> None:
        """What was asked for was read, or gave nothing."""
        self.read_at, self.asked_at = self.asked_at or 0.0, None
        if sample is not None:
            self.cost = sample.cost
            self.size = None if sample.content is None else len(sample.content)

    def state(self, planned: float | None, plan: Plan, beat: float, cpu: float | None, now: float) -> ProbeState:
        name = self.probe.name
        period = plan.periods.get(name)
        return ProbeState(
            name,
            self.cost,
            None if period is None else max(period, beat),
            period is not None and planned is not None and period > max(planned, beat),
            self.asked_at is not None and now - self.asked_at > _LATE,
            self.size,
            cpu,
            planned,
            name in plan.held_back,
        )


class Poller:
    """Ticks for as long as it runs.

    Args:
        source: where samples come from.
        take: called with each tick and what reading costs just now, in the poller's thread; gives the inodes of the
            sockets whose owners are worth a walk over /proc/PID/fd.
        lost: called with why a tick came to nothing, for people, in the same thread; once where that is why the next
            ones do, too. The poller goes on.
        interval: seconds between ticks; the cadence of every probe scales with it.
        at_start: probes without a cadence that are read once at the start.

    Attributes:
        budget: what leaktop may cost; without a limit until its share is set.
    """

    def __init__(
        self,
        source: Source,
        take: Callable[[Tick, Mapping[str, ProbeState]], frozenset[int]],
        lost: Callable[[str], None],
        interval: float = 1.0,
        at_start: Iterable[str] = (),
    ) -> None:
        self._source = source
        self._take = take
        self._lost = lost
        self._failure = ""
        self.interval = interval
        self._schedules = {probe.name: _Schedule(probe) for probe in source.probes}
        self._readers = Readers(lambda: self._in_loop(self._note))
        self._busy: dict[str, list[_Schedule]] = {}
        """By lane, what is being read, or was read since the last tick."""
        self._read: dict[str, Reads] = {}
        """By lane, what came of it."""
        self._heard = asyncio.Event()
        self._lock = threading.Lock()
        self._requested: set[str] = set(at_start)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._nudge = asyncio.Event()
        self._is_stopping = False
        self._wanted: frozenset[int] = frozenset()
        self.budget = Budget()
        self._plan = self.budget.plan(interval, self._planned())
        self._spent = time.process_time()
        self._is_excused = False

    @property
    def beat(self) -> float:
        """Seconds between ticks now: the interval, or more of them where the budget wants that."""
        return self.interval * self._plan.stretch

    def excuse(self) -> None:
        """Somebody pressed a key: what this beat costs says nothing about the others. Any thread may call it."""
        self._is_excused = True

    async def run(self) -> None:
        """Poll until `stop`. Reads that are under way then are left behind in their daemon threads."""
        self._loop = asyncio.get_running_loop()
        beat = time.monotonic()
        while not self._is_stopping:
            self._nudge.clear()
            try:
                self._dispatch(time.monotonic())
                self._publish(await self._collect())
            except Exception as error:
                self._lose(error)
            beat = max(beat + self.beat, time.monotonic() + 0.01)
            try:
                async with asyncio.timeout(beat - time.monotonic()):
                    await self._nudge.wait()
                    beat = time.monotonic()
            except TimeoutError:
                pass
        self._readers.end()

    def start(self) -> None:
        """Run in a daemon thread with an event loop of its own."""
        threading.Thread(target=lambda: asyncio.run(self.run()), name="leaktop-poller", daemon=True).start()

    def request(self, *names: str) -> None:
        """Read these probes now, whenever they are due; all that have a cadence where none is named."""
        with self._lock:
            self._requested |= set(names) or {n for n, s in self._schedules.items() if s.probe.cadence is not None}
        self._wake()

    def stop(self) -> None:
        """End `run` at its next chance, without waiting for reads."""
        self._is_stopping = True
        self._wake()

    def _wake(self) -> None:
        self._in_loop(self._nudge.set)

    def _in_loop(self, act: Callable[[], object]) -> None:
        """Have something done in the poller's thread, if it still runs. Any thread may call it."""
        with contextlib.suppress(RuntimeError):  # it ended meanwhile
            if self._loop is not None:
                self._loop.call_soon_threadsafe(act)

    def _lose(self, error: Exception) -> None:
        """For want of memory, or through a fault of ours."""
        failure = f"{type(error).__name__}: {error}"
        if failure != self._failure:
            self._failure = failure
            with contextlib.suppress(Exception):  # saying so takes memory, too
                self._lost(f"{failure}; {'memory is short' if isinstance(error, MemoryError) else 'report it'}")

    def _dispatch(self, now: float) -> None:
        with self._lock:
            requested, self._requested = self._requested, set()
        batches: dict[str, list[_Schedule]] = {}
        for name, schedule in self._schedules.items():
            lane = schedule.probe.lane
            schedule.is_wanted |= name in requested
            if lane not in self._busy and schedule.is_due(now, self._plan, self.beat):
                batches.setdefault(lane, []).append(schedule)
        self._readers.submit({lane: self._job(batch, now) for lane, batch in batches.items()})
        self._busy |= batches

    def _job(self, batch: list[_Schedule], now: float) -> Callable[[], Reads]:
        for schedule in batch:
            schedule.asked_at, schedule.is_wanted = now, False
        wanted = self._wanted

        def job() -> Reads:
            reads = []
            for schedule in batch:
                began = time.thread_time()
                if sample := read_probe(self._source, schedule.probe, wanted):
                    reads.append((sample, time.thread_time() - began))
            return reads

        return job

    def _note(self) -> None:
        """Take what was read by now."""
        read = self._readers.take()
        self._read |= read
        for lane, reads in read.items():
            by_name = {sample.probe: sample for sample, _ in reads}
            for schedule in self._busy[lane]:
                schedule.note(by_name.get(schedule.probe.name))
        self._serve_waiting(read)
        self._heard.set()

    async def _collect(self) -> Reads:
        end = time.monotonic() + min(_GRACE, self.interval / 2)
        patience = _STUCK
        while len(self._read) < len(self._busy) and (left := end - time.monotonic()) > 0:
            self._heard.clear()
            try:
                async with asyncio.timeout(min(patience, left)):
                    await self._heard.wait()
            except TimeoutError:
                patience = _STUCK if self._readers.assist() else left
                self._note()
        ready, self._read = self._read, {}
        self._busy = {lane: batch for lane, batch in self._busy.items() if lane not in ready}
        self._serve_waiting(ready)
        return [read for reads in ready.values() for read in reads]

    def _serve_waiting(self, free: Collection[str]) -> None:
        """Go on at once where a probe was requested while its lane was busy."""
        if any(schedule.is_wanted and schedule.probe.lane in free for schedule in self._schedules.values()):
            self._wake()

    def _publish(self, reads: Reads) -> None:
        now, planned = time.monotonic(), self._planned()
        states = {
            name: schedule.state(planned.get(name), self._plan, self.beat, self.budget.cost(name), now)
            for name, schedule in self._schedules.items()
        }
        samples = tuple(sample for sample, _ in reads)
        began = time.thread_time()
        self._wanted = self._take(Tick(round(now, 3), round(time.time(), 3), samples), states)
        self._account(reads, time.thread_time() - began)
        self._plan = self.budget.plan(self.interval, planned)

    def _account(self, reads: Reads, fed: float) -> None:
        """Tell the budget what these reads cost, and making something of them; the rest of the beat is the screen's."""
        shares = split(fed, [len(sample.content or b"") for sample, _ in reads])
        costs = [cpu + share for (_, cpu), share in zip(reads, shares, strict=True)]
        for (sample, _), cost in zip(reads, costs, strict=True):
            self.budget.read(sample.probe, cost, sample.cost)
        before, self._spent = self._spent, time.process_time()
        if not self._is_excused:
            self.budget.beat(self._spent - before - sum(costs))
        self._is_excused = False

    def _planned(self) -> dict[str, float]:
        """Seconds between the reads of every probe that has a cadence, while nothing is slow."""
        probes = (schedule.probe for schedule in self._schedules.values())
        return {probe.name: probe.cadence * self.interval for probe in probes if probe.cadence is not None}
