"""Vmalloc: areas by caller or by module, memory apart from address space."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from leaktop.engine.known_callers import known_caller
from leaktop.model.records import VmallocGroup
from leaktop.parsers.vmallocinfo import parse_vmallocinfo
from leaktop.units import human_bytes
from leaktop.view.cells import sanitise
from leaktop.view.columns import (
    bytes_column,
    count_column,
    growth_column,
    in_words,
    name_column,
    peak_column,
    rate_column,
    rose_column,
    size_column,
    text_column,
)
from leaktop.view.pane import Chart, Detail, Listing, PaneView, Switch
from leaktop.view.trends import KERNEL, by_module

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from leaktop.model.frame import Frame, Row
    from leaktop.model.records import VmallocArea

_MOST_AREAS = 200


def _rows(frame: Frame, switches: frozenset[str]) -> Sequence[Row]:
    rows = frame.sections["vmalloc"].rows
    return by_module(rows, _sum) if "module" in switches else rows


def _sum(module: str, groups: Sequence[VmallocGroup]) -> VmallocGroup:
    areas, space = sum(group.areas for group in groups), sum(group.bytes for group in groups)
    pages = sum(group.pages for group in groups)
    return VmallocGroup(f"{len(groups)} callers", module, "", areas, space, pages)


def _caller(row: Row) -> str:
    if row.key[0] == "module":
        return f"{row.record.module}: {row.record.caller}"
    return row.record.caller or "(no caller)"


def _headline(frame: Frame) -> str:
    rows = frame.sections["vmalloc"].rows
    memory = sum(row.size.value or 0 for row in rows)
    space = sum(row.record.bytes for row in rows)
    return f"{human_bytes(memory)} memory, {human_bytes(space)} address space" if rows else ""


def _detail(frame: Frame, row: Row) -> Detail:
    group: VmallocGroup = row.record
    areas = parse_vmallocinfo(frame.sections["vmalloc"].extras["content"])
    page_size = frame.machine.page_size
    is_module = row.key[0] == "module"
    mine = [
        area
        for area in areas
        if ((area.module or KERNEL) == group.module if is_module else (area.caller, area.module, area.kind) == row.key)
    ]
    mine.sort(key=lambda area: (-area.pages * area.count, -area.bytes * area.count))
    listing = Listing(
        f"areas{f', the largest {_MOST_AREAS} kinds of {len(mine)}' if len(mine) > _MOST_AREAS else ''}",
        ("areas", "memory", "space", "each", "what the kernel prints"),
        tuple(_area(area, page_size) for area in mine[:_MOST_AREAS]),
    )
    known = known_caller(group.caller) if group.caller and not is_module else None
    facts = (
        ("memory", f"{in_words(row.size)}, in {group.pages} pages"),
        ("space", f"{human_bytes(group.bytes)} of addresses in {group.areas} areas"),
        ("module", sanitise(group.module or "the kernel itself")),
        ("kind", group.kind or "all kinds"),
        ("peak", human_bytes(row.size.high_water)),
    )
    paragraphs = [f"{known[0].upper()}{known[1:]}."] if known else []
    if not group.pages:
        paragraphs.append("These areas own no pages: they cost addresses, not memory.")
    charts = (
        () if is_module else (Chart("bytes", "vmalloc", row.key, "size"), Chart("areas", "vmalloc", row.key, "number"))
    )
    title = sanitise(group.module or "" if is_module else _caller(row))
    return Detail(title, facts, tuple(paragraphs), charts, (listing,))


def _area(area: VmallocArea, page_size: int) -> tuple[str, ...]:
    memory = area.pages * page_size * area.count
    return (
        str(area.count),
        human_bytes(memory),
        human_bytes(area.bytes * area.count),
        human_bytes(area.bytes),
        sanitise(" ".join(part for part in (area.caller or "", area.flags) if part)),
    )


def _record(row: Row) -> Mapping[str, Any]:
    return dict(row.record._asdict())


PANE = PaneView(
    name="vmalloc",
    title="Vmalloc",
    order=3,
    section="vmalloc",
    columns=(
        name_column("caller", "caller", _caller, "the function that asked for the areas", 18),
        text_column("module", "module", 12, lambda row: row.record.module or "", "the module it belongs to", 4),
        text_column(
            "kind",
            "kind",
            8,
            lambda row: row.record.kind,
            "vmalloc owns memory; vmap and ioremap map what is owned elsewhere",
        ),
        size_column("memory", "memory of the pages that its areas own (pages=)"),
        growth_column(),
        rate_column(),
        count_column("areas", "areas", 6, lambda row: row.record.areas, "how many areas it has", 1),
        bytes_column("space", "space", 6, lambda row: row.record.bytes, "address space, guard pages included", 3),
        rose_column(),
        peak_column(),
    ),
    rows=_rows,
    haystack=lambda row: f"{_caller(row)} {row.record.module or ''} {row.record.kind}",
    detail=_detail,
    record=_record,
    source="/proc/vmallocinfo",
    headline=_headline,
    headline_hint="the pages that areas own, and the addresses that they take, of all callers",
    switches=(Switch("M", "module", "by module"),),
    empty=lambda _frame: "/proc/vmallocinfo lists no area. A container's own /proc may be empty: look on the host.",
)
