"""Who calls the allocator, and how often: counted by the kernel itself, all of it, where it has hist triggers.

What is recorded may be a part only of what comes; this is not. It tells allocations, not what is held, so that it says
which of the places that hold something hold all that they ask for, and which only what is in use.
"""

from __future__ import annotations

import contextlib
from time import monotonic
from typing import TYPE_CHECKING

from leaktop.control.tracing import TracingError
from leaktop.model.sample import ParseError
from leaktop.parsers.trace_hist import parse_call_counts

if TYPE_CHECKING:
    from leaktop.control.tracing import TraceInstance
    from leaktop.engine.tracing.plan import Plan

_KEY = "call_site"


class CallerCounts:
    """Counts from now on, by a trigger on every event of the plan that names its caller.

    Args:
        instance: the one for allocations; nothing has a trigger in it.
        plan: what is watched.
        thread: whose own allocations are left out: the one that reads.
    """

    def __init__(self, instance: TraceInstance, plan: Plan, thread: int) -> None:
        self._instance = instance
        self._triggers: list[tuple[str, str]] = []
        """The event, and what its trigger says."""
        self._began = monotonic()
        for wanted in plan.events:
            if wanted.taken.allocates:
                condition = wanted.filter(plan.sampling, thread)
                trigger = f"hist:keys={_KEY}.hex if {condition}" if condition else f"hist:keys={_KEY}.hex"
                with contextlib.suppress(
                    TracingError
                ):  # no CONFIG_HIST_TRIGGERS, before 4.7; or the event names no caller
                    instance.write(f"events/{wanted.path}/trigger", trigger, adds=True)
                    self._triggers.append((wanted.path, trigger))

    @property
    def is_on(self) -> bool:
        """Whether this kernel counts."""
        return bool(self._triggers)

    def end(self) -> dict[int, float] | None:
        """Stop counting.

        Returns:
            allocations a second by the address that the allocator returned to; None where the kernel cannot count, or
            had no room for all.
        """
        passed = max(monotonic() - self._began, 1e-3)
        rates: dict[int, float] = {}
        is_whole = self.is_on
        for path, trigger in self._triggers:
            try:
                counts = parse_call_counts(self._instance.read_own(f"events/{path}/hist"))
            except (OSError, ParseError):
                is_whole = False
            else:
                is_whole = is_whole and not counts.dropped
                for caller, calls in counts.by_caller.items():
                    rates[caller] = rates.get(caller, 0.0) + calls / passed
            with contextlib.suppress(TracingError):  # it goes with the instance at the latest
                self._instance.write(f"events/{path}/trigger", f"!{trigger}", adds=True)
        self._triggers.clear()
        return rates if is_whole else None
