"""Kmemleak: unreferenced objects by backtrace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from leaktop.parsers.kmemleak import from_culprit
from leaktop.units import human_bytes, human_count, human_delta, human_duration, time_of_day
from leaktop.view.cells import Cell, sanitise
from leaktop.view.columns import (
    Column,
    bytes_column,
    count_column,
    growth_column,
    size_column,
    text_column,
)
from leaktop.view.pane import Chart, Detail, Listing, PaneView, Switch

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from leaktop.engine.kmemleak.sightings import Sighting
    from leaktop.model.frame import Frame, Row
    from leaktop.model.records import KmemleakGroup, KmemleakObject

_MOST_OBJECTS = 50
_MOST_FRAMES = 32
"""Whose source lines are asked for; the kernel keeps 16."""


class Listed(NamedTuple):
    """A group, and how it was met: what a row of this pane shows."""

    group: KmemleakGroup
    sighting: Sighting | None
    why_false: str | None
    """Why it is probably no leak, where that is known."""


def _rows(frame: Frame, switches: frozenset[str]) -> Sequence[Row]:
    rows = [_listed_row(frame, row) for row in frame.sections["kmemleak"].rows]
    return [row for row in rows if (_new(row) or 0) > 0] if "new" in switches else rows


def _listed_row(frame: Frame, row: Row) -> Row:
    return row._replace(record=_listed(frame, row))


def _listed(frame: Frame, row: Row) -> Listed:
    """What a row of the section is to this pane; other panes open its drill-down with the section's own rows."""
    if isinstance(row.record, Listed):
        return row.record
    extras = frame.sections["kmemleak"].extras
    sightings: Mapping[object, Sighting] = extras.get("sightings", {})
    reasons: Mapping[object, str] = extras.get("why_false", {})
    return Listed(row.record, sightings.get(row.key), reasons.get(row.key))


def group_of(row: Row) -> KmemleakGroup:
    """The group behind a row of this pane."""
    listed: Listed = row.record
    return listed.group


def chain_of(group: KmemleakGroup) -> str:
    """Who allocated, and who called that: "leak [leakgen] < ctl_write [leakgen] < vfs_write"."""
    if not group.backtrace:
        return "(no backtrace)"
    return " < ".join(from_culprit(group.backtrace)[:4])


def _chain(row: Row) -> str:
    return chain_of(group_of(row))


def _chain_cell(row: Row, _frame: Frame) -> Cell:
    words = sanitise(_chain(row))
    return Cell(f"(false?) {words}", "dim") if row.record.why_false else Cell(words)


def _new(row: Row) -> int | None:
    sighting: Sighting | None = row.record.sighting
    return sighting.new if sighting else None


def _new_cell(row: Row, _frame: Frame) -> Cell:
    new = _new(row)
    return Cell("-" if new is None else f"+{human_count(new)}" if new else "0", "growth" if new else "dim")


def _first_seen(row: Row) -> float | None:
    sighting: Sighting | None = row.record.sighting
    return sighting.first_wall if sighting else None


def _first_seen_cell(row: Row, _frame: Frame) -> Cell:
    wall = _first_seen(row)
    return Cell("-" if wall is None else time_of_day(wall), "dim")


def _headline(frame: Frame) -> str:
    section = frame.sections["kmemleak"]
    if section.mono is None or section.fault:
        return ""
    objects = section.extras.get("objects", 0)
    groups = section.extras.get("suppressed_groups", 0)
    hidden = f", {groups} group{'' if groups == 1 else 's'} suppressed" if groups else ""
    if not objects:
        return f"no leaks reported{hidden}"
    sightings: Mapping[object, Sighting] = section.extras.get("sightings", {})
    new = sum(found.new or 0 for found in sightings.values())
    added = f", {human_count(new)} new" if new else ""
    return f"{human_count(objects)} objects{added}{hidden}, read {human_duration(frame.mono - section.mono)} ago"


def _seen_words(frame: Frame, sighting: Sighting) -> str:
    ago = human_duration(frame.mono - sighting.first_mono)
    earlier = ", in the first report that was read: it may be older" if sighting.is_from_start else ""
    return f"{time_of_day(sighting.first_wall)}, {ago} ago{earlier}"


def _growing_words(row: Row, sighting: Sighting | None) -> str:
    growth = f"{human_delta(row.size.growth)} since the baseline"
    if sighting is None or sighting.new is None:
        return f"{growth}; there was no scan before to compare with"
    if not sighting.new:
        return f"no: the newest scan found none that the one before had not; {growth}"
    return f"yes: {human_count(sighting.new)} objects are new in the newest scan; {growth}"


