"""From a name, or a row, to the subject that it stands for: a cache under any of its names, a vmalloc caller, pages."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from leaktop.model.allocations import Subject
from leaktop.model.diagnosis import Case
from leaktop.model.frame import Amount
from leaktop.model.records import Cache, VmallocGroup

if TYPE_CHECKING:
    from leaktop.model.frame import Frame, Row

PAGES = "pages"
_WHOLE_PAGES = Subject("pages", "")
_IN_PAGES = ("residual", "large kmalloc")
"""Amounts of the memory section whose allocators ask for whole pages."""


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
    return _WHOLE_PAGES if isinstance(record, Amount) and record.name in _IN_PAGES else None


def find_subject(name: str, frame: Frame) -> Subject:
    """The subject of that name.

    Args:
        name: of a cache, of another that shares its slabs, the id of their class (":t-0000072"), or a vmalloc caller;
            "pages" for whole pages.
        frame: what the kernel has.

    Raises:
        NoSubjectError: there is none.
    """
    if name == PAGES:
        return _WHOLE_PAGES
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
    known = {PAGES, *callers, *(known for cache in caches for known in (cache.name, *cache.aliases))}
    near = get_close_matches(name, sorted(known), 3, 0.5)
    unread = [
        f"{section} cannot be read: {fault.reason}"
        for section in ("slab", "vmalloc")
        if (fault := frame.sections[section].fault)
    ]
    hint = f"did you mean {' or '.join(near)}?" if near else "leaktop show slab, and show vmalloc, list what there is"
    raise NoSubjectError("; ".join([f"no cache and no vmalloc caller is named {name!r}", *(unread or [hint])]))
