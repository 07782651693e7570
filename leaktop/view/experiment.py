"""Leak or cache? What was held before the kernel was asked to let go of it, and after: judged, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from leaktop.model.diagnosis import Case
from leaktop.model.records import Cache
from leaktop.units import human_bytes

if TYPE_CHECKING:
    from leaktop.engine.experiment import Held
    from leaktop.model.frame import Key, Row

Experiment = Literal["shrink", "slab", "all"]
"""Free one cache's empty slabs; drop slab caches; drop these and the page cache."""
_CACHE, _PINNED = 50, 5
"""Per cent that come back: from so many on it is a cache; below so many it is none."""
_LEAST = 1 << 20
"""Bytes that there must have been: of less a good part is always in use."""
_DONE: dict[Experiment, str] = {
    "shrink": "shrinking it",
    "slab": "dropping slab caches",
    "all": "dropping page cache and slab caches",
}
_VERDICTS: dict[Experiment, tuple[str, str, str]] = {
    # Shrinking frees slabs that hold no object. It says nothing of the objects: dentry hardly shrinks by it.
    "shrink": (
        "empty slabs that the kernel had kept: no leak.",
        "empty slabs. The rest holds objects; dropping slab caches tells what these are.",
        "its slabs hold objects. Dropping slab caches tells whether these are a cache.",
    ),
    # buffer_head and what file systems hang on their pages go with the page cache only.
    "slab": (
        "a cache, not a leak.",
        "partly a cache; the rest is pinned: a leak, in use, or held by the page cache.",
        "pinned. A leak, in use, or held by the page cache.",
    ),
    "all": (
        "a cache, not a leak.",
        "partly a cache; the rest is pinned: a leak, or in use.",
        "pinned. A leak, or in use.",
    ),
}
_BESIDE = ("SReclaimable", "SUnreclaim", "Cached", "Buffers", "MemAvailable")


def cache_of(row: Row | None) -> Key | None:
    """The slab cache that a row is or accuses, by its key in the slab section; None for anything else."""
    if row is None:
        return None
    record = row.record
    if isinstance(record, Case):
        return record.key if record.section == "slab" else None
    return row.key if isinstance(record, Cache) else None


def subject(experiment: Experiment, cache: Key | None) -> str:
    """What is judged: the cache, or of the whole machine that which ought to come back."""
    if cache is not None:
        return str(cache[0])
    return "SReclaimable" if experiment == "slab" else "page cache and SReclaimable"


def judged_bytes(held: Held, experiment: Experiment, cache: Key | None) -> int | None:
    """How much of that there is; None where it cannot be told. A cache that is gone holds nothing."""
    if cache is not None:
        return held.caches.get(cache, 0) if held.caches else None
    lines = ("SReclaimable",) if experiment == "slab" else ("SReclaimable", "Cached", "Buffers")
    if any(line not in held.amounts for line in lines):
        return None
    # Cached includes tmpfs and shared memory, which nothing but their owners can let go of.
    shared = held.amounts.get("Shmem", 0) if experiment == "all" else 0
    return max(sum(held.amounts[line] for line in lines) - shared, 0)


def answer(experiment: Experiment, cache: Key | None, before: Held, after: Held) -> str:
    """What came back, and what that means; for the whole machine with the counters that moved."""
    sentence = judge(
        experiment,
        subject(experiment, cache),
        judged_bytes(before, experiment, cache),
        judged_bytes(after, experiment, cache),
    )
    if cache is not None:
        return sentence
    moves = [
        f"{line} {human_bytes(before.amounts[line])} to {human_bytes(after.amounts[line])}"
        for line in _BESIDE
        if line in before.amounts and line in after.amounts and line != subject(experiment, cache)
    ]
    return f"{sentence} {', '.join(moves)}." if moves else sentence


def judge(experiment: Experiment, name: str, before: int | None, after: int | None) -> str:
    """The sentence on what came back."""
    done = _DONE[experiment]
    if before is None or after is None:
        return f"{name}: not known how much there was {'before' if before is None else 'after'} {done}."
    figures = f"{name}: {human_bytes(before)} before {done}, {human_bytes(after)} after"
    if before < _LEAST:
        return f"{figures}: there was too little to tell."
    share = max(before - after, 0) * 100 // before
    came = f"{share} % came back" if share else "nothing came back"
    verdict = _VERDICTS[experiment][0 if share >= _CACHE else 1 if share >= _PINNED else 2]
    return f"{figures}: {came}: {verdict}"
