"""Kmemleak: unreferenced objects by backtrace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from leaktop.parsers.kmemleak import from_culprit
from leaktop.units import human_bytes, human_duration
from leaktop.view.cells import sanitise
from leaktop.view.columns import (
    bytes_column,
    count_column,
    growth_column,
    name_column,
    size_column,
    text_column,
)
from leaktop.view.pane import Chart, Detail, Listing, PaneView

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from leaktop.model.frame import Frame, Row
    from leaktop.model.records import KmemleakGroup, KmemleakObject

_MOST_OBJECTS = 50


def _rows(frame: Frame, _switches: frozenset[str]) -> Sequence[Row]:
    return frame.sections["kmemleak"].rows


def _chain(row: Row) -> str:
    group: KmemleakGroup = row.record
    if not group.backtrace:
        return "(no backtrace)"
    return " < ".join(from_culprit(group.backtrace)[:4])


def _headline(frame: Frame) -> str:
    section = frame.sections["kmemleak"]
    if section.mono is None or section.fault:
        return ""
    objects = section.extras.get("objects", 0)
    return (
        f"{objects} objects, read {human_duration(frame.mono - section.mono)} ago" if objects else "no leaks reported"
    )


def _detail(_frame: Frame, row: Row) -> Detail:
    group: KmemleakGroup = row.record
    facts = (
        ("objects", f"{group.count}, {human_bytes(group.bytes)} together"),
        ("commands", sanitise(", ".join(group.comms))),
        ("ages", _ages(group.ages)),
    )
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
    return Detail(
        sanitise(_chain(row)), facts, paragraphs, (Chart("objects", "kmemleak", row.key, "number"),), tuple(listings)
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
    group: KmemleakGroup = row.record
    return {
        "count": group.count,
        "bytes": group.bytes,
        "backtrace": list(group.backtrace),
        "comms": list(group.comms),
        "ages": list(group.ages),
        "objects": [
            {**found._asdict(), "hex_dump": list(found.hex_dump), "backtrace": list(found.backtrace)}
            for found in group.objects
        ],
    }


PANE = PaneView(
    name="kmemleak",
    title="Kmemleak",
    order=5,
    section="kmemleak",
    columns=(
        count_column("count", "objs", 6, lambda row: row.record.count, "objects with this backtrace", 0),
        bytes_column(
            "each",
            "each",
            6,
            lambda row: row.record.objects[0].size if row.record.objects else None,
            "bytes of the first",
            2,
        ),
        size_column(),
        growth_column(),
        name_column("backtrace", "allocated by", _chain, "who allocated, the innermost first", 20),
        text_column("comms", "command", 16, lambda row: ", ".join(row.record.comms), "the process that was running", 3),
    ),
    rows=_rows,
    haystack=lambda row: " ".join((*row.record.backtrace, *row.record.comms)),
    detail=_detail,
    record=_record,
    headline=_headline,
    empty="kmemleak reports no leak. It needs two scans, and objects older than five seconds: scan again.",
)
