"""Allocation profiling: /proc/allocinfo, 6.10 and later, tells bytes and calls of each line of source that allocates.

A line knows neither the cache nor the kind of its memory; both show in the bytes of a call. Objects of a slab cache are
accounted with the size that /proc/slabinfo prints as objsize (s->size, alloc_tagging_slab_alloc_hook() in mm/slub.c).
"""

from __future__ import annotations

import re
import time
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from leaktop.engine.allocations.base import AskError, Facility, Watch
from leaktop.engine.known_page_users import counted_as, function_of
from leaktop.model.allocations import Allocations, Site, Subject
from leaktop.model.sample import ParseError
from leaktop.parsers.allocinfo import parse_allocinfo
from leaktop.parsers.slabinfo import parse_slabinfo
from leaktop.sources.on_request import page_size_of, read_on_request, refusal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from leaktop.model.records import AllocTag

_FILE, _SWITCH, _SLABINFO = "proc/allocinfo", "proc/sys/vm/mem_profiling", "proc/slabinfo"
_CEILING = 64 << 20
_ABSENT = (
    "this kernel does not profile allocations: it takes 6.10 or later, built with CONFIG_MEM_ALLOC_PROFILING=y and "
    "booted with sysctl.vm.mem_profiling=1"
)
_OFF = "/proc/allocinfo counts nothing: sysctl vm.mem_profiling=1, or where that is refused boot with it"
_SLAB_PAGES = re.compile(r"mm/sl[uoa]b\.c:")
"""The slab allocator's own pages, in which the objects lie that are counted where they were asked for."""
_MOST_NAMED = 4
Tags = dict[tuple[str, str | None, str], "AllocTag"]


class _Moment(NamedTuple):
    """What the kernel says at one moment."""

    tags: Tags
    objects: Mapping[int, int]
    """Objects of all slab caches by their size in bytes."""
    mono: float


class _Held(NamedTuple):
    """A line of source, and what it gained while it was watched."""

    tag: AllocTag
    growth: int | None
    calls_growth: int | None


def missing(subject: Subject, root: str) -> str | None:
    """Why allocinfo cannot tell; None where it can."""
    if subject.kind == "slab" and subject.object_size is None:
        return "lines are found by the size of an object, and that of this cache is not known"
    if subject.kind == "percpu":
        return "a line of source does not say whether what it holds is per-CPU memory; all lines by growth: pane P"
    try:
        tags = _tags(root)
        if _text(root, _SWITCH) == "0" or not any(tag.calls for tag in tags.values()):
            return _OFF
    except AskError as error:
        return str(error)
    if not _choose(subject, [_Held(tag, None, None) for tag in tags.values()], page_size_of(root)):
        return _nobody(subject)
    return None


def _nobody(subject: Subject) -> str:
    if subject.kind == "vmalloc":
        return f"no line of source lies in a function {function_of(subject.name)}: it may be compiled into another"
    if subject.kind == "slab":
        return f"no line of source holds only objects of {subject.object_size} bytes"
    return "no line of source holds whole pages"


def find(watch: Watch) -> Allocations:
    """Lines of source by what they gained, then by what they hold.

    Raises:
        AskError: the file cannot be read, or says nothing.
    """
    subject, page_size = watch.subject, page_size_of(watch.root)
    began = now = _moment(watch.root)
    if watch.seconds > 0:
        watch.wait(watch.seconds)
        now = _moment(watch.root)
    is_watched = now is not began
    held = _choose(subject, list(_gains(began, now, is_watched=is_watched)), page_size)
    seconds = round(now.mono - began.mono, 3) if is_watched else None
    notes = []
    if subject.kind == "slab":
        notes = _notes_on_size(subject, watch.root)
    last: set[tuple[str, str | None, str]] = set()
    if subject.kind == "pages":
        grown = {size: count - began.objects.get(size, 0) for size, count in now.objects.items()}
        last = {one.tag[:3] for one in held if _may_be_objects(one, now.objects, grown)}
        notes = ["Left out are lines whose pages /proc/meminfo counts: page cache, processes, slab, page tables."]
        if last:
            notes.append(f"The last {len(last)} may hold objects of slab caches instead, as large as pages.")
    if any(not one.tag.is_accurate for one in held):
        notes.append("Lines that the kernel calls inaccurate are among them: they hold more.")
    held.sort(key=lambda one: (one.tag[:3] in last, -(one.growth or 0), -one.tag.bytes))
    return Allocations(subject, "allocinfo", tuple(_site(one) for one in held), seconds, notes=tuple(notes))


