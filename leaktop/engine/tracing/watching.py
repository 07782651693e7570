"""A subject watched by its events from beginning to end: how much is looked at follows from how much there is."""

from __future__ import annotations

import contextlib
import math
import random
import re
import threading
import time
from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

from leaktop.engine.tracing.callers import CallerCounts
from leaktop.engine.tracing.outstanding import Outstanding
from leaktop.engine.tracing.recorder import TraceRecorder
from leaktop.engine.tracing.sites import make_sites
from leaktop.model.sample import ParseError
from leaktop.parsers.kallsyms import parse_kallsyms
from leaktop.parsers.trace_events import Allocated, Freed
from leaktop.sources.files import KeptFiles, read_small
from leaktop.units import human_count

if TYPE_CHECKING:
    from collections.abc import Callable

    from leaktop.control.tracing import TraceInstance
    from leaktop.engine.tracing.plan import Plan
    from leaktop.model.allocations import Site
    from leaktop.parsers.trace_events import Record
    from leaktop.stopping import Stop

BUDGET = 25_000
"""Allocations and frees a second that are looked at: a twentieth of a CPU for stacks, as much for reading."""
_LOOK, _COUNT = 0.1, 1.0
"""Seconds in which events are looked at first, without stacks; and in which the kernel counts them, where it can."""
_TURN, _BUSY_TURN = 0.05, 0.1
"""Seconds between reads: until it is known that there is too much, every allocation costs a stack."""
_BUSY_BITS = 3
"""Bits that are tested, at least, once there has been too much: what was seen of that may have been its beginning."""
_CREDIT, _BUSY_CREDIT = 0.25, 3.0
"""Seconds of BUDGET that a burst may take at once. A loop's few objects are all looked at for a while, and then none:
where some are passed over already, that must not lead to fewer and fewer."""
_REST = 0.3
"""Seconds after the last allocation in which its free may still come, as RCU's do."""
PAUSING = 4
"""Of a busy subject allocations are looked at in one part of so many of the time."""
_MOST_THREADS = 4096
_KALLSYMS_CEILING = 1 << 27
_STATUS = re.compile(rb"^Name:\t([^\n]*)\n(?s:.*?)^Tgid:\t([0-9]+)$", re.MULTILINE)
_CMDLINE = re.compile(rb"^([0-9]+) ([^\n]*)$", re.MULTILINE)


class Watched(NamedTuple):
    """What a trace has found."""

    sites: tuple[Site, ...]
    seconds: float
    lost: int
    sampled: int
    allocated: int
    """Bytes that were handed out, of what was looked at."""
    freed: int
    """Bytes of those that were given back."""
    reused: int
    """Objects that were allocated again although no free of them was seen."""
    dropped: int
    notes: tuple[str, ...]


