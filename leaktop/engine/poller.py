"""The one poller behind every pane and every recording: asks each probe at its own pace, and hands on ticks.

Reads happen in daemon threads, one a lane, since nothing under /proc can be polled, any read can stall on a kernel
lock, and a thread of asyncio's own executor would hold up quitting until the read returns.
"""

from __future__ import annotations

import asyncio
import threading
import time
from queue import SimpleQueue
from typing import TYPE_CHECKING

from leaktop.engine.budget import Budget, Plan, split
from leaktop.engine.reading import read_probe
from leaktop.model.frame import ProbeState
from leaktop.model.sample import RawSample, Tick

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from leaktop.model.sample import Probe
    from leaktop.sources.base import Source

_GRACE = 0.25
"""Seconds a tick waits for the lanes; what comes later goes into the next tick."""
_LATE = 1.0
"""Seconds after which a read that is still under way is shown as waiting."""

Reads = list[tuple[RawSample, float]]
"""Samples, and the CPU seconds that reading each took."""


class _Lane:
    """A daemon thread that reads the probes of one lane, in order, a batch at a time."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._jobs: SimpleQueue[tuple[Callable[[], Reads], Callable[[Reads], None]]] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def submit(self, job: Callable[[], Reads], done: Callable[[Reads], None]) -> None:
        if self._thread is None:
            thread = threading.Thread(target=self._work, name=f"leaktop-{self._name}", daemon=True)
            try:
                thread.start()
            except RuntimeError:  # no room for another thread now; the next tick tries again
                done([])
                return
            self._thread = thread
        self._jobs.put((job, done))

    def _work(self) -> None:
        while True:
            job, done = self._jobs.get()
            done(job())


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
        interval: seconds between ticks; the cadence of every probe scales with it.
        at_start: probes without a cadence that are read once at the start.
        failed: called where `take` raises, in the same thread, and it goes on with the next tick; without it `run` ends
            with the exception.

    Attributes:
        budget: what leaktop may cost; without a limit until its share is set.
    """

    def __init__(
        self,
        source: Source,
        take: Callable[[Tick, Mapping[str, ProbeState]], frozenset[int]],
        interval: float = 1.0,
        at_start: Iterable[str] = (),
        failed: Callable[[Exception], None] | None = None,
    ) -> None:
        self._source = source
        self._take = take
        self._failed = failed
        self.interval = interval
        self._schedules = {probe.name: _Schedule(probe) for probe in source.probes}
        self._lanes = {probe.lane: _Lane(probe.lane) for probe in source.probes}
        self._busy: dict[str, asyncio.Future[Reads]] = {}
        self._lock = threading.Lock()
        self._requested: set[str] = set(at_start)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._nudge: asyncio.Event | None = None
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
        self._loop, self._nudge = asyncio.get_running_loop(), asyncio.Event()
        beat = time.monotonic()
        while not self._is_stopping:
            self._nudge.clear()
            self._dispatch(time.monotonic())
            reads = await self._collect()
            try:
                self._publish(reads)
            except Exception as error:
                if self._failed is None:
                    raise
                self._failed(error)
            beat = max(beat + self.beat, time.monotonic() + 0.01)
            try:
                await asyncio.wait_for(self._nudge.wait(), beat - time.monotonic())
                beat = time.monotonic()
            except TimeoutError:
                pass

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
        if self._loop is not None and self._nudge is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._nudge.set)

    def _dispatch(self, now: float) -> None:
        with self._lock:
            requested, self._requested = self._requested, set()
        batches: dict[str, list[_Schedule]] = {}
        for name, schedule in self._schedules.items():
            lane = schedule.probe.lane
            schedule.is_wanted |= name in requested
            if lane not in self._busy and schedule.is_due(now, self._plan, self.beat):
                batches.setdefault(lane, []).append(schedule)
        for lane, batch in batches.items():
            self._busy[lane] = self._read(lane, batch, now)

    def _read(self, lane: str, batch: list[_Schedule], now: float) -> asyncio.Future[Reads]:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Reads] = loop.create_future()
        for schedule in batch:
            schedule.asked_at, schedule.is_wanted = now, False
        probes = [schedule.probe for schedule in batch]
        wanted = self._wanted

        def job() -> Reads:
            reads = []
            for probe in probes:
                began = time.thread_time()
                if sample := read_probe(self._source, probe, wanted):
                    reads.append((sample, time.thread_time() - began))
            return reads

        def done(reads: Reads) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._finish, future, batch, reads)

        self._lanes[lane].submit(job, done)
        return future

    def _finish(self, future: asyncio.Future[Reads], batch: list[_Schedule], reads: Reads) -> None:
        by_name = {sample.probe: sample for sample, _ in reads}
        for schedule in batch:
            schedule.read_at, schedule.asked_at = schedule.asked_at or 0.0, None
            sample = by_name.get(schedule.probe.name)
            if sample is not None:
                schedule.cost = sample.cost
                schedule.size = None if sample.content is None else len(sample.content)
        if not future.done():
            future.set_result(reads)
        self._serve_waiting([batch[0].probe.lane])

    async def _collect(self) -> Reads:
        if self._busy:
            await asyncio.wait(self._busy.values(), timeout=min(_GRACE, self.interval / 2))
        ready = [lane for lane, future in self._busy.items() if future.done()]
        self._serve_waiting(ready)
        return [read for lane in ready for read in self._busy.pop(lane).result()]

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
