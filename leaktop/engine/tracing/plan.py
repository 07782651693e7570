"""Which events tell of a subject's allocations and frees, and what the kernel is to leave out of them.

What a kernel has and how its fields are called differs: include/trace/events/kmem.h, percpu.h (since 4.13), vmalloc.h
(since 6.2).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from leaktop.engine.tracing.sampling import Sampling
from leaktop.model.sample import ParseError
from leaktop.parsers.trace_events import Taken, take_allocations, take_frees

if TYPE_CHECKING:
    from collections.abc import Mapping

    from leaktop.model.allocations import Subject
    from leaktop.parsers.trace_format import EventFormat

EVENTS = {
    "slab": (
        "kmem/kmem_cache_alloc", "kmem/kmem_cache_alloc_node", "kmem/kmalloc", "kmem/kmalloc_node",
        "kmem/kmem_cache_free", "kmem/kfree",
    ),
    "pages": ("kmem/mm_page_alloc", "kmem/mm_page_free", "kmem/mm_page_free_direct"),
    "vmalloc": ("vmalloc/alloc_vmap_area", "vmalloc/free_vmap_area_noflush"),
    "percpu": ("percpu/percpu_alloc_percpu", "percpu/percpu_free_percpu"),
}  # fmt: skip
"""By the kind of the subject: all that some kernel has. *_node until 6.0, mm_page_free_direct until 3.2."""
_KMALLOC = re.compile(r"(?:dma-)?kmalloc-(?:(cg|rcl|dma|rnd)-.*|[0-9]+[kM]?(?:, .*)?)|size-[0-9]+.*|dma-kmalloc-.*")
_PLAIN = re.compile(r"[\w.:,()/@+ -]{1,200}", re.ASCII)
"""Names that can stand between the quotes of a filter."""
_LARGE_ORDER = 3
"""PAGE_ALLOC_COSTLY_ORDER: blocks above are few, and all looked at."""


class PlanError(Exception):
    """This kernel's events do not tell what was asked; the message says why, for people."""


class Wanted(NamedTuple):
    """One event."""

    path: str
    """Below events/."""
    key: str
    """The field that an allocation and its free have in common."""
    taken: Taken
    condition: str
    """The kernel's filter for whatever is sampled; "" for all."""
    large: str = ""
    """The kernel's filter for what is not sampled but looked at anyway."""

    def filter(self, sampling: Sampling, thread: int | None = None) -> str:
        """The kernel's filter; "" for all.

        Args:
            sampling: which objects are looked at.
            thread: one whose own allocations are left out.
        """
        some = sampling.condition(self.key)
        if some and self.large:
            some = f"({self.large} || ({some}))"
        others = f"common_pid != {thread}" if thread is not None and self.taken.allocates else ""
        return " && ".join(term for term in (some, self.condition, others) if term)


class Plan(NamedTuple):
    """What is to be recorded."""

    events: tuple[Wanted, ...]
    sampling: Sampling
    """All objects; what to narrow."""
    notes: tuple[str, ...]


def is_kmalloc(name: str) -> bool:
    """Whether a cache's name is one of kmalloc's own."""
    return _KMALLOC.fullmatch(name) is not None


def plan(subject: Subject, formats: Mapping[str, EventFormat], page_size: int, *, has_accounted: bool) -> Plan:
    """The plan for a subject.

    Args:
        subject: what is asked about.
        formats: what this kernel has of EVENTS, by path.
        page_size: in bytes.
        has_accounted: whether accounted kmallocs have caches of their own (kmalloc-cg-*, 5.14+).

    Raises:
        PlanError: this kernel has no events that tell.
    """
    try:
        if subject.kind == "slab":
            return _slab(subject, formats, has_accounted=has_accounted)
        if subject.kind == "pages":
            return _pages(formats, page_size)
        if subject.kind == "percpu":
            return _percpu(formats)
        return _vmalloc(formats)
    except ParseError as error:
        raise PlanError(f"this kernel's events cannot be matched: {error}") from error


def _slab(subject: Subject, formats: Mapping[str, EventFormat], *, has_accounted: bool) -> Plan:
    names = subject.names or (subject.name,)
    general = [name for name in names if is_kmalloc(name)]
    events: list[Wanted] = []
    notes: list[str] = []
    if not general or len(general) < len(names):
        for path in ("kmem/kmem_cache_alloc", "kmem/kmem_cache_alloc_node"):
            if layout := formats.get(path):
                condition = _of_cache(subject, layout, notes)
                events.append(Wanted(path, "ptr", take_allocations(layout, "ptr", "bytes_alloc", None), condition))
    if general:
        for path in ("kmem/kmalloc", "kmem/kmalloc_node"):
            if layout := formats.get(path):
                condition = _of_kmalloc(subject, general, layout, notes, has_accounted=has_accounted)
                events.append(Wanted(path, "ptr", take_allocations(layout, "ptr", "bytes_alloc", None), condition))
    if not events:
        raise PlanError("this kernel has no trace events of slab allocations (CONFIG_EVENT_TRACING)")
    if len(general) < len(names) and (layout := formats.get("kmem/kmem_cache_free")):
        # Where allocations are told by their size alone, frees are of those too, whatever cache they name.
        named = all(wanted.condition.startswith("name ==") for wanted in events if "cache" in wanted.path)
        condition = f'name == "{subject.name}"' if named and _has_name(layout) else ""
        events.append(Wanted("kmem/kmem_cache_free", "ptr", take_frees(layout, "ptr"), condition))
    if general and (layout := formats.get("kmem/kfree")):
        events.append(Wanted("kmem/kfree", "ptr", take_frees(layout, "ptr"), ""))
    # Objects lie a whole number of their sizes apart.
    first_bit = max((subject.object_size or 64).bit_length() - 1, 3)
    return Plan(tuple(events), Sampling(first_bit), tuple(dict.fromkeys(notes)))


