"""Who allocates this? From a row to the question, and from the answer to words and to a table of the drill-down."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leaktop.model.allocations import Subject
from leaktop.model.diagnosis import Case
from leaktop.model.frame import Amount
from leaktop.model.records import Cache, VmallocGroup
from leaktop.parsers.kmemleak import from_culprit
from leaktop.units import human_bytes, human_count, human_delta, human_duration
from leaktop.view.cells import sanitise
from leaktop.view.pane import Listing

if TYPE_CHECKING:
    from leaktop.model.allocations import Allocations, Site
    from leaktop.model.frame import Frame, Row

PAGES = Subject("pages", "")
_IN_PAGES = ("residual", "large kmalloc")
"""Amounts of the memory section whose allocators ask for whole pages."""
_MOST_SITES, _MOST_FRAMES, _MOST_NAMED = 20, 6, 3


def subject_of(row: Row | None, frame: Frame | None) -> Subject | None:
    """What the row under the cursor asks about; None where the kernel cannot be asked about it."""
    if row is None:
        return None
    record = row.record
    if isinstance(record, Case):
        rows = frame.sections[record.section].rows if frame is not None else ()
        accused = next((other for other in rows if other.key == record.key), None)
        return PAGES if record.kind == "residual" else subject_of(accused, None)
    if isinstance(record, Cache):
        return Subject("slab", record.name, (record.name, *record.aliases), record.objsize)
    if isinstance(record, VmallocGroup):
        return Subject("vmalloc", record.caller) if record.caller else None
    return PAGES if isinstance(record, Amount) and record.name in _IN_PAGES else None


def title(subject: Subject) -> str:
    """The subject in a few words, safe to show."""
    name = sanitise(subject.name)
    return (name if len(name) <= 32 else f"{name[:29]}...") or "whole pages"


def summary(found: Allocations) -> str:
    """The answer in a sentence: the culprits, what they hold, how that was learned."""
    how = f"{found.facility}, {human_duration(found.seconds)}" if found.seconds else found.facility
    if not found.sites:
        return f"{title(found.subject)}: nothing that was allocated is still held ({how})."
    named = [f"{_path(site)} {_held(site)}" for site in found.sites[:_MOST_NAMED]]
    more = f" and {len(found.sites) - _MOST_NAMED} more" if len(found.sites) > _MOST_NAMED else ""
    lost = f"; {human_count(found.lost)} events were lost" if found.lost else ""
    return f"{title(found.subject)} is allocated by {'; '.join(named)}{more} ({how}{lost})."


def listing(found: Allocations) -> Listing:
    """The answer as a table, most to blame first."""
    rows = []
    for site in found.sites[:_MOST_SITES]:
        frames = [sanitise(frame) for frame in from_culprit(site.stack)[:_MOST_FRAMES]] or ["(no stack)"]
        where = " < ".join(frames) if site.location is None else f"{sanitise(site.location)} {frames[0]}"
        rows.append((
            human_count(site.count), human_bytes(site.bytes), human_delta(site.growth), _age(site),
            sanitise(", ".join(site.comms[:3])) or "-", where,
        ))  # fmt: skip
    rows += [("", "", "", "", "", sanitise(note)) for note in found.notes]
    return Listing(summary(found), ("held", "bytes", "grew", "age", "asked for by", "allocated in"), tuple(rows))


def _path(site: Site) -> str:
    frames = [frame.partition("+")[0] for frame in from_culprit(site.stack)[:_MOST_NAMED]]
    module = f" [{site.module}]" if site.module else ""
    return sanitise(" < ".join(frames) or site.location or "an unknown place") + sanitise(module)


def _held(site: Site) -> str:
    return f"({human_count(site.count)}, {human_bytes(site.bytes)})"


def _age(site: Site) -> str:
    ages = [human_duration(age) for age in (site.youngest, site.oldest) if age is not None]
    return " to ".join(dict.fromkeys(ages)) or "-"
