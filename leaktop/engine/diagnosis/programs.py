"""How programs grow: those that start or work on something take memory too, and then stop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leaktop.engine.diagnosis.trend import parts_of

if TYPE_CHECKING:
    from leaktop.engine.diagnosis.observed import Observed
    from leaktop.engine.diagnosis.trend import Curve
    from leaktop.model.diagnosis import Case, Rise

YOUNG_SECONDS, YOUNG_FDS = 90.0, 60.0
"""For which a young process has to grow evenly before its memory, or its descriptors, count as a leak."""
LEAST_THREADS = 16
_OLD_SECONDS = 40.0
"""For which an old one has to grow: longer than the kernel, since programs work on something for a while."""
_YOUNG = 300.0
"""Seconds since its start for which a process is young."""
_TICKS_A_SECOND = 100
"""USER_HZ, in which PID/stat tells when a process began: 100 on every architecture but alpha and ia64."""
_EVEN_STEP, _EVEN_PACE = 0.22, (0.67, 1.5)
"""Of an even rise: no step is larger, and lately it is neither slower nor faster."""
_FEW_PARTS = 1.5
"""With few samples there are few parts, and a straight line makes larger steps: 1 of as many, and some more."""


def outgrows_its_start(case: Case, rise: Rise, observed: Observed, least: float) -> bool:
    """Whether a process grows in another way than programs do that start or work on something.

    Args:
        case: the process.
        rise: of its memory or its descriptors.
        observed: what else is known of it.
        least: seconds that a young one has to grow.
    """
    if not _is_young(case, observed):
        return rise.seconds >= _OLD_SECONDS
    whole = _curve(case, observed)
    slowest, fastest = _EVEN_PACE
    is_whole = rise.start <= whole.times[0] + whole.seconds / 10
    is_even = rise.step <= max(_EVEN_STEP, _FEW_PARTS / parts_of(rise.samples)) and slowest <= rise.recent <= fastest
    return is_whole and is_even and rise.seconds >= least


def thread_rise(case: Case, observed: Observed) -> Rise | None:
    """How the threads of a process moved, or the processes of one name."""
    return observed.rise("processes", case.key, "number" if case.key[0] == "named" else "threads")


def starts_threads(case: Case, observed: Observed) -> bool:
    """Whether a process starts thread after thread, or processes of one name become more and more."""
    rise = thread_rise(case, observed)
    return rise is not None and rise.is_steady and rise.growth >= LEAST_THREADS


def _is_young(case: Case, observed: Observed) -> bool:
    """Whether a process began a few minutes ago; by when it was seen first, where its start was not captured."""
    row = observed.row("processes", case.key)
    age = observed.frame.mono - row.record.starttime / _TICKS_A_SECOND if row and row.record.starttime else -1.0
    if age >= 0:
        return age < _YOUNG
    times = _curve(case, observed).times
    return bool(times) and times[0] > observed.reads("processes")[0]


def _curve(case: Case, observed: Observed) -> Curve:
    return observed.curve("processes", case.key, "size" if case.key[0] == "named" else "private")
