"""Which cases are leaks: they rise steadily, by enough, and nothing else accounts for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leaktop.engine.diagnosis.candidates import LEAST, candidates
from leaktop.engine.diagnosis.owners import find_owners
from leaktop.engine.diagnosis.rules import explain
from leaktop.engine.diagnosis.standing import standing

if TYPE_CHECKING:
    from leaktop.engine.diagnosis.observed import Observed
    from leaktop.engine.diagnosis.owners import Explained, Owners
    from leaktop.model.diagnosis import Case, Rise
    from leaktop.model.frame import Key

_LEAST_FDS, _LEAST_THREADS = 32, 16
_FD_BYTES, _THREAD_BYTES = 256, 24 << 10
"""What a descriptor and a thread cost at least, where no cache could be seen to follow them."""
_PROCESS_SECONDS, _YOUNG_SECONDS, _YOUNG_FDS = 40.0, 90.0, 60.0
"""A program that works takes memory for a while, one that starts for longer; the kernel does not."""
_YOUNG = 300.0
"""Seconds since its start for which a process is young."""
_TICKS_A_SECOND = 100
"""USER_HZ, in which PID/stat tells when a process began: 100 on every architecture but alpha and ia64."""
_EVEN_STEP, _EVEN_PACE = 0.22, (0.67, 1.5)
"""A young process is called a leak only where it grows evenly: no large step, and lately as fast as before."""
_CHARGED = {"hugepages", "balloon"}
"""Taken on purpose, in steps: told by `standing`, never called a leak."""


def judge(observed: Observed) -> list[Case]:
    """Every case with its judgement, leaks first, by bytes a second."""
    drafts = candidates(observed)
    owners = find_owners(drafts, observed)
    explained = {_identity(case): found for case in drafts if (found := explain(case, observed, owners))}
    cases = [_judged(case, explained.get(_identity(case)), observed) for case in drafts]
    cases = _with_what_they_own(cases, explained, observed, owners)
    cases += standing(observed, cases)
    loss = observed.loss
    available = observed.amount("MemAvailable")
    cases = [_weighed(case, loss, available, observed.seconds) for case in cases]
    return sorted(cases, key=lambda case: (not case.is_leak, case.is_cache, -(case.rate or 0), -case.bytes))


def _identity(case: Case) -> tuple[str, Key]:
    return case.kind, case.key


def _judged(case: Case, explained: Explained | None, observed: Observed) -> Case:
    if explained is not None:
        return case._replace(explained=explained.words)
    is_leak = case.kind not in _CHARGED and not case.is_cache and _rises(case, observed)
    return case._replace(is_leak=is_leak, confidence=_confidence(case) if is_leak else _confidence(case) / 4)


def _rises(case: Case, observed: Observed) -> bool:
    rise = case.rise
    if case.kind == "fd":
        is_many = rise is not None and rise.is_steady and rise.growth >= _LEAST_FDS
        return is_many and rise is not None and _is_no_start(case, rise, observed, _YOUNG_FDS)
    if case.kind == "process" and _starts_threads(case, observed):
        return True
    if rise is None or not rise.is_steady or rise.growth < LEAST.get(case.kind, 1 << 20):
        return False
    return case.kind != "process" or _is_no_start(case, rise, observed, _YOUNG_SECONDS)


def _is_no_start(case: Case, rise: Rise, observed: Observed, least: float) -> bool:
    """Whether a process grows in another way than programs do that start or work on something."""
    if not _is_young(case, observed):
        return rise.seconds >= _PROCESS_SECONDS
    whole = observed.curve("processes", case.key, "size" if case.key[0] == "named" else "private")
    slowest, fastest = _EVEN_PACE
    is_whole = rise.start <= whole.times[0] + whole.seconds / 10
    is_even = rise.step <= _EVEN_STEP and slowest <= rise.recent <= fastest
    return is_whole and is_even and rise.seconds >= least


def _is_young(case: Case, observed: Observed) -> bool:
    """Whether a process began a few minutes ago; by when it was seen first, where its start was not captured."""
    seen = observed.reads("processes")
    row = observed.row("processes", case.key)
    age = observed.frame.mono - row.record.starttime / _TICKS_A_SECOND if row and row.record.starttime else -1.0
    if age >= 0:
        return age < _YOUNG
    curve = observed.curve("processes", case.key, "size" if case.key[0] == "named" else "private")
    return bool(curve.times) and curve.times[0] > seen[0]


def _starts_threads(case: Case, observed: Observed) -> bool:
    measured = "number" if case.key[0] == "named" else "threads"
    rise = observed.rise("processes", case.key, measured)
    return rise is not None and rise.is_steady and rise.growth >= _LEAST_THREADS


def _confidence(case: Case) -> float:
    """More samples, a higher share of parts that rise and a smaller chance speak for a leak; never certain."""
    rise = case.rise
    if rise is None:
        return 0.0
    samples = min(rise.samples / 30, 1.0)
    return round(max(min((1 - rise.p) * (0.6 + 0.4 * rise.floors) * (0.75 + 0.24 * samples), 0.99), 0.0), 2)


def _with_what_they_own(
    cases: list[Case], explained: dict[tuple[str, Key], Explained], observed: Observed, owners: Owners
) -> list[Case]:
    """Add to owners the kernel memory that follows them: it goes when they go."""
    by_owner: dict[tuple[str, Key], list[Case]] = {}
    for case in cases:
        found = explained.get(_identity(case))
        if found and found.owner and found.owner[0] in {"fd", "process"} and (case.rate or 0) > 0:
            by_owner.setdefault(found.owner, []).append(case)
    owned_stacks = {"kernelstack", "vmalloc"}
    out = []
    for case in cases:
        mine = by_owner.get(_identity(case), [])
        if case.kind == "process" and any(one.kind == "kernelstack" for one in mine):
            mine = [one for one in mine if one.kind not in owned_stacks or one.kind == "kernelstack"]
        rate = sum(one.rate or 0 for one in mine)
        growth = sum(one.bytes for one in mine)
        if case.kind == "fd" and case.rise:
            rate = max(rate, case.rise.slope * _FD_BYTES)
            growth = max(growth, (case.objects or 0) * _FD_BYTES)
        elif case.kind == "process" and case == owners.threads.holder:
            threads = observed.rise("processes", case.key, "threads")
            rate = max(rate, threads.slope * _THREAD_BYTES if threads else 0)
        if rate and case.is_leak:
            scale = rate + (case.rate or 0)
            low, high = rate + (case.low or 0), rate + (case.high or 0)
            out.append(case._replace(rate=scale, low=low, high=high, bytes=case.bytes + growth))
        else:
            out.append(case)
    return out


def _weighed(case: Case, loss: float | None, available: int | None, seconds: float) -> Case:
    """With its share of what the machine loses, and how long that can go on; seen too briefly, at its average rate."""
    if case.rate is None and seconds > 0 and case.kind != "fd":
        return case._replace(rate=case.bytes / seconds)
    if not case.rate or case.rate <= 0:
        return case
    whole = max(loss, case.rate) if loss is not None and loss > 0 else None
    share = case.rate / whole if whole else None
    eta = (
        available / case.rate
        if available is not None and (case.is_leak or (case.rise and case.rise.is_steady))
        else None
    )
    return case._replace(share=share, eta=eta)
