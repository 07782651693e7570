"""page_owner: whole pages by the stack that allocated them, where the kernel was booted with page_owner=on.

Since 6.9 (commit 765973a09803) page_owner_stacks sums them, which costs a read of some 400 KB.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from typing import TYPE_CHECKING

from leaktop.engine.allocations.base import AskError, Facility, Watch
from leaktop.engine.known_page_users import counted_as, function_of
from leaktop.model.allocations import Allocations, Site, Subject
from leaktop.model.sample import ParseError
from leaktop.parsers.page_owner import parse_stacks
from leaktop.sources.on_request import hindrance, page_size_of, read_on_request, refusal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from leaktop.model.records import PageStack

Pages = Counter[tuple[str, ...]]
_FOLDER = "sys/kernel/debug/page_owner_stacks"
_STACKS, _BY_HANDLE, _HANDLES = (f"{_FOLDER}/{name}" for name in ("show_stacks", "show_stacks_handles", "show_handles"))
_CEILING = 256 << 20
_ABSENT = (
    "page_owner sums no stacks here: boot with page_owner=on, a kernel from 6.9 on with CONFIG_PAGE_OWNER=y; "
    "before 6.9 the whole of page_owner is read only where it is asked for by name"
)
_MODULE = re.compile(r" \[([^\]]+)\]$")
_KMALLOC = re.compile(r"_*kmalloc(?:_node|_cache|_node_track_caller|_track_caller|_trace)*|kmalloc_\w+")
_SCOPE = "only whole pages are known: the residual, large kmallocs, and kmalloc caches of more than a page"


def missing(subject: Subject, root: str) -> str | None:
    """Why page_owner cannot tell; None where it can."""
    if reason := out_of_scope(subject, root):
        return reason
    reason = hindrance(root, _STACKS, _ABSENT)
    return None if reason is None or hindrance(root, _BY_HANDLE, _ABSENT) is None else reason


def out_of_scope(subject: Subject, root: str) -> str | None:
    """Why page_owner knows nothing of a subject, whatever the kernel has; None where it may."""
    if subject.kind == "pages":
        return None
    is_large = subject.object_size is not None and subject.object_size > page_size_of(root)
    names = (subject.name, *subject.names)
    is_kmalloc = subject.kind == "slab" and any(name.startswith(("kmalloc-", "size-")) for name in names)
    return None if is_kmalloc and is_large else _SCOPE


def find(watch: Watch) -> Allocations:
    """Stacks by what they gained, then by what they hold.

    Raises:
        AskError: the files are not there, or cannot be read.
    """
    first, began = _stacks(watch.root), time.monotonic()
    now, before, seconds = first, None, None
    if watch.seconds > 0:
        watch.wait(watch.seconds)
        now, before, seconds = _stacks(watch.root), first, round(time.monotonic() - began, 3)
    return answer(watch, now, before, seconds)


def answer(
    watch: Watch, now: Pages, before: Pages | None, seconds: float | None, notes: Iterable[str] = ()
) -> Allocations:
    """Pages by stack as an answer: without what other counters tell.

    Args:
        watch: what was asked.
        now: base pages by stack.
        before: the same when it was watched first; None where it was looked at once.
        seconds: for how long it was watched.
        notes: what to know besides.
    """
    subject, page_size = watch.subject, page_size_of(watch.root)
    if subject.kind == "slab":
        chosen = [stack for stack in now if counted_as(stack) == "slab" and _is_kmalloc(stack)]
        said = "These stacks took pages for a kmalloc cache; page_owner does not tell for which of them."
    else:
        chosen = [stack for stack in now if counted_as(stack) is None]
        said = "Left out are stacks whose pages /proc/meminfo counts: page cache, processes, slab, page tables."
    sites = []
    for stack in chosen:
        if now[stack] > 0:
            module = next((found[1] for frame in stack if (found := _MODULE.search(frame))), None)
            growth = None if before is None else (now[stack] - before[stack]) * page_size
            sites.append(Site(stack, None, now[stack] * page_size, module=module, growth=growth))
    sites.sort(key=lambda site: (-(site.growth or 0), -(site.bytes or 0)))
    return Allocations(subject, "page_owner", tuple(sites), seconds, notes=(said, *notes))


def _is_kmalloc(stack: tuple[str, ...]) -> bool:
    return any(_KMALLOC.fullmatch(function_of(frame)) for frame in stack)


def _stacks(root: str) -> Pages:
    """Base pages by stack.

    Raises:
        AskError: they cannot be read.
    """
    if hindrance(root, _STACKS, _ABSENT) is None:
        return _summed(_parsed(root, _STACKS))
    pages = {stack.handle: stack.pages for stack in _parsed(root, _HANDLES)}
    return _summed(stack._replace(pages=pages.get(stack.handle)) for stack in _parsed(root, _BY_HANDLE))


def _summed(stacks: Iterable[PageStack]) -> Pages:
    pages: Pages = Counter()
    for stack in stacks:
        pages[stack.stack] += stack.pages or 0
    return pages


def _parsed(root: str, relative: str) -> list[PageStack]:
    try:
        return parse_stacks(read_on_request(root, relative, _CEILING))
    except OSError as error:
        raise AskError(refusal(root, relative, error, _ABSENT)) from error
    except ParseError as error:
        raise AskError(f"/{relative}: {error}") from error


FACILITY = Facility(
    "page_owner", 30, "A walk over every stack that the kernel remembers, twice: milliseconds.", False, missing, find
)
