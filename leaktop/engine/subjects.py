"""From a name, or a row, to the subject that it stands for: a cache by any name, a vmalloc caller, pages, percpu."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from leaktop.model.allocations import Subject
from leaktop.model.diagnosis import Case
from leaktop.model.frame import Amount
from leaktop.model.records import Cache, VmallocGroup

if TYPE_CHECKING:
    from leaktop.model.frame import Frame, Row

_WHOLE_PAGES = Subject("pages", "")
_PERCPU = Subject("percpu", "percpu")
WORDS = {"pages": _WHOLE_PAGES, "percpu": _PERCPU}
"""Subjects that are named by what they are."""
_AMOUNTS = {"residual": _WHOLE_PAGES, "large kmalloc": _WHOLE_PAGES, "Percpu": _PERCPU}
"""Those of amounts of the memory section."""


class NoSubjectError(Exception):
    """Nothing has that name; the message says what comes near."""


def of_cache(cache: Cache) -> Subject:
    """The subject that a cache is."""
    return Subject("slab", cache.name, (cache.name, *cache.aliases), cache.objsize)


def of_caller(function: str) -> Subject:
    """The subject that the areas of a vmalloc caller are."""
    return Subject("vmalloc", function, (function,))


def of_row(row: Row | None, frame: Frame | None) -> Subject | None:
    """What the row under the cursor asks about; None where the kernel cannot be asked about it."""
    if row is None:
        return None
    record = row.record
    if isinstance(record, Case):
        rows = frame.sections[record.section].rows if frame is not None else ()
        accused = next((other for other in rows if other.key == record.key), None)
        return _WHOLE_PAGES if record.kind == "residual" else of_row(accused, None)
    if isinstance(record, Cache):
        return of_cache(record)
    if isinstance(record, VmallocGroup):
        return of_caller(record.caller) if record.caller else None
    return _AMOUNTS.get(record.name) if isinstance(record, Amount) else None


def find_subject(name: str, frame: Frame) -> Subject:
    """The subject of that name.

    Args:
        name: of a cache, of another that shares its slabs, the id of their class (":t-0000072"), or a vmalloc caller;
            one of WORDS.
        frame: what the kernel has.

    Raises:
        NoSubjectError: there is none.
    """
    if name in WORDS:
        return WORDS[name]
    caches = [row.record for row in frame.sections["slab"].rows if isinstance(row.record, Cache)]
    for cache in caches:
        if name == cache.name:
            return of_cache(cache)
    for cache in caches:
        if name in cache.aliases or name == cache.merged_into:
            return of_cache(cache)
    groups = [row.record for row in frame.sections["vmalloc"].rows if isinstance(row.record, VmallocGroup)]
    callers = {group.caller for group in groups if group.caller}
    function = name.partition("+")[0]
    if function in callers:
        return of_caller(function)
    known = {*WORDS, *callers, *(known for cache in caches for known in (cache.name, *cache.aliases))}
    near = get_close_matches(name, sorted(known), 3, 0.5)
    unread = [
        f"{section} cannot be read: {fault.reason}"
        for section in ("slab", "vmalloc")
        if (fault := frame.sections[section].fault)
    ]
    hint = f"did you mean {' or '.join(near)}?" if near else "leaktop show slab, and show vmalloc, list what there is"
    raise NoSubjectError("; ".join([f"no cache and no vmalloc caller is named {name!r}", *(unread or [hint])]))
