"""The verdict: one class, by what loses most, and a summary that a person would write."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leaktop.engine.diagnosis.standing import is_large, is_step, unused_hugepages
from leaktop.engine.diagnosis.summary import cache_summary, leak_summary, none_summary, reserved_summary, short_summary
from leaktop.engine.diagnosis.trend import LEAST_SAMPLES, LEAST_SECONDS
from leaktop.model.diagnosis import Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from leaktop.engine.diagnosis.observed import Observed
    from leaktop.model.diagnosis import Case, Unit, VerdictClass

CLASSES: dict[str, VerdictClass] = {
    "process": "user-leak",
    "pagetables": "user-leak",
    "fd": "fd-leak",
    "socket": "socket-backlog",
    "tmpfs": "tmpfs-growth",
    "hugepages": "hugepages",
    "balloon": "balloon",
}
"""Of a case's kind; every other kind is the kernel's."""
_CACHE_SHARE, _CACHE_FLOOR = 0.01, 16 << 20
"""What caches gained is worth a verdict from this share of MemTotal on, and from so many bytes."""


def find_verdict(observed: Observed, cases: Sequence[Case], units: Sequence[Unit]) -> Verdict:
    """The class of the fastest leak, or of what was taken on purpose where that is more; else caches; else none."""
    reads = len(observed.reads("memory"))
    leaks = [case for case in cases if case.is_leak]
    charged = [case for case in cases if case.kind in {"hugepages", "balloon"} and _is_reserved(observed, case)]
    is_most = bool(charged) and charged[0].bytes > sum(case.bytes for case in leaks)
    if leaks and not is_most:
        worst = leaks[0]
        return Verdict(CLASSES.get(worst.kind, "kernel-leak"), leak_summary(observed, leaks, units))
    if charged:
        return Verdict(CLASSES[charged[0].kind], reserved_summary(observed, charged[0]))
    if reads < LEAST_SAMPLES or observed.seconds < LEAST_SECONDS:
        return Verdict("insufficient", short_summary(observed, reads, units))
    gained = cache_growth(observed)
    total = observed.amount("MemTotal") or 0
    if gained is not None and gained >= max(_CACHE_SHARE * total, _CACHE_FLOOR):
        return Verdict("cache-growth", cache_summary(observed, gained, cases))
    return Verdict("none", none_summary(observed, cases))


def cache_growth(observed: Observed) -> int | None:
    """Bytes that reclaimable slab and page cache gained since the baseline, files in memory left out."""
    rows = [observed.amount_row(name) for name in ("Cached", "Buffers", "SReclaimable")]
    shared = observed.amount_row("Shmem")
    if rows[0] is None:
        return None
    return sum((row.size.growth or 0) for row in rows if row) - ((shared.size.growth or 0) if shared else 0)


def _is_reserved(observed: Observed, case: Case) -> bool:
    row = observed.amount_row(case.name)
    if case.name == "MemTotal" or row is None:
        return True
    held = unused_hugepages(observed) if case.kind == "hugepages" else row.size.value
    return is_step(observed, row) or is_large(observed, held)
