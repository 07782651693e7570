"""The residual: MemTotal less everything that the kernel counts, so what is left belongs to no counter.

The sum and its traps follow mm/meminfo.c, mm/vmalloc.c and mm/page_alloc.c from 2.6.32 to 7.2; what a line means is
told from the figures themselves, since distributions backport.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from leaktop.model.frame import Residual, Term

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from leaktop.model.records import HugePagePool, Meminfo, VmallocGroup

NOISE_SHARE, NOISE_FLOOR = 0.01, 32 << 20
"""A residual below one per cent of MemTotal, or 32 MiB, is what counters read at different moments differ by."""

_STACK_CALLERS = re.compile(
    r"kernel_clone|_do_fork|do_fork|dup_task_struct|copy_process|alloc_thread_stack_node|fork_idle"
)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the sum is made from; None for what could not be read."""

    meminfo: Meminfo
    pcp_pages: int | None
    vmstat: Mapping[str, int] | None
    pools: Sequence[HugePagePool] | None
    vmalloc: Sequence[VmallocGroup] | None
    page_size: int
    vmap_stack: bool | None
    """What the kernel's configuration says, where it can be read."""


def vmalloc_bytes(evidence: Evidence) -> int | None:
    """Memory that vmalloc areas own; None where it takes /proc/vmallocinfo, and that cannot be read.

    VmallocUsed counts such pages since 5.3 (97105f0ab7b8). From 4.4 (a5ad88ce8c7f) until then it is always 0; before,
    it is address space, and VmallocChunk tells so by not being 0.
    """
    amounts = evidence.meminfo.amounts
    used = amounts.get("VmallocUsed")
    if used and not amounts.get("VmallocChunk"):
        return used
    if evidence.vmalloc is None:
        return None
    return sum(group.pages for group in evidence.vmalloc) * evidence.page_size


def hugepages_bytes(evidence: Evidence) -> int | None:
    """Memory set aside for hugetlbfs, all page sizes."""
    meminfo = evidence.meminfo
    if "Hugetlb" in meminfo.amounts:
        return meminfo.amounts["Hugetlb"]
    if evidence.pools:
        return sum(pool.size * pool.nr for pool in evidence.pools if pool.nr is not None)
    total, size = meminfo.counts.get("HugePages_Total"), meminfo.amounts.get("Hugepagesize")
    return None if total is None or size is None else total * size


def balloon_bytes(evidence: Evidence) -> int | None:
    """Memory that the hypervisor took back, as far as the kernel says; None where no counter exists."""
    if "Balloon" in evidence.meminfo.amounts:
        return evidence.meminfo.amounts["Balloon"]
    vmstat = evidence.vmstat
    if vmstat is None or "balloon_inflate" not in vmstat:
        return None
    return max(vmstat["balloon_inflate"] - vmstat.get("balloon_deflate", 0), 0) * evidence.page_size


def is_stack_caller(caller: str) -> bool:
    """Whether areas of this caller of vmalloc are kernel stacks."""
    return _STACK_CALLERS.match(caller) is not None


def stacks_are_vmalloced(evidence: Evidence) -> bool:
    """Whether KernelStack lies inside the vmalloc areas (CONFIG_VMAP_STACK): by the areas, else by the config."""
    stacks = evidence.meminfo.amounts.get("KernelStack", 0)
    if evidence.vmalloc is not None:
        pages = sum(g.pages for g in evidence.vmalloc if g.caller and is_stack_caller(g.caller))
        return pages * evidence.page_size * 2 > stacks
    return bool(evidence.vmap_stack)


def residual(evidence: Evidence) -> Residual:
    """The sum, term by term; `bytes` is exactly the signed sum of the terms, and may be slightly below zero."""
    amounts = evidence.meminfo.amounts
    if "MemTotal" not in amounts or "MemFree" not in amounts:
        return Residual(None, (), "/proc/meminfo has no MemTotal or MemFree")
    vmalloc = vmalloc_bytes(evidence)
    if vmalloc is None:
        return Residual(
            None, (), "this kernel's VmallocUsed does not count memory, and /proc/vmallocinfo cannot be read"
        )
    terms = [
        Term("MemTotal", amounts["MemTotal"], 1),
        Term("MemFree", amounts["MemFree"], -1),
        *_lru(amounts),
        Term("Slab", amounts.get("Slab", 0), -1),
        Term(
            "vmalloc",
            vmalloc,
            -1,
            "VmallocUsed" if vmalloc == amounts.get("VmallocUsed") else "pages= of vmallocinfo",
        ),
        *_stacks(evidence),
        *_plain(amounts, "PageTables", "SecPageTables", "Quicklists", "Percpu"),
    ]
    if "KReclaimable" in amounts and "SReclaimable" in amounts:
        misc = amounts["KReclaimable"] - amounts["SReclaimable"]
        terms.append(Term("KReclaimable beyond SReclaimable", misc, -1))
    terms += _plain(amounts, "Bounce", "WritebackTmp", "HardwareCorrupted", "GPUActive", "GPUReclaim")
    huge = hugepages_bytes(evidence)
    if huge is not None:
        terms.append(Term("hugepages", huge, -1, "every size"))
    terms.append(_pcp(evidence))
    terms += _compressed(evidence)
    left = sum(term.sign * (term.bytes or 0) for term in terms)
    balloon = balloon_bytes(evidence)
    if balloon:
        terms.append(_balloon(balloon, left, amounts["MemTotal"]))
        left += terms[-1].sign * balloon
    return Residual(left, tuple(terms), None)


def noise(total: int) -> int:
    """Bytes below which a residual says nothing, on a machine with so much memory."""
    return max(int(total * NOISE_SHARE), NOISE_FLOOR)


def _lru(amounts: Mapping[str, int]) -> list[Term]:
    lists = ("Active", "Inactive", "Unevictable")
    if all(name in amounts for name in lists):
        return [Term(name, amounts[name], -1) for name in lists]
    return _plain(amounts, "AnonPages", "Cached", "Buffers", "SwapCached")


def _plain(amounts: Mapping[str, int], *names: str) -> list[Term]:
    return [Term(name, amounts[name], -1) for name in names if name in amounts]


def _stacks(evidence: Evidence) -> list[Term]:
    names = [name for name in ("KernelStack", "ShadowCallStack") if name in evidence.meminfo.amounts]
    inside = stacks_are_vmalloced(evidence)
    sign, note = (0, "inside vmalloc: VMAP_STACK") if inside else (-1, "")
    return [Term(name, evidence.meminfo.amounts[name], sign, note) for name in names]


def _pcp(evidence: Evidence) -> Term:
    if evidence.pcp_pages is None:
        return Term("per-CPU free lists", None, 0, "/proc/zoneinfo cannot be read: the residual holds them too")
    return Term("per-CPU free lists", evidence.pcp_pages * evidence.page_size, -1, "free pages outside MemFree")


def _compressed(evidence: Evidence) -> list[Term]:
    if evidence.vmstat is not None and "nr_zspages" in evidence.vmstat:
        return [Term("zsmalloc", evidence.vmstat["nr_zspages"] * evidence.page_size, -1, "zram and zswap")]
    return _plain(evidence.meminfo.amounts, "Zswap")


def _balloon(balloon: int, left: int, total: int) -> Term:
    # Most drivers lower MemTotal as they inflate (adjust_managed_page_count): then the pages are not in the sum at all.
    if left + noise(total) >= balloon:
        return Term("Balloon", balloon, -1, "inside MemTotal")
    return Term("Balloon", balloon, 0, "outside MemTotal: the driver lowers it")
