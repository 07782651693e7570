"""SLUB's user tracking: who allocated the objects of one cache that are there now, with age and pids.

A kernel that was booted with slub_debug=U keeps the stack with every object: /sys/kernel/debug/slab/CACHE/alloc_traces
since 5.14 (commit 64dd68497be7), /sys/kernel/slab/CACHE/alloc_calls before, which has the caller only. Opening the
first walks every slab of the cache with interrupts off, so nothing here opens it only to see whether it is there.
"""

from __future__ import annotations

import errno
import re
import time
from typing import TYPE_CHECKING

from leaktop.engine.allocations.base import AskError, Facility, Watch
from leaktop.model.allocations import Allocations, Site, Subject
from leaktop.model.sample import ParseError
from leaktop.parsers.alloc_traces import parse_alloc_traces
from leaktop.sources.machine import kernel_config
from leaktop.sources.on_request import hindrance, page_size_of, read_on_request, refusal, release_of

if TYPE_CHECKING:
    from leaktop.model.records import SlabTrace

_CEILING = 64 << 20
_ABSENT = "the users of this cache are not tracked: boot with slub_debug=U, or slub_debug=U,{name} for this cache alone"
_HZ = re.compile(r"^CONFIG_HZ=([0-9]{1,5})$", re.MULTILINE)
_ROOM_LEFT = 512
"""list_locations() up to 5.13 stops when a line more, with the longest symbol, might not fit into the page."""
_MODULE = re.compile(r" \[([^\]]+)\]$")


def missing(subject: Subject, root: str) -> str | None:
    """Why nothing is known of who allocated the objects; None where it is."""
    if subject.kind != "slab":
        return "only the objects of slab caches are tracked"
    try:
        _find_file(subject, root)
    except AskError as error:
        return str(error)
    return None


def find(watch: Watch) -> Allocations:
    """Stacks by what they gained, then by what they hold.

    Raises:
        AskError: the file is not there, or cannot be read.
    """
    subject = watch.subject
    relative = _find_file(subject, watch.root)
    content, began = _read(watch.root, relative), time.monotonic()
    now = traces = _parsed(relative, content)
    seconds = None
    if watch.seconds > 0:
        watch.wait(watch.seconds)
        content = _read(watch.root, relative)
        now, seconds = _parsed(relative, content), round(time.monotonic() - began, 3)
    before: dict[tuple[str, ...], int] | None = None
    if seconds is not None:
        before = {}
        for trace in traces:
            before[trace.stack] = before.get(trace.stack, 0) + trace.count
    tick = _tick(watch.root)
    notes = []
    if relative.endswith("alloc_calls") and len(content) > page_size_of(watch.root) - _ROOM_LEFT:
        notes.append("The kernel cuts this list at a page, unsorted: the largest may be missing.")
    if tick is None and any(trace.oldest is not None for trace in now):
        notes.append("Ages are not shown: the kernel counts them in jiffies, and how long one is cannot be read.")
    sites = [_site(trace, subject.object_size, before, tick) for trace in now if trace.stack]
    untracked = sum(trace.count for trace in now if not trace.stack)
    if untracked:
        notes.append(f"{untracked} objects were never allocated since they are tracked: they are left out.")
    wasted = sum(trace.waste or 0 for trace in now)
    if wasted:
        notes.append(f"{wasted} bytes of them are waste: smaller objects were asked for.")
    sites.sort(key=lambda site: (-(site.growth or 0), -(site.count or 0)))
    return Allocations(subject, "alloc_traces", tuple(sites), seconds, notes=tuple(notes))


def _site(
    trace: SlabTrace, object_size: int | None, before: dict[tuple[str, ...], int] | None, tick: float | None
) -> Site:
    module = _MODULE.search(trace.stack[0])
    growth = None
    if before is not None and object_size is not None:
        growth = (trace.count - before.get(trace.stack, 0)) * object_size
    pids = "" if trace.pids is None else "-".join(map(str, dict.fromkeys(trace.pids)))
    return Site(
        trace.stack,
        trace.count,
        None if object_size is None else trace.count * object_size,
        module=module[1] if module else None,
        growth=growth,
        youngest=None if tick is None or trace.youngest is None else trace.youngest * tick,
        oldest=None if tick is None or trace.oldest is None else trace.oldest * tick,
        comms=(f"pid {pids}",) if pids else (),
    )


def _find_file(subject: Subject, root: str) -> str:
    """The file of the first of the cache's names that has one.

    Raises:
        AskError: none has.
    """
    reasons: list[str] = []
    for name in dict.fromkeys((subject.name, *subject.names)):
        if name in {"", ".", ".."} or "/" in name or "\0" in name:
            continue
        for relative in (f"sys/kernel/debug/slab/{name}/alloc_traces", f"sys/kernel/slab/{name}/alloc_calls"):
            reason = hindrance(root, relative, _ABSENT.format(name=subject.name))
            if reason is None and relative.endswith("alloc_calls") and (reason := _untracked(root, name)):
                reasons.insert(0, reason)  # a kernel of up to 5.13: that debugfs has nothing is no news
            elif reason is None:
                return relative
            else:
                reasons.append(reason)
    raise AskError(reasons[0] if reasons else _ABSENT.format(name=subject.name))


def _untracked(root: str, name: str) -> str | None:
    """Up to 5.13 the file is there for every cache; store_user tells whether there is something in it."""
    try:
        is_tracked = read_on_request(root, f"sys/kernel/slab/{name}/store_user", 4096).strip() != b"0"
    except OSError:
        return None
    return None if is_tracked else _ABSENT.format(name=name)


def _read(root: str, relative: str) -> bytes:
    try:
        return read_on_request(root, relative, _CEILING)
    except OSError as error:
        name = relative.split("/")[-2]
        if error.errno == errno.ENOSYS:  # alloc_calls_show() without SLAB_STORE_USER
            raise AskError(_ABSENT.format(name=name)) from error
        raise AskError(refusal(root, relative, error, _ABSENT.format(name=name))) from error


def _parsed(relative: str, content: bytes) -> list[SlabTrace]:
    try:
        return parse_alloc_traces(content)
    except ParseError as error:
        raise AskError(f"/{relative}: {error}") from error


def _tick(root: str) -> float | None:
    """Seconds of a jiffy, where the kernel's config can be read."""
    found = _HZ.search(kernel_config(root, release_of(root)) or "")
    return 1 / int(found[1]) if found and int(found[1]) else None


FACILITY = Facility(
    "alloc_traces",
    20,
    "The slabs of the cache are walked twice with interrupts off: a hitch of milliseconds where they are many.",
    False,
    missing,
    find,
)
