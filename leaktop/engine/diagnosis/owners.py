"""Who owns kernel memory: what processes, descriptors, threads and queues do, that kernel objects follow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from leaktop.engine.diagnosis.candidates import queued
from leaktop.engine.diagnosis.trend import are_in_step
from leaktop.engine.sections.processes import FDS, PROCESSES, THREADS

if TYPE_CHECKING:
    from leaktop.engine.diagnosis.observed import Observed
    from leaktop.model.diagnosis import Case, Rise
    from leaktop.model.frame import Key

_NEAR = 0.06
_RATIOS = tuple((p, q) for p in range(1, 5) for q in range(1, 5))


class Explained(NamedTuple):
    """Why a case is not the culprit."""

    words: str
    owner: tuple[str, Key] | None = None
    """Kind and key of the case that is, which then answers for these bytes as well."""


@dataclass(frozen=True, slots=True)
class Count:
    """How many of something there are over all the machine, and who adds most to it."""

    key: Key
    rise: Rise | None
    holder: Case | None


@dataclass(frozen=True, slots=True)
class Owners:
    """What kernel objects may be owned by."""

    fds: Count
    threads: Count
    processes: Count
    queued: Rise | None
    """Bytes in all socket queues."""
    queue: Case | None
    """The socket, or sockets, that gained most."""
    growing: Case | None
    """The process that gained most memory, steadily."""


def find_owners(cases: list[Case], observed: Observed) -> Owners:
    """The owners among the candidates."""
    processes = [case for case in cases if case.kind == "process"]
    return Owners(
        Count(FDS, observed.rise("processes", FDS, "number"), _fastest(cases, "fd")),
        Count(THREADS, observed.rise("processes", THREADS, "number"), _threaded(processes, observed)),
        Count(PROCESSES, observed.rise("processes", PROCESSES, "number"), _crowd(processes)),
        queued(observed),
        _fastest(cases, "socket"),
        _fastest(cases, "process"),
    )


def _fastest(cases: list[Case], kind: str) -> Case | None:
    steady = [case for case in cases if case.kind == kind and case.rise and case.rise.is_steady]
    return max(steady, key=lambda case: case.rise.slope if case.rise else 0, default=None)


def _threaded(processes: list[Case], observed: Observed) -> Case | None:
    """The process that starts most threads."""
    rises = [(case, observed.rise("processes", case.key, "threads")) for case in processes]
    steady = [(rise.slope, case) for case, rise in rises if rise and rise.is_steady]
    return max(steady, key=lambda pair: pair[0], default=(0, None))[1]


def _crowd(processes: list[Case]) -> Case | None:
    return next((case for case in processes if case.key[0] == "named"), None)


def follows(case: Case, count: Count, observed: Observed, *, most: float) -> bool:
    """Whether objects grow because something else does: no faster than so many objects for each of it."""
    rise = count.rise
    objects = observed.rise(case.section, case.key, "number")
    if rise is None or rise.slope <= 0 or objects is None or objects.slope <= 0:
        return False
    return objects.slope <= most * rise.slope and rise.growth > 0


def is_in_step(case: Case, count: Count, observed: Observed) -> bool:
    """Whether objects grow as something else does, moment by moment, so many for each of it."""
    objects = observed.rise(case.section, case.key, "number")
    if count.rise is None or objects is None or count.rise.growth < 8 or objects.slope <= 0 or count.rise.slope <= 0:
        return False
    whole, small = small_ratio(objects.slope / count.rise.slope)
    if not small:
        return False
    # Read at other moments than the cache: compared where the slower of the two was read.
    since = max(objects.start, count.rise.start)
    owned = observed.curve("processes", count.key, "number", since)
    mine = observed.curve_at(case.section, case.key, "number", owned.times)
    return len(owned.values) > 2 and are_in_step(mine, owned, 0.12) and whole > 0


def small_ratio(ratio: float) -> tuple[float, bool]:
    """The ratio as a fraction of small whole numbers, and whether it is one within a few per cent."""
    if ratio <= 0:
        return ratio, False
    numerator, denominator = min(_RATIOS, key=lambda pq: abs(ratio * pq[1] / pq[0] - 1))
    nearest = numerator / denominator
    return (nearest, True) if abs(ratio / nearest - 1) <= _NEAR else (ratio, False)
