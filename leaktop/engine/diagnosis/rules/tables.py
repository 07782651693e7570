"""Counters that another suspect accounts for: page tables by who maps, per-CPU areas by Percpu."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from leaktop.engine.diagnosis.owners import Explained

if TYPE_CHECKING:
    from leaktop.engine.diagnosis.observed import Observed
    from leaktop.engine.diagnosis.owners import Owners
    from leaktop.model.diagnosis import Case

ORDER = 2
_PERCPU = re.compile(r"pcpu_|percpu")


def explain(case: Case, observed: Observed, owners: Owners) -> Explained | None:
    """Page tables belong to the process that maps; areas of pcpu_get_vm_areas are what Percpu counts."""
    if case.kind == "pagetables":
        owner = owners.growing or owners.threads.holder
        if owner:
            return Explained(f"the page tables of {owner.name}, which maps more and more", ("process", owner.key))
        mapped = observed.amount_rise("AnonPages")
        if mapped and mapped.growth > case.bytes:
            return Explained("follows the memory that processes map")
    if case.kind == "vmalloc" and _PERCPU.match(case.name):
        return Explained("counted by Percpu")
    if case.kind == "slab" and case.name == "vmap_area":
        return Explained("follows the vmalloc areas")
    return None