def _choose(subject: Subject, held: list[_Held], page_size: int) -> list[_Held]:
    """The lines that hold what is asked about."""
    held = [one for one in held if one.tag.calls > 0 and not _SLAB_PAGES.match(one.tag.location)]
    if subject.kind == "vmalloc":
        caller = function_of(subject.name)
        return [one for one in held if one.tag.function == caller]
    if subject.kind == "slab":
        size = subject.object_size or 0
        return [one for one in held if size > 0 and _is_of(one, size)]
    return [one for one in held if _is_pages(one.tag, page_size) and counted_as([one.tag.function]) is None]


def _is_of(one: _Held, size: int) -> bool:
    """Whether all objects of a line have this size, or all that it gained."""
    if one.tag.bytes == one.tag.calls * size:
        return True
    return bool(one.growth and one.calls_growth and one.growth == one.calls_growth * size > 0)


def _is_pages(tag: AllocTag, page_size: int) -> bool:
    return tag.bytes % page_size == 0 and tag.bytes >= tag.calls * page_size


def _may_be_objects(one: _Held, objects: Mapping[int, int], grown: Mapping[int, int]) -> bool:
    """Whether slab caches have, and gained, as many objects of that size as the line: then it may be one of theirs."""
    each, rest = divmod(one.tag.bytes, one.tag.calls)
    if rest or one.tag.calls > objects.get(each, 0):
        return False
    return (one.calls_growth or 0) <= max(grown.get(each, 0), 0)


def _gains(began: _Moment, now: _Moment, *, is_watched: bool) -> Iterable[_Held]:
    for key, tag in now.tags.items():
        before = began.tags.get(key)
        size, calls = (before.bytes, before.calls) if before else (0, 0)
        yield _Held(tag, tag.bytes - size, tag.calls - calls) if is_watched else _Held(tag, None, None)


def _site(one: _Held) -> Site:
    tag = one.tag
    frame = f"{tag.function} [{tag.module}]" if tag.module else tag.function
    return Site((frame,), tag.calls, tag.bytes, tag.location, tag.module, one.growth)


def _notes_on_size(subject: Subject, root: str) -> list[str]:
    own = {subject.name, *subject.names}
    try:
        caches = parse_slabinfo(read_on_request(root, _SLABINFO, _CEILING))
    except (OSError, ParseError):
        caches = []
    others = [cache.name for cache in caches if cache.objsize == subject.object_size and cache.name not in own]
    more = f" and {len(others) - _MOST_NAMED} more" if len(others) > _MOST_NAMED else ""
    named = f" Caches of that size share this list: {', '.join(others[:_MOST_NAMED])}{more}." if others else ""
    note = f"Found by their size: lines that allocate {subject.object_size} bytes a call.{named}"
    return [note, "A line that allocates in several sizes shows only where all that it gained has this one."]


def _moment(root: str) -> _Moment:
    objects: Counter[int] = Counter()
    try:
        for cache in parse_slabinfo(read_on_request(root, _SLABINFO, _CEILING)):
            objects[cache.objsize] += cache.num_objs
    except (OSError, ParseError):
        objects.clear()
    return _Moment(_tags(root), objects, time.monotonic())


def _tags(root: str) -> Tags:
    try:
        return {tag[:3]: tag for tag in parse_allocinfo(read_on_request(root, _FILE, _CEILING))}
    except OSError as error:
        raise AskError(refusal(root, _FILE, error, _ABSENT)) from error
    except ParseError as error:
        raise AskError(f"/{_FILE}: {error}") from error


def _text(root: str, relative: str) -> str:
    try:
        return read_on_request(root, relative, 4096).decode("ascii", "replace").strip()
    except OSError:
        return ""


FACILITY = Facility(
    "allocinfo", 10, "Nothing that could be measured: /proc/allocinfo is read twice.", False, missing, find
)