def _detail(frame: Frame, row: Row) -> Detail:
    group, sighting, false = _listed(frame, row)
    facts = [
        ("objects", f"{group.count}, {human_bytes(group.bytes)} together"),
        ("still growing", _growing_words(row, sighting)),
        ("commands", sanitise(", ".join(group.comms))),
        ("ages", _ages(group.ages)),
    ]
    if sighting is not None:
        facts.append(("first seen", _seen_words(frame, sighting)))
    if false is not None:
        facts.append(("probably no leak", false))
    frames = (
        tuple((str(i), sanitise(frame)) for i, frame in enumerate(group.objects[0].backtrace)) if group.objects else ()
    )
    listings = [Listing("backtrace, the innermost first", ("", "function"), frames)]
    shown = group.objects[:_MOST_OBJECTS]
    more = f", the first {_MOST_OBJECTS} of {group.count}" if group.count > _MOST_OBJECTS else ""
    listings.append(
        Listing(f"objects{more}", ("address", "size", "command", "pid", "age"), tuple(_object(o) for o in shown))
    )
    listings.append(Listing("hex dump of the first", ("",), tuple((sanitise(line),) for line in _hex(group.objects))))
    paragraphs = (
        (
            "kmemleak lists what no pointer leads to. The same backtrace with a constant count, as old as the boot, is "
            "often a false positive: a pointer that is stored only as a physical address, encoded, or in page memory."
        ),
        "Pages from alloc_pages, ioremap and vm_map_ram are never listed: its silence does not clear a page leak.",
    )
    first = group.objects[0].backtrace[:_MOST_FRAMES] if group.objects else ()
    return Detail(
        sanitise(chain_of(group)),
        tuple(facts),
        paragraphs,
        (Chart("objects", "kmemleak", row.key, "number"),),
        tuple(listings),
        inspect=("frames", "\n".join(first)) if first else None,
        inspect_label="source lines",
        inspects_at_once=True,
    )


def _object(found: KmemleakObject) -> tuple[str, ...]:
    return (
        sanitise(found.address),
        str(found.size),
        sanitise(found.comm),
        str(found.pid),
        human_duration(found.age),
    )


def _hex(objects: Sequence[KmemleakObject]) -> tuple[str, ...]:
    return objects[0].hex_dump if objects else ()


def _ages(ages: tuple[float, ...]) -> str:
    if not ages:
        return "not printed by this kernel"
    return f"{human_duration(ages[0])} to {human_duration(ages[-1])}"


def _record(row: Row) -> Mapping[str, Any]:
    group, sighting, false = row.record
    return {
        "count": group.count,
        "bytes": group.bytes,
        "new": sighting.new if sighting else None,
        "first_seen": None if sighting is None or sighting.is_from_start else sighting.first_wall,
        "probably_false": false,
        "backtrace": list(group.backtrace),
        "comms": list(group.comms),
        "ages": list(group.ages),
        "objects": [
            {**found._asdict(), "hex_dump": list(found.hex_dump), "backtrace": list(found.backtrace)}
            for found in group.objects
        ],
    }


def _haystack(row: Row) -> str:
    """Functions with their modules, commands, and the size of an object: what one filters by."""
    group = group_of(row)
    sizes = dict.fromkeys(str(found.size) for found in group.objects)
    return " ".join((*group.backtrace, *group.comms, *sizes))


def _why_empty(suppressed: int) -> str:
    none = "kmemleak reports no leak. It needs two scans, and objects older than five seconds: K s scans."
    if not suppressed:
        return none
    groups = "All that kmemleak reports is" if suppressed == 1 else f"All {suppressed} groups that kmemleak reports are"
    return f"{groups} suppressed. `leaktop kmemleak show --all` lists them."


PANE = PaneView(
    name="kmemleak",
    title="Kmemleak",
    order=5,
    section="kmemleak",
    columns=(
        count_column("count", "objs", 6, lambda row: row.record.group.count, "objects with this backtrace", 0),
        bytes_column(
            "each",
            "each",
            6,
            lambda row: row.record.group.objects[0].size if row.record.group.objects else None,
            "the first of them",
            2,
        ),
        size_column("size", "all of them together"),
        growth_column(),
        Column(
            "new", "new", 5, _new, _new_cell, "objects that the scan before had not found", "right", 2, unit="count"
        ),
        Column(
            "backtrace",
            "allocated by",
            20,
            _chain,
            _chain_cell,
            "who allocated, the innermost first; (false?) is probably no leak, Enter says why",
            "left",
            0,
            is_flexible=True,
            ascending=True,
        ),
        text_column(
            "comms", "command", 16, lambda row: ", ".join(row.record.group.comms), "the process that was running", 3
        ),
        Column(
            "first", "seen at", 8, _first_seen, _first_seen_cell, "when leaktop read it first, local time", "left", 4
        ),
    ),
    rows=_rows,
    haystack=_haystack,
    detail=_detail,
    record=_record,
    source="/sys/kernel/debug/kmemleak",
    headline=_headline,
    headline_hint="objects reported, those that are new, what suppressions hide, and when it was read",
    switches=(Switch("N", "new", "new only"),),
    empty=lambda frame: _why_empty(frame.sections["kmemleak"].extras.get("suppressed_groups", 0)),
)
