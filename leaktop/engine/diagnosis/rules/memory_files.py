"""Inodes of files in memory: as many as there are such files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leaktop.engine.diagnosis.owners import Explained

if TYPE_CHECKING:
    from leaktop.engine.diagnosis.observed import Observed
    from leaktop.engine.diagnosis.owners import Owners
    from leaktop.model.diagnosis import Case

ORDER = 5


def explain(case: Case, observed: Observed, _owners: Owners) -> Explained | None:
    """By the name of the cache, while Shmem grows by more than its inodes take."""
    shared = observed.amount_rise("Shmem")
    if case.kind == "slab" and case.name.startswith("shmem_inode") and shared and shared.growth > case.bytes:
        return Explained("follows the files in memory: one for each")
    return None
