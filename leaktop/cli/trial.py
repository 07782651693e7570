"""A trial: a command that is run again and again, with a rest before and a measure of the machine before and after."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from leaktop.cli.foreground import run_command
from leaktop.control.reclaim import ReclaimError, drop_caches, shrink_all
from leaktop.engine.engine import Engine
from leaktop.engine.gate import Figure, Key, Measure, Rest, Round, changed, measure
from leaktop.engine.reading import read_everything
from leaktop.sources.filesystem import FileSystemSource

if TYPE_CHECKING:
    from collections.abc import Sequence

    from leaktop.model.frame import Frame

_LANES = {"memory", "slab", "vmalloc"}
_LONGEST_REST = 5.0
"""Seconds; up to it the machine rests before each run for as long as the run before took."""
LAST_REST = 12.0
"""Seconds until what the kernel frees late is free: kfree_rcu takes 5, lazy RCU callbacks (CONFIG_RCU_LAZY) take 10."""
_SHRINKS = 2
"""The first opens 200 files for it, which take objects of caches that it has been through: counts err by a slab."""
_REFRESH = "/proc/sys/vm/stat_refresh"
"""Has the counters of all CPUs added up when it is read, instead of within a second. Nothing is written."""


class TrialError(Exception):
    """It cannot be told whether memory leaks; the message says why, for people.

    Attributes:
        status: of the command, where it failed.
    """

    def __init__(self, reason: str, status: int | None = None) -> None:
        super().__init__(reason)
        self.status = status


class Plan(NamedTuple):
    """How a trial is made. Times are seconds."""

    command: Sequence[str]
    iterations: int
    warmup: float
    """Runs that are not measured go on for so long; there is one at least."""
    settle: float
    """Between a run and the measure, for what the kernel frees a little later."""
    drops_caches: bool
    stdout: int | None
    """Where the command's standard output goes; None for ours."""
    when_warm: Callable[[], None] = lambda: None
    """Called once between the warm-up and the first measure. May raise TrialError."""


class Trial:
    """Runs and measures. What it opens stays open and what it keeps is small, so that it does not grow itself.

    Attributes:
        start: the measure after the warm-up; of the others only what differs from it is kept.
        rounds: the iterations so far.
        unread: sections that cannot be read here, and why.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._source = FileSystemSource(is_read_only=True)
        probes = [probe for probe in self._source.probes if probe.lane in _LANES]
        # The first that is read: reading the others takes objects from caches that have just been shrunk.
        self._source.probes = tuple(sorted(probes, key=lambda probe: probe.name != "slabinfo"))
        self._refresh: int | None = None
        with contextlib.suppress(OSError):  # not root, or before 4.8
            self._refresh = os.open(_REFRESH, os.O_RDONLY | os.O_CLOEXEC)
        self.start: Measure = {}
        self.rounds: list[Round] = []
        self.unread: dict[str, str] = {}

    def run(self) -> None:
        """Warm up, and run every iteration.

        Raises:
            TrialError: the command fails, or the machine cannot be measured.
            KeyboardInterrupt: Ctrl-C.
        """
        self._measure()  # whatever cannot be read is said before anything runs
        end = time.monotonic() + self._plan.warmup
        took = self._run("while it warmed up")
        while time.monotonic() < end:
            took = self._run("while it warmed up")
        self._plan.when_warm()
        self._measure()
        self.start = self._measure()
        last = time.monotonic()
        for number in range(1, self._plan.iterations + 1):
            time.sleep(min(took, _LONGEST_REST))
            before = changed(self.start, self._measure())
            rested, last = time.monotonic() - last, time.monotonic()
            took = self._run(f"in iteration {number}")
            after = changed(self.start, self._measure())
            self.rounds.append(Round(before, after, rested, time.monotonic() - last))
            last = time.monotonic()

    def rest(self) -> Rest:
        """Wait for what is freed late, and measure once more.

        Raises:
            TrialError: the machine cannot be measured.
        """
        time.sleep(LAST_REST)
        return Rest(changed(self.start, self._measure()), LAST_REST)

    def close(self) -> None:
        """Close what was kept open."""
        self._source.close()
        if self._refresh is not None:
            os.close(self._refresh)
            self._refresh = None

    def _run(self, when: str) -> float:
        """Run the command once; the seconds that it took."""
        began = time.monotonic()
        name = self._plan.command[0]
        try:
            status = run_command(self._plan.command, self._plan.stdout)
        except OSError as error:
            raise TrialError(f"{name}: {error.strerror or error}") from error
        if status:
            raise TrialError(f"{name} failed with status {status} {when}", status)
        return time.monotonic() - began

    def _measure(self) -> dict[Key, Figure]:
        time.sleep(self._plan.settle)
        if self._plan.drops_caches:
            try:
                drop_caches()
                for _ in range(_SHRINKS):
                    shrink_all()
            except ReclaimError as error:
                raise TrialError(str(error)) from error
        if self._refresh is not None:
            with contextlib.suppress(OSError):
                os.pread(self._refresh, 1, 0)
        frame = Engine(self._source.machine).feed(read_everything(self._source))
        self._check(frame)
        return measure(frame, with_reclaimable=self._plan.drops_caches)

    def _check(self, frame: Frame) -> None:
        """Whether everything that was there the first time was read."""
        faults = {name: frame.sections[name].fault for name in sorted(_LANES)}
        unread = {name: fault for name, fault in faults.items() if fault}
        for name in ("slab", "memory", *(unread.keys() - self.unread.keys() if self.start else ())):
            if fault := unread.get(name):
                remedy = f" ({fault.remedy})" if fault.remedy else ""
                raise TrialError(f"{fault.reason}{remedy}")
        self.unread = {name: fault.reason for name, fault in unread.items()}
        caches = frame.sections["slab"].rows
        if not self._plan.drops_caches and all(row.record.reclaimable is None for row in caches):
            raise TrialError("this kernel does not say which caches can be reclaimed; use --drop-caches")
