"""A trace that is under way: the kernel's filters as they are now, and what it has recorded.

Allocations and frees go to an instance each, since stacks are an option of a whole instance, and are dear.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from leaktop.control.tracing import TracingError
from leaktop.engine.tracing.plan import PlanError
from leaktop.model.sample import ParseError
from leaktop.parsers.trace_events import CpuDecoder, StackLayout
from leaktop.parsers.trace_format import parse_event_format, parse_page_layout

if TYPE_CHECKING:
    from leaktop.control.tracing import TraceInstance
    from leaktop.engine.tracing.plan import Plan
    from leaktop.engine.tracing.sampling import Sampling
    from leaktop.parsers.trace_events import Record

_STACK = "events/ftrace/kernel_stack/format"


class TraceRecorder:
    """Drives two instances.

    Args:
        allocations: the instance for these; nothing is enabled in it.
        frees: the one for these.
        plan: what to record.
        thread: whose own allocations are left out: the one that reads.

    Raises:
        PlanError: the kernel's events cannot be read.
    """

    def __init__(self, allocations: TraceInstance, frees: TraceInstance, plan: Plan, thread: int) -> None:
        self._instances = (allocations, frees)
        self._plan = plan
        self._thread = thread
        self._late: list[Record] = []
        """What was recorded while the CPUs were read: others may have been read before."""
        self._stacks: StackLayout | None = None
        self._has_triggers = False
        try:
            self._page_layout = parse_page_layout(allocations.read("events/header_page"))
        except (OSError, ParseError) as error:
            raise PlanError(f"the kernel's ring buffer cannot be read: {error}") from error
        self._decoders: dict[tuple[bool, int], CpuDecoder] = {}
        self.word = self._page_layout.commit_size
        self.is_monotonic = self._choose_clock("mono")
        """Whether events have the time of the clock that Python reads as well."""
        if not self.is_monotonic and not self._choose_clock("global"):
            raise PlanError("this kernel has no trace clock that its CPUs share")
        self.newest = 0
        """The time of the latest event, in ns."""

    @property
    def has_stacks(self) -> bool:
        """Whether whole stacks are recorded; else only the calling function."""
        return self._stacks is not None

    @property
    def can_pause(self) -> bool:
        """Whether allocations can be left out for a while at no cost: what has a trigger is never quite off."""
        return not self._has_triggers

    def filter(self, sampling: Sampling) -> None:
        """Look at these objects only, from now on; allocations first, so that no free is missed of one that is seen.

        Raises:
            TracingError: the kernel refused.
        """
        for wanted in sorted(self._plan.events, key=lambda wanted: not wanted.taken.allocates):
            condition = wanted.filter(sampling, self._thread)
            self._instance(allocates=wanted.taken.allocates).write(f"events/{wanted.path}/filter", condition or "0")
        if self._has_triggers:
            self._set_triggers(sampling)

    def switch(self, *, allocates: bool, is_on: bool) -> None:
        """Record allocations, or frees, from now on, or do not.

        Raises:
            TracingError: the kernel refused.
        """
        for wanted in self._plan.events:
            if wanted.taken.allocates is allocates:
                self._instance(allocates=allocates).write(f"events/{wanted.path}/enable", str(int(is_on)))

    def add_stacks(self, sampling: Sampling) -> None:
        """Record the stack of each allocation from now on, as far as the kernel can."""
        try:
            self._instances[0].write("options/stacktrace", "1")
        except TracingError:
            try:
                self._set_triggers(sampling)
            except TracingError:
                return  # no CONFIG_STACKTRACE, or before 3.14: the address of the caller has to do
        try:
            self._stacks = StackLayout(parse_event_format(self._instances[0].read(_STACK)))
        except (OSError, ParseError):
            return
        self._decoders.clear()

    def begin(self) -> None:
        """Throw away what was recorded."""
        for instance in self._instances:
            for _ in instance.read_rings():
                pass
        self._late.clear()
        self._decoders.clear()

    def drain(self, *, is_last: bool = False) -> list[Record]:
        """What all CPUs recorded up to now, in no order.

        Args:
            is_last: nothing is recorded any more.

        Raises:
            TracingError: it cannot be read.
        """
        horizon = time.monotonic_ns()
        records, self._late = self._late, []
        for instance in self._instances:
            allocates = instance is self._instances[0]
            for cpu, page in instance.read_rings():
                records += self._decoder(cpu, allocates=allocates).feed(page)
        self.newest = max((record.time for record in records), default=self.newest)
        if is_last or not self.is_monotonic:
            return records
        self._late = [record for record in records if record.time > horizon]
        return [record for record in records if record.time <= horizon] if self._late else records

    def lost(self) -> int:
        """Events that there was no room for, so far."""
        return sum(instance.lost() for instance in self._instances)

    def was_overrun(self) -> bool:
        """Whether events were lost since this was asked last."""
        missed = [decoder for decoder in self._decoders.values() if decoder.missed]
        for decoder in missed:
            decoder.missed = False
        return bool(missed)

    def _instance(self, *, allocates: bool) -> TraceInstance:
        return self._instances[0] if allocates else self._instances[1]

    def _decoder(self, cpu: int, *, allocates: bool) -> CpuDecoder:
        decoder = self._decoders.get((allocates, cpu))
        if decoder is None:
            taken = {wanted.taken.number: wanted.taken for wanted in self._plan.events}
            decoder = self._decoders[allocates, cpu] = CpuDecoder(self._page_layout, taken, self._stacks)
        return decoder

    def _choose_clock(self, clock: str) -> bool:
        try:
            for instance in self._instances:
                instance.write("trace_clock", clock)
        except TracingError:
            return False
        return True

    def _set_triggers(self, sampling: Sampling) -> None:
        """Let each allocation record its stack by a trigger, which has a filter of its own."""
        for wanted in self._plan.events:
            if not wanted.taken.allocates:
                continue
            trigger = f"events/{wanted.path}/trigger"
            if self._has_triggers:
                self._instances[0].write(trigger, "!stacktrace", adds=True)
            condition = wanted.filter(sampling, self._thread)
            self._instances[0].write(trigger, f"stacktrace if {condition}" if condition else "stacktrace", adds=True)
        self._has_triggers = True
