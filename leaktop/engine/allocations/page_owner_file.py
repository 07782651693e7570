"""The whole of /sys/kernel/debug/page_owner: a record for each page of the machine, for kernels before 6.9.

One record a read(), each of which up to 5.x drains the free lists of every CPU: a large machine takes minutes. So it is
read only where it is asked for by name, for the time that was given, and says how far it came.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from leaktop.engine.allocations.base import AskError, Facility, Watch
from leaktop.engine.allocations.page_owner import answer, out_of_scope
from leaktop.parsers.page_owner import sum_page_owner
from leaktop.sources.files import path_below
from leaktop.sources.on_request import hindrance, refusal
from leaktop.units import human_duration

if TYPE_CHECKING:
    from leaktop.engine.allocations.page_owner import Pages
    from leaktop.model.allocations import Allocations, Subject

_FILE = "sys/kernel/debug/page_owner"
_ABSENT = "pages have no owners here: boot with page_owner=on a kernel that has CONFIG_PAGE_OWNER=y"
_RECORD, _BATCH = 1 << 16, 1 << 20
_AT_LEAST = 10.0
"""Seconds that it is read for, at least: less would show only the first pages of the machine."""
_PROGRESS = 0.25


class _Part(NamedTuple):
    """How far the file was read."""

    pages: Pages
    comms: dict[tuple[str, ...], tuple[str, ...]]
    is_whole: bool
    seconds: float


def missing(subject: Subject, root: str) -> str | None:
    """Why the file cannot tell; None where it can."""
    return out_of_scope(subject, root) or hindrance(root, _FILE, _ABSENT)


def find(watch: Watch) -> Allocations:
    """Stacks by the pages that they hold.

    Raises:
        AskError: the file cannot be read, or tells of no page.
    """
    part = _read(watch)
    if not part.pages:
        raise AskError(f"/{_FILE} tells of no page: {_ABSENT}")
    notes: tuple[str, ...] = ()
    if not part.is_whole:
        known, spent = sum(part.pages.values()), human_duration(part.seconds)
        notes = (f"Read for {spent}, to {known} pages: of what comes after nothing is known. More time shows more.",)
    found = answer(watch, part.pages, None, None, notes)
    return found._replace(sites=tuple(site._replace(comms=part.comms.get(site.stack, ())) for site in found.sites))


def _read(watch: Watch) -> _Part:
    limit, began, told = max(watch.seconds, _AT_LEAST), time.monotonic(), 0.0
    pages: Pages = Counter()
    comms: dict[tuple[str, ...], tuple[str, ...]] = {}
    held = b""
    is_whole = False

    def take(content: bytes) -> None:
        for stack in sum_page_owner(content):
            pages[stack.stack] += stack.pages or 0
            comms.setdefault(stack.stack, stack.comms)

    try:
        descriptor = os.open(path_below(watch.root, _FILE), os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
        try:
            while time.monotonic() - began < limit and not watch.stop.is_set():
                part = os.read(descriptor, _RECORD)
                if not part:
                    is_whole = True
                    break
                held += part
                if len(held) > _BATCH:
                    whole, _, held = held.rpartition(b"\n\n")
                    take(whole + b"\n")
                if time.monotonic() - began - told > _PROGRESS:
                    told = time.monotonic() - began
                    watch.on_progress(told)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise AskError(refusal(watch.root, _FILE, error, _ABSENT)) from error
    take(held if is_whole else held[: held.rfind(b"\n\n") + 1])
    return _Part(pages, comms, is_whole, time.monotonic() - began)


FACILITY = Facility(
    "page_owner",
    31,
    "One read for each page of the machine while the time lasts; kernels up to 5.x drain every CPU's lists for each.",
    False,
    missing,
    find,
    is_on_request=True,
)
