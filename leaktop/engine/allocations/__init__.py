"""Who allocates this? One file a facility of the kernel; the best one that is there answers.

To add a facility, add a file with a `FACILITY`; it is found by being here.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING

from leaktop.engine.allocations.base import AskError, Facility, Watch

if TYPE_CHECKING:
    from leaktop.model.allocations import Allocations, Subject

FACILITIES: tuple[Facility, ...] = tuple(
    sorted(
        (
            import_module(f"{__name__}.{module.name}").FACILITY
            for module in iter_modules(__path__)
            if module.name != "base"
        ),
        key=lambda facility: facility.order,
    )
)


def choose(subject: Subject, root: str = "/", wanted: str | None = None, *, may_write: bool = True) -> Facility:
    """The best facility that can answer.

    Args:
        subject: what is asked about.
        root: what /proc and /sys are below.
        wanted: the one that somebody insists on.
        may_write: whether it may write to the kernel.

    Raises:
        AskError: none can; the message says why of each.
    """
    reasons = []
    for facility in FACILITIES:
        if wanted == facility.name or (wanted is None and not facility.is_on_request):
            if facility.writes and not may_write:
                reasons.append(f"{facility.name}: it writes to the kernel, and that is not allowed")
                continue
            reason = facility.missing(subject, root)
            if reason is None:
                return facility
            reasons.append(f"{facility.name}: {reason}")
    raise AskError("; ".join(dict.fromkeys(reasons)) or f"there is no facility {wanted}")


def ask(watch: Watch, wanted: str | None = None) -> Allocations:
    """The answer of the best facility that is there.

    Raises:
        AskError: none is, or it failed.
    """
    return choose(watch.subject, watch.root, wanted).find(watch)


__all__ = ["FACILITIES", "AskError", "Facility", "Watch", "ask", "choose"]
