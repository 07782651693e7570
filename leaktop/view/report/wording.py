"""The words that all formats share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leaktop.units import human_rate
from leaktop.view.cells import safe

if TYPE_CHECKING:
    from leaktop.model.diagnosis import Case, Unit

VERDICTS = {
    "kernel-leak": "Kernel memory leak",
    "user-leak": "A process leaks memory",
    "fd-leak": "A process leaks descriptors",
    "socket-backlog": "A socket that nobody reads",
    "tmpfs-growth": "Files in memory grow",
    "cache-growth": "Caches grow",
    "balloon": "A balloon holds memory",
    "hugepages": "Huge pages hold memory",
    "none": "No leak was seen",
    "insufficient": "Not enough was seen",
}
"""A verdict as a headline."""
TONES = {
    "none": "fine",
    "insufficient": "unknown",
    "cache-growth": "notice",
    "balloon": "notice",
    "hugepages": "notice",
}
"""How bad it is; every other verdict is "suspect"."""
KINDS = {
    "slab": "slab cache",
    "vmalloc": "vmalloc caller",
    "fd": "descriptors",
    "tmpfs": "files in memory",
    "kmemleak": "kmemleak",
    "pagetables": "page tables",
    "kernelstack": "kernel stacks",
    "percpu": "per-CPU memory",
    "hugepages": "huge pages",
    "residual": "unnamed memory",
}
"""A kind as people say it, where it is not a word already."""
MARKS = {"fine": "✓", "suspect": "▲", "unknown": "?"}
_LISTED, _MOST_NAMES = 4, 40
"""Other names of a cache: as many as its evidence lists, and as many as anybody wants to read."""


def sign_of(case: Case) -> str:
    """▲ leaks, ~ can be reclaimed, · grows for a reason or in passing."""
    return "▲" if case.is_leak else "~" if case.is_cache else "·"


def certainty(case: Case) -> str:
    """How sure it is that a case is a leak."""
    return f"{case.confidence:.0%} sure"


def excuse(case: Case) -> str:
    """Why a case that grew is none of the suspects: whose growth it follows, else what its curve lacks."""
    lacks = case.evidence[1:2] if case.rise and not case.rise.is_steady else case.evidence[:1]
    return case.explained or "".join(lacks)


def other_names(case: Case) -> str:
    """All the names that share a cache's slabs, where there are more than its evidence lists; else empty."""
    if len(case.aliases) <= _LISTED:
        return ""
    more = f" and {len(case.aliases) - _MOST_NAMES} more" if len(case.aliases) > _MOST_NAMES else ""
    return f"shares its slabs with {', '.join(map(safe, case.aliases[:_MOST_NAMES]))}{more}"


def pace(unit: Unit) -> str:
    """How fast units are lost, or how many stand there."""
    if unit.per_second is not None:
        number = unit.per_second * 60
        return f"{number:,.{0 if number >= 10 else 1}f} a minute, {human_rate(unit.per_second * unit.bytes)}"
    return "" if unit.count is None else f"{unit.count:,} of each at the one moment that was seen"


def ratio(number: float) -> str:
    """1, 2, 0.5."""
    return f"{number:g}"
