"""What hangs on cached inodes and names: small objects of a file system go when the cache that they hang on goes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leaktop.engine.diagnosis.owners import Explained
from leaktop.engine.diagnosis.trend import distance, line
from leaktop.engine.known_caches import known_cache

if TYPE_CHECKING:
    from leaktop.engine.diagnosis.observed import Observed
    from leaktop.engine.diagnosis.owners import Owners
    from leaktop.model.diagnosis import Case

ORDER = 6
_FEWEST, _SOME, _MOST = 0.02, 0.3, 4.0
"""Objects for each cached one: on directories only, on some, on all."""
_NEVER = {"open files", "tasks", "sockets", "network buffers", "memory maps", "connections"}
"""Subsystems whose objects do not hang on a file: rather it is the file that they hold."""
_LARGEST = 1024
"""Bytes: nothing larger hangs on every name or inode."""
_TOLERANCE, _CLOSE = 0.12, 0.04
"""How far the curves may be apart where the ratio speaks for it, and where only their shape does."""


def explain(case: Case, observed: Observed, _owners: Owners) -> Explained | None:
    """By its count: so many objects for each that a reclaimable cache gained, moment by moment."""
    if case.kind != "slab" or case.section != "slab" or case.rise is None:
        return None
    row = observed.row("slab", case.key)
    if row is None or (row.record.objsize or 0) > _LARGEST:
        return None
    known = known_cache(case.name)
    if known is not None and known.subsystem in _NEVER:
        return None
    mine = observed.curve("slab", case.key, "number", case.rise.start)
    for full in observed.filling:
        cached = observed.curve("slab", full.key, "number", case.rise.start)
        if len(cached.values) < 3 or len(mine.values) != len(cached.values):
            continue
        growth = cached.values[-1] - cached.values[0]
        ratio = (mine.values[-1] - mine.values[0]) / growth if growth > 0 else 0.0
        apart = distance(mine, cached)
        is_alike = apart <= _CLOSE and 3 * apart <= distance(mine, line(mine))
        if (_SOME <= ratio <= _MOST and apart <= _TOLERANCE) or (_FEWEST <= ratio <= _MOST and is_alike):
            return Explained(f"hangs on what {full.record.name} caches: {ratio:.2g} for each")
    return None
