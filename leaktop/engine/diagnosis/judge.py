"""Which cases are leaks: they rise steadily, by enough, and nothing else accounts for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leaktop.engine.diagnosis.candidates import candidates, least
from leaktop.engine.diagnosis.owned import with_what_they_own
from leaktop.engine.diagnosis.owners import find_owners
from leaktop.engine.diagnosis.programs import YOUNG_FDS, YOUNG_SECONDS, outgrows_its_start, starts_threads
from leaktop.engine.diagnosis.rules import explain
from leaktop.engine.diagnosis.standing import standing

if TYPE_CHECKING:
    from leaktop.engine.diagnosis.observed import Observed
    from leaktop.engine.diagnosis.owners import Explained
    from leaktop.model.diagnosis import Case
    from leaktop.model.frame import Key

_LEAST_FDS = 32
_CHARGED = {"hugepages", "balloon"}
"""Taken on purpose, in steps: told by `standing`, never called a leak."""


def judge(observed: Observed) -> list[Case]:
    """Every case with its judgement, leaks first, by bytes a second."""
    drafts = candidates(observed)
    owners = find_owners(drafts, observed)
    explained = {_identity(case): found for case in drafts if (found := explain(case, observed, owners))}
    cases = [_judged(case, explained.get(_identity(case)), observed) for case in drafts]
    cases = with_what_they_own(cases, explained, observed, owners)
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
    if case.kind == "process" and starts_threads(case, observed):
        return True
    rise = case.rise
    if rise is None or not rise.is_steady:
        return False
    if case.kind == "fd":
        return rise.growth >= _LEAST_FDS and outgrows_its_start(case, rise, observed, YOUNG_FDS)
    if rise.growth < least(case.kind, observed):
        return False
    return case.kind != "process" or outgrows_its_start(case, rise, observed, YOUNG_SECONDS)


def _confidence(case: Case) -> float:
    """More samples, a higher share of parts that rise and a smaller chance speak for a leak; never certain."""
    rise = case.rise
    if rise is None:
        return 0.0
    samples = min(rise.samples / 30, 1.0)
    return round(max(min((1 - rise.p) * (0.6 + 0.4 * rise.floors) * (0.75 + 0.24 * samples), 0.99), 0.0), 2)


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
