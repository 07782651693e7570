"""What is held, by the path to it: addresses become functions, paths that differ in offsets alone become one site."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from leaktop.model.allocations import Site
from leaktop.parsers.kmemleak import from_culprit
from leaktop.parsers.trace_events import addresses_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from leaktop.engine.tracing.outstanding import Held

_MOST_COMMS = 8
_OFFSET = re.compile(r"\+0x[0-9a-f]+/0x[0-9a-f]+")
_MODULE = re.compile(r" \[([^\]]+)\]$")
_PAGE_ALLOCATOR = re.compile(
    r"_*alloc_(?:frozen_)?pages?\w*|_*folio_alloc\w*|_*get_free_pages?\w*|get_zeroed_page\w*|alloc_slab_page|_*vmap_area\w*|alloc_vmap_area"
    r"|_*get_vm_area\w*|_*kmalloc_large\w*|_*kmalloc_order\w*|get_page_from_freelist|prep_new_page|post_alloc_hook"
)
_TRACING = re.compile(r"(?:__)?(?:trace|traceiter|perf_trace|event_trigger|stacktrace_|ftrace_|do_trace_)\w*")
_SLABS = re.compile(r"allocate_slab|new_slab|_*slab_alloc\w*|alloc_slab_page|cache_grow\w*|refill_objects")


def make_sites(
    held: Iterable[Held],
    name: Callable[[int], str],
    comm: Callable[[int], str],
    now: int,
    word: int,
    rates: Mapping[int, float],
) -> tuple[Site, ...]:
    """Sites by what they hold, most first.

    Args:
        held: what is held, by raw stack.
        name: of a return address.
        comm: of a thread; -1 for interrupts.
        now: in ns, on the clock of the trace.
        word: bytes of an address.
        rates: allocations a second by the address that the allocator returns to, as far as these are counted.
    """
    alike: dict[tuple[str, ...], tuple[tuple[str, ...], list[Held]]] = {}
    for one in held:
        stack = tuple(_from_caller([name(address) for address in addresses_of(one.stack, word)]))
        alike.setdefault(tuple(map(_symbol, stack)), (stack, []))[1].append(one)
    found = [_site(stack, members, comm, now, _rate(members, rates, word)) for stack, members in alike.values()]
    return tuple(sorted(found, key=lambda site: (-(site.bytes or 0), site.stack)))


def is_slab(site: Site) -> bool:
    """Whether pages went to a slab: then they are not missing, but counted with its cache."""
    return any(_SLABS.fullmatch(_function(frame)) for frame in site.stack)


def passes(site: Site, function: str) -> bool:
    """Whether a function is on the path, as /proc/vmallocinfo names it."""
    return any(_function(frame) == function for frame in site.stack)


def _rate(members: list[Held], rates: Mapping[int, float], word: int) -> float | None:
    """How often the places allocate, whatever way leads there; None where none of them is counted."""
    callers = {address for one in members for address in addresses_of(one.stack, word) if address in rates}
    return sum(rates[caller] for caller in callers) if callers else None


def _site(
    stack: tuple[str, ...], members: list[Held], comm: Callable[[int], str], now: int, rate: float | None
) -> Site:
    size = sum(one.size for one in members)
    threads = dict.fromkeys(thread for one in sorted(members, key=lambda one: -one.count) for thread in one.threads)
    comms = tuple(dict.fromkeys(comm(thread) for thread in list(threads)[:_MOST_COMMS]))
    module = _MODULE.search(stack[0]) if stack else None
    return Site(
        stack,
        sum(one.count for one in members),
        size,
        module=module[1] if module else None,
        growth=size,
        youngest=max(now - max(one.last for one in members), 0) / 1e9,
        oldest=max(now - min(one.first for one in members), 0) / 1e9,
        comms=comms,
        arrivals=rate,
    )


def _from_caller(frames: Sequence[str]) -> Sequence[str]:
    """The frames from the first that is neither the tracer's nor an allocator's; all where there are no others."""
    rest = list(frames)
    while rest:
        shorter = list(from_culprit(rest))
        if shorter and not _is_module(shorter[0]) and _is_plumbing(_function(shorter[0])):
            shorter = shorter[1:]
        if len(shorter) == len(rest):
            return rest
        rest = shorter
    return frames


def _is_plumbing(function: str) -> bool:
    return bool(_TRACING.fullmatch(function) or _PAGE_ALLOCATOR.fullmatch(function))


def _is_module(frame: str) -> bool:
    return frame.endswith("]")


def _function(frame: str) -> str:
    return frame.partition(" ")[0].partition("+")[0].partition(".")[0]


def _symbol(frame: str) -> str:
    return _OFFSET.sub("", frame, count=1)
