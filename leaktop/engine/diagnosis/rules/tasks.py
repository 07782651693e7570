"""Tasks: what a thread or a process holds grows because there are more of them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from leaktop.engine.diagnosis.owners import Explained, follows, is_in_step
from leaktop.engine.residual import is_stack_caller

if TYPE_CHECKING:
    from leaktop.engine.diagnosis.observed import Observed
    from leaktop.engine.diagnosis.owners import Count, Owners
    from leaktop.model.diagnosis import Case

ORDER = 2
_HELD = re.compile(
    r"filp|lsm_|task_|taskstats|pid(_\d+)?$|signal_cache|sighand_cache|files_cache|fs_cache|thread_stack|cred_jar|x86_fpu|"
    r"mm_struct|vm_area_struct|vma_lock|anon_vma|maple_node|io_context|uid_cache|fork_|stack$|key_jar|pgd|mm_slot"
)
_MAPS = re.compile(r"vm_area_struct|vma_lock|anon_vma|maple_node|vm_region|mm_struct|mm_slot")
_MOST = 60
"""Objects of one cache for each task: a process has tens of mappings."""
_STACK = 64 << 10
"""Bytes of kernel stack and page tables for each task, at most."""


def explain(case: Case, observed: Observed, owners: Owners) -> Explained | None:
    """By the name of the cache, caller or counter, or by its count: so many objects for each new task."""
    for count, holder, what in (
        (owners.threads, owners.threads.holder or owners.processes.holder, "threads"),
        (owners.processes, owners.processes.holder, "processes"),
    ):
        if count.rise is None or count.rise.growth <= 0 or not count.rise.slope > 0:
            continue
        if _is_held(case, count, observed, is_steady=count.rise.is_steady):
            whose = f" that {holder.name} starts" if holder else ", of which there are more and more"
            return Explained(f"follows the {what}{whose}", ("process", holder.key) if holder else None)
    if case.kind == "slab" and any(_MAPS.match(name) for name in (case.name, *case.aliases)):
        mapped = observed.amount_rise("AnonPages")
        if mapped and mapped.growth > case.bytes:
            owner = owners.growing
            words = f"follows the mappings of {owner.name}" if owner else "follows the mappings of processes"
            return Explained(words, ("process", owner.key) if owner else None)
    return None


def _is_held(case: Case, count: Count, observed: Observed, *, is_steady: bool) -> bool:
    if case.kind == "slab" and case.section == "slab":
        if any(_HELD.match(name) for name in (case.name, *case.aliases)):
            return follows(case, count, observed, most=_MOST)
        return is_steady and is_in_step(case, count, observed)
    if case.kind == "kernelstack" or (case.kind == "vmalloc" and is_stack_caller(case.name)):
        rise = count.rise
        return rise is not None and rise.slope > 0 and (case.rate or 0) <= _STACK * rise.slope
    return False
