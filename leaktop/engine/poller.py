"""The one poller behind every pane and every recording: asks each probe at its own pace, and hands on ticks.

Reads happen in daemon threads, one a lane, since nothing under /proc can be polled, any read can stall on a kernel
lock, and a thread of asyncio's own executor would hold up quitting until the read returns.
"""

from __future__ import annotations

import asyncio
import threading
import time
from queue import SimpleQueue
from statistics import median
from typing import TYPE_CHECKING

from leaktop.model.frame import ProbeState
from leaktop.model.sample import Fault, RawSample, Tick

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from leaktop.model.sample import Probe
    from leaktop.sources.base import Source

DUTY = 0.05
"""Share of the time that reading one probe may take before it is read less often."""
_GRACE = 0.25
"""Seconds a tick waits for the lanes; what comes later goes into the next tick."""
_LATE = 1.0
"""Seconds after which a read that is still under way is shown as waiting."""

Samples = list[RawSample]


def read_probe(source: Source, probe: Probe, wanted: frozenset[int] | None) -> RawSample | None:
    """One sample; an exception that the source did not foresee becomes a fault like any other."""
    mono, wall = time.monotonic(), time.time()
    try:
        return source.read(probe, wanted)
    except Exception as error:
        reason = f"leaktop failed to read {probe.path} ({type(error).__name__}: {error})"
        return RawSample(probe.name, None, Fault("failed", reason, "report it"), mono, wall)


def read_everything(source: Source, wanted: frozenset[int] | None = None) -> Tick:
    """One tick with every probe of a source, read here and now: for `show`, and for a captured tree."""
    mono, wall = round(time.monotonic(), 3), round(time.time(), 3)
    samples = [sample for probe in source.probes if (sample := read_probe(source, probe, wanted))]
    return Tick(mono, wall, tuple(samples))


class _Lane:
    """A daemon thread that reads the probes of one lane, in order, a batch at a time."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._jobs: SimpleQueue[tuple[Callable[[], Samples], Callable[[Samples], None]]] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def submit(self, job: Callable[[], Samples], done: Callable[[Samples], None]) -> None:
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
    """When one probe is due, and what its last reads cost."""

    def __init__(self, probe: Probe) -> None:
        self.probe = probe
        self.due = 0.0 if probe.cadence is not None else float("inf")
        self.asked_at: float | None = None
        self.is_wanted = False
        """Requested, but not yet asked for: its lane is busy."""
        self.size: int | None = None
        self.costs: list[float] = []

    def cadence(self, interval: float) -> float | None:
        if self.probe.cadence is None:
            return None
        # The median of three: one read that was preempted does not make a probe slow.
        cost = median(self.costs) if self.costs else 0.0
        return max(self.probe.cadence * interval, cost / DUTY)

    def state(self, interval: float, now: float) -> ProbeState:
        cadence = self.cadence(interval)
        planned = None if self.probe.cadence is None else self.probe.cadence * interval
        return ProbeState(
            self.probe.name,
            self.costs[-1] if self.costs else None,
            cadence,
            cadence is not None and planned is not None and cadence > planned,
            self.asked_at is not None and now - self.asked_at > _LATE,
            self.size,
        )


class Poller:
    """Ticks for as long as it runs.

    Args:
        source: where samples come from.
        take: called with each tick and what reading costs just now, in the poller's thread; gives the inodes of the
            sockets whose owners are worth a walk over /proc/PID/fd.
        interval: seconds between ticks; the cadence of every probe scales with it.
        at_start: probes without a cadence that are read once at the start.
    """

    def __init__(
        self,
        source: Source,
        take: Callable[[Tick, Mapping[str, ProbeState]], frozenset[int]],
        interval: float = 1.0,
        at_start: Iterable[str] = (),
    ) -> None:
        self._source = source
        self._take = take
        self.interval = interval
        self._schedules = {probe.name: _Schedule(probe) for probe in source.probes}
        self._lanes = {probe.lane: _Lane(probe.lane) for probe in source.probes}
        self._busy: dict[str, asyncio.Future[Samples]] = {}
        self._lock = threading.Lock()
        self._requested: set[str] = set(at_start)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._nudge: asyncio.Event | None = None
        self._is_stopping = False
        self._wanted: frozenset[int] = frozenset()

    async def run(self) -> None:
        """Poll until `stop`. Reads that are under way then are left behind in their daemon threads."""
        self._loop, self._nudge = asyncio.get_running_loop(), asyncio.Event()
        beat = time.monotonic()
        while not self._is_stopping:
            self._nudge.clear()
            self._dispatch(time.monotonic())
            samples = await self._collect()
            self._publish(samples)
            beat = max(beat + self.interval, time.monotonic() + 0.01)
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
            # A tenth of the interval early is on time: beats and clocks never agree to the millisecond.
            if lane not in self._busy and (schedule.is_wanted or now >= schedule.due - self.interval / 10):
                batches.setdefault(lane, []).append(schedule)
        for lane, batch in batches.items():
            self._busy[lane] = self._read(lane, batch, now)

    def _read(self, lane: str, batch: list[_Schedule], now: float) -> asyncio.Future[Samples]:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Samples] = loop.create_future()
        for schedule in batch:
            schedule.asked_at, schedule.is_wanted = now, False
        probes = [schedule.probe for schedule in batch]
        wanted = self._wanted

        def job() -> Samples:
            return [sample for probe in probes if (sample := read_probe(self._source, probe, wanted))]

        def done(samples: Samples) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._finish, future, batch, samples)

        self._lanes[lane].submit(job, done)
        return future

    def _finish(self, future: asyncio.Future[Samples], batch: list[_Schedule], samples: Samples) -> None:
        by_name = {sample.probe: sample for sample in samples}
        for schedule in batch:
            asked, schedule.asked_at = schedule.asked_at or 0.0, None
            sample = by_name.get(schedule.probe.name)
            if sample is not None:
                schedule.costs = [*schedule.costs[-2:], sample.cost]
                schedule.size = None if sample.content is None else len(sample.content)
            cadence = schedule.cadence(self.interval)
            schedule.due = float("inf") if cadence is None else asked + cadence
        if not future.done():
            future.set_result(samples)
        self._serve_waiting([batch[0].probe.lane])

    async def _collect(self) -> Samples:
        if self._busy:
            await asyncio.wait(self._busy.values(), timeout=min(_GRACE, self.interval / 2))
        ready = [lane for lane, future in self._busy.items() if future.done()]
        self._serve_waiting(ready)
        return [sample for lane in ready for sample in self._busy.pop(lane).result()]

    def _serve_waiting(self, free: Collection[str]) -> None:
        """Go on at once where a probe was requested while its lane was busy."""
        if any(schedule.is_wanted and schedule.probe.lane in free for schedule in self._schedules.values()):
            self._wake()

    def _publish(self, samples: Samples) -> None:
        now = time.monotonic()
        states = {name: schedule.state(self.interval, now) for name, schedule in self._schedules.items()}
        self._wanted = self._take(Tick(round(now, 3), round(time.time(), 3), tuple(samples)), states)