class TraceWatch:
    """One trace.

    Args:
        allocations: an instance for these; nothing is enabled in it.
        frees: one for these.
        plan: what to record.
        stop: set by whoever does not want to wait any longer.
        on_progress: told the seconds that have passed.
    """

    def __init__(
        self,
        allocations: TraceInstance,
        frees: TraceInstance,
        plan: Plan,
        stop: Stop,
        on_progress: Callable[[float], None],
    ) -> None:
        self._instance = allocations
        self._plan = plan
        self._recorder = TraceRecorder(allocations, frees, plan, threading.get_native_id())
        self._sampling = plan.sampling
        self._outstanding = Outstanding(plan.sampling)
        self._stop = stop
        self._on_progress = on_progress
        self._comms: dict[int, str] = {-1: "(interrupt)", 0: "(idle)"}
        self._freed: list[int] = []
        """Keys of the frees of the last turn."""
        self._is_busy = False
        """Whether allocations are looked at for a part of the time only."""
        self._credit = BUDGET * _CREDIT
        """Events that may come before fewer are looked at."""
        self._turned = 0.0
        self._lost = 0
        self._rates: dict[int, float] | None = None
        """Allocations a second at first by where they return to; None where the kernel does not count."""

    def run(self, seconds: float, sampling: int) -> Watched:
        """Watch, and tell what is held at the end.

        Args:
            seconds: for how long.
            sampling: look at one allocation of so many at most; a power of two, else the next one.

        Raises:
            TracingError: the kernel refused.
        """
        while self._sampling.one_of < sampling and self._narrow(1):
            pass
        recorder = self._recorder
        counts = CallerCounts(self._instance, self._plan, threading.get_native_id())
        self._look_first(min(_LOOK, seconds / 4))
        if counts.is_on:
            self._stop.wait(min(_COUNT, seconds / 8))
        self._rates = counts.end()
        recorder.add_stacks(self._sampling)
        recorder.begin()
        recorder.switch(allocates=False, is_on=True)
        recorder.switch(allocates=True, is_on=True)
        began = self._turned = first = time.monotonic()
        lost_before = self._lost = recorder.lost()
        while (left := first + seconds - time.monotonic()) > 0 and not self._wait(left):
            if not self._turn() and time.monotonic() - first < seconds / 2:
                # What was lost may have been frees: then what they freed would be accused. There is time to begin anew.
                recorder.begin()
                self._outstanding.forget()
                began, lost_before = time.monotonic(), recorder.lost()
            self._on_progress(time.monotonic() - first)
        recorder.switch(allocates=True, is_on=False)
        ended = time.monotonic()
        self._stop.wait(min(_REST, seconds / 4))
        recorder.switch(allocates=False, is_on=False)
        self._take(recorder.drain(is_last=True))
        return self._conclude(ended, ended - began, max(recorder.lost() - lost_before, 0))

    def _look_first(self, seconds: float) -> None:
        """Learn how much there is, before every allocation costs a stack."""
        recorder = self._recorder
        recorder.filter(self._sampling)
        for allocates in (False, True):
            recorder.switch(allocates=allocates, is_on=True)
        began = time.monotonic()
        self._stop.wait(seconds)
        for allocates in (True, False):
            recorder.switch(allocates=allocates, is_on=False)
        passed = max(time.monotonic() - began, 1e-3)
        records = recorder.drain(is_last=True)
        self._note_frees(records)
        rate = (len(records) + recorder.lost()) / passed
        if rate > BUDGET:
            self._fit(rate)

    def _wait(self, left: float) -> bool:
        """Let it record for a turn; whether it is to stop.

        Even what a filter leaves out has cost something by then. Where that is much, allocations are looked at for a
        part of each turn only; their frees always, so that what is seen to be allocated is seen to be freed.
        """
        if not self._is_busy:
            return self._stop.wait(min(_TURN, left))
        seconds = min(_BUSY_TURN, left)
        # At uneven times, so that what happens once a second is neither always seen nor never.
        before = seconds * (1 - 1 / PAUSING) * random.random()  # noqa: S311  # no secret
        self._recorder.switch(allocates=True, is_on=False)
        if not self._stop.wait(before):
            self._recorder.switch(allocates=True, is_on=True)
            self._stop.wait(seconds / PAUSING)
            self._recorder.switch(allocates=True, is_on=False)
        return self._stop.wait(seconds - before - seconds / PAUSING)

    def _turn(self) -> bool:
        """Take what was recorded, and look at fewer where that was too much; whether all of it was there."""
        records = self._recorder.drain()
        now = time.monotonic()
        passed, self._turned = max(now - self._turned, _TURN / 2), now
        self._take(records)
        lost = 0
        if is_overrun := self._recorder.was_overrun():
            before, self._lost = self._lost, self._recorder.lost()
            lost = self._lost - before
        seen = len(records) + lost
        most = BUDGET * (_BUSY_CREDIT if self._is_busy else _CREDIT)
        self._credit = min(self._credit + BUDGET * passed, most) - seen
        if self._credit < 0:
            self._fit(seen / passed)
            self._credit = BUDGET * _BUSY_CREDIT / 2
        elif self._outstanding.is_full or lost:
            self._narrow(1)
        return not is_overrun

    def _take(self, records: list[Record]) -> None:
        self._outstanding.take(records, PAUSING if self._is_busy else 1)
        self._note_frees(records)
        for thread in {record.thread for record in records if isinstance(record, Allocated)} - self._comms.keys():
            if len(self._comms) < _MOST_THREADS:
                self._comms[thread] = _comm(thread)

    def _note_frees(self, records: list[Record]) -> None:
        self._freed = [record.key for record in records if isinstance(record, Freed)]

    def _fit(self, rate: float) -> None:
        """Look at so few that their events come at no more than BUDGET a second, and not at all times."""
        if not self._is_busy and self._recorder.can_pause:
            self._is_busy = True
            rate *= (1 + 1 / PAUSING) / 2  # half of the events are frees
        least = max(_BUSY_BITS - len(self._sampling.tests), 1)
        self._narrow(max(math.ceil(math.log2(rate / BUDGET)), least))

    def _narrow(self, bits: int) -> bool:
        if not self._sampling.can_narrow:
            return False
        self._sampling = self._sampling.narrowed(bits, self._freed, _coin)
        self._recorder.filter(self._sampling)
        self._outstanding.narrow(self._sampling)
        return True

    def _conclude(self, ended: float, seconds: float, lost: int) -> Watched:
        notes = []
        name: Callable[[int], str] = hex
        try:
            with closing(KeptFiles("/")) as files:
                name = parse_kallsyms(files.read("proc/kallsyms", _KALLSYMS_CEILING)).name
        except (OSError, ParseError) as error:
            notes.append(f"functions have no names: {error}; sysctl kernel.kptr_restrict=1 shows them to root")
        if not self._recorder.has_stacks:
            notes.append("this kernel records no stacks here: only the calling function is known")
        if self._rates:
            notes.append(_arrivals(self._rates, name))
        self._name_the_gone()
        now = int(ended * 1e9) if self._recorder.is_monotonic else self._recorder.newest
        outstanding = self._outstanding
        sites = make_sites(
            outstanding.by_stack(), name, lambda thread: self._comms.get(thread) or f"? ({thread})", now,
            self._recorder.word, self._rates or {},
        )  # fmt: skip
        return Watched(
            sites,
            seconds,
            lost,
            self._sampling.one_of * (PAUSING if self._is_busy else 1),
            *(outstanding.allocated, outstanding.freed, outstanding.reused, outstanding.dropped),
            tuple(notes),
        )

    def _name_the_gone(self) -> None:
        """Ask the kernel for the names of threads that had ended before anybody looked."""
        with contextlib.suppress(OSError):
            for thread, comm in _CMDLINE.findall(self._instance.read("saved_cmdlines")):
                if self._comms.get(int(thread)) == "":
                    self._comms[int(thread)] = f"{comm.decode('utf-8', 'surrogateescape')} ({int(thread)})"


def _arrivals(rates: dict[int, float], name: Callable[[int], str]) -> str:
    """How much came at first, and from where most of it: what comes and goes again is seen here only."""
    total, busiest = sum(rates.values()), max(rates, key=lambda caller: rates[caller])
    share = rates[busiest] / total
    return f"the kernel counted {human_count(round(total))} a second at first, {share:.0%} of them at {name(busiest)}"


def _coin() -> bool:
    return random.random() < 0.5  # noqa: S311  # no secret


def _comm(thread: int) -> str:
    """ "comm (pid)" of a thread; "" where it has ended."""
    try:
        found = _STATUS.search(read_small(f"/proc/{thread}/status"))
    except OSError:
        return ""
    return f"{found[1].decode('utf-8', 'surrogateescape')} ({int(found[2])})" if found else ""