def _of_cache(subject: Subject, layout: EventFormat, notes: list[str]) -> str:
    if _has_name(layout) and _PLAIN.fullmatch(subject.name):
        return f'name == "{subject.name}"'
    notes.append("the events of this kernel do not name the cache: others whose objects are as large are counted too")
    return f"bytes_alloc == {_size(subject)}"


def _of_kmalloc(
    subject: Subject, general: list[str], layout: EventFormat, notes: list[str], *, has_accounted: bool
) -> str:
    condition = f"bytes_alloc == {_size(subject)}"
    kinds = {_kind_of(name) for name in general}
    flags = layout.flags
    bits = {
        "dma": flags.get("__GFP_DMA", flags.get("GFP_DMA")),  # the two are the same, and not all versions print both
        "rcl": flags.get("__GFP_RECLAIMABLE"),
        "cg": flags.get("__GFP_ACCOUNT"),
    }
    others = [kind for kind in bits if kind != "cg" or has_accounted]
    if len(kinds) > 1 or any(bits[kind] is None for kind in others):
        notes.append("every kmalloc of this size is counted: what kind it is cannot be told here")
        return condition
    # kmalloc_type(), include/linux/slab.h: dma before reclaimable before accounted.
    kind = kinds.pop()
    if kind == "rnd":
        notes.append("kmalloc picks one of 16 caches by its caller: those of all of them are counted")
    before = others[: others.index(kind)] if kind in others else others
    forbidden = sum(bits[other] or 0 for other in before)
    if kind in others:
        condition += f" && (gfp_flags & {bits[kind]:#x})"
    return f"{condition} && !(gfp_flags & {forbidden:#x})" if forbidden else condition


def _kind_of(name: str) -> str:
    found = _KMALLOC.fullmatch(name)
    return "dma" if name.startswith("dma-") or "DMA" in name else found[1] or "" if found else ""


def _size(subject: Subject) -> int:
    if subject.object_size is None:
        raise PlanError("the size of its objects is not known: /proc/slabinfo cannot be read")
    return subject.object_size


def _has_name(layout: EventFormat) -> bool:
    return "name" in layout.fields


def _pages(formats: Mapping[str, EventFormat], page_size: int) -> Plan:
    allocates = formats.get("kmem/mm_page_alloc")
    frees = next((path for path in EVENTS["pages"][1:] if path in formats), None)
    if allocates is None or frees is None:
        raise PlanError("this kernel has no trace events of pages (kmem:mm_page_alloc)")
    key, first_bit = ("pfn", 0) if "pfn" in allocates.fields else ("page", 6)  # the address of a struct page until 4.0
    large = f"order > {_LARGE_ORDER}"
    movable = allocates.flags.get("__GFP_MOVABLE")
    notes = ["pages that go back in another size than they came in (split, or the rest of a block) look as if held"]
    if movable is None:
        notes.append(
            "pages of processes and of the page cache are counted too: this kernel does not say which they are"
        )
    else:
        notes.append("movable pages (of processes, and of the page cache) are left out")
    return Plan(
        (
            Wanted(
                *("kmem/mm_page_alloc", key, take_allocations(allocates, key, "order", page_size)),
                *(f"!(gfp_flags & {movable:#x})" if movable else "", large),
            ),
            Wanted(frees, key, take_frees(formats[frees], key), "", large),
        ),
        Sampling(first_bit + _LARGE_ORDER, large=page_size << (_LARGE_ORDER + 1)),
        tuple(notes),
    )


def _percpu(formats: Mapping[str, EventFormat]) -> Plan:
    allocates, frees = (formats.get(path) for path in EVENTS["percpu"])
    if allocates is None or frees is None:
        raise PlanError("this kernel has no trace events of per-CPU memory (percpu:percpu_alloc_percpu, 4.13+)")
    is_whole = "bytes_alloc" in allocates.fields  # 5.19+
    size = "bytes_alloc" if is_whole else "size"
    return Plan(
        (
            Wanted(EVENTS["percpu"][0], "ptr", take_allocations(allocates, "ptr", size, None), ""),
            Wanted(EVENTS["percpu"][1], "ptr", take_frees(frees, "ptr"), ""),
        ),
        Sampling(3),
        () if is_whole else ("bytes are those of one CPU: every possible CPU has as many",),
    )


def _vmalloc(formats: Mapping[str, EventFormat]) -> Plan:
    allocates, frees = (formats.get(path) for path in EVENTS["vmalloc"])
    if allocates is None or frees is None:
        raise PlanError("this kernel has no trace events of vmalloc (vmalloc:alloc_vmap_area, 6.2+)")
    return Plan(
        (
            Wanted(EVENTS["vmalloc"][0], "addr", take_allocations(allocates, "addr", "size", None), "failed == 0"),
            Wanted(EVENTS["vmalloc"][1], "va_start", take_frees(frees, "va_start"), ""),
        ),
        Sampling(12),
        ("bytes are address space, with the guard page of each area",),
    )
