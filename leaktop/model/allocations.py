"""Who allocates: what was asked about, and the places in the kernel's code that hold its memory."""

from __future__ import annotations

from typing import NamedTuple


class Subject(NamedTuple):
    """What somebody wants to know the allocators of."""

    kind: str
    """"slab" (a cache), "vmalloc" (areas), "pages" (whole pages: the residual, and kmallocs too large for a cache),
    "percpu" (per-CPU memory)."""
    name: str
    """The cache, or the caller that /proc/vmallocinfo names; "percpu"; "" for pages."""
    names: tuple[str, ...] = ()
    """All names that share the slabs of a cache, `name` among them."""
    object_size: int | None = None
    """objsize of the cache as /proc/slabinfo prints it, in bytes."""


class Site(NamedTuple):
    """One place that allocates, or one way to it."""

    stack: tuple[str, ...]
    """Frames as the kernel prints them, the innermost first: "leakgen_kmalloc_64+0x1a/0x40 [leakgen]"."""
    count: int | None  # type: ignore[assignment]  # hides tuple.count, which nobody calls on a record
    """Allocations that are held."""
    bytes: int | None
    """What they hold together."""
    location: str | None = None
    """"mm/slub.c:1234", where the kernel tells it."""
    module: str | None = None
    growth: int | None = None
    """Bytes gained while it was watched; None where it was looked at once."""
    youngest: float | None = None
    """Seconds since the last of these allocations, where the kernel tells."""
    oldest: float | None = None
    """Seconds since the first of those that are still held."""
    comms: tuple[str, ...] = ()
    """Processes that asked for it, as far as they are told: "comm (pid)"."""
    arrivals: float | None = None
    """Allocations a second at this place in the code, by every way to it, freed since or not; None: not counted."""


class Allocations(NamedTuple):
    """An answer: who holds the memory of a subject, most to blame first."""

    subject: Subject
    facility: str
    """"allocinfo", "alloc_traces", "page_owner", "tracefs"."""
    sites: tuple[Site, ...]
    seconds: float | None = None
    """How long it was watched; None: everything since boot, at one look."""
    lost: int = 0
    """Events that the buffer could not take: what is counted is at least so much short."""
    sampled: int = 1
    """One allocation of so many was looked at; counts and bytes are already multiplied."""
    notes: tuple[str, ...] = ()
    """What to know before anybody is blamed."""
