"""What the kernel gives back under pressure is use, not loss."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leaktop.engine.diagnosis.owners import Explained
from leaktop.engine.known_caches import holds_cached_files

if TYPE_CHECKING:
    from leaktop.engine.diagnosis.observed import Observed
    from leaktop.engine.diagnosis.owners import Owners
    from leaktop.model.diagnosis import Case

ORDER = 5


def explain(case: Case, _observed: Observed, owners: Owners) -> Explained | None:
    """By reclaim_account, else by name; an inode or dentry that a descriptor pins goes with the descriptor."""
    is_known = case.kind == "slab" and holds_cached_files(case.name)
    if not (case.is_cache or is_known):
        return None
    if is_known and owners.fds.holder and owners.fds.rise and owners.fds.rise.is_steady:
        return None  # let the rule of descriptors say whose they are
    return Explained("reclaimable: a cache until memory pressure fails to shrink it")
