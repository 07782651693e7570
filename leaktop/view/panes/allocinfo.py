"""Allocinfo: memory by the line of the kernel's source that allocated it, or by module."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from leaktop.model.records import AllocTag
from leaktop.units import human_bytes, human_count
from leaktop.view.cells import sanitise
from leaktop.view.columns import (
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

_MOST_LINES = 200
_SLAB_PAGES = ("mm/slub.c:", "mm/slab.c:")
_COUNTED_TWICE = (
    "These bytes are the same that other panes show as caches, vmalloc areas or pages, here by who asked for them: so "
    "they are no suspects of their own."
)
_PAGES_OF_SLAB = "Pages of the slab allocator itself: the objects in them are counted again, at the lines that asked."


def _rows(frame: Frame, switches: frozenset[str]) -> Sequence[Row]:
    rows = frame.sections["allocinfo"].rows
    return by_module(rows, _sum) if "module" in switches else rows


def _sum(module: str, tags: Sequence[AllocTag]) -> AllocTag:
    size, calls = sum(tag.bytes for tag in tags), sum(tag.calls for tag in tags)
    is_accurate = all(tag.is_accurate for tag in tags)
    return AllocTag("1 line" if len(tags) == 1 else f"{len(tags)} lines", module, "", size, calls, is_accurate)


def _place(row: Row) -> str:
    """Where it is allocated; out of tree, builders leave their own directory in front: the end of the path counts."""
    tag: AllocTag = row.record
    return f"{tag.module}: {tag.location}" if row.key[0] == "module" else tag.location


def _headline(frame: Frame) -> str:
    section = frame.sections["allocinfo"]
    if not section.rows:
        return ""
    objects = [row for row in section.rows if not row.record.location.startswith(_SLAB_PAGES)]
    total = sum(row.size.value or 0 for row in objects)
    return f"{human_bytes(total)} in {len(section.rows)} of {section.extras.get('lines', len(section.rows))} lines"


def _detail(frame: Frame, row: Row) -> Detail:
    tag: AllocTag = row.record
    is_module = row.key[0] == "module"
    facts = [
        ("size", in_words(row.size)),
        ("calls", f"{human_count(tag.calls)} allocations that are held"),
        ("each", f"{human_bytes(tag.bytes / tag.calls)} on average" if tag.calls else "-"),
        ("module", sanitise(tag.module or "the kernel itself")),
    ]
    if not is_module:
        facts.insert(0, ("function", sanitise(tag.function)))
        facts.append(("peak", human_bytes(row.size.high_water)))
    paragraphs = [] if tag.is_accurate else ["The kernel calls these figures inaccurate: they are too low."]
    paragraphs.append(_PAGES_OF_SLAB if tag.location.startswith(_SLAB_PAGES) else _COUNTED_TWICE)
    if is_module:
        return Detail(sanitise(tag.module or ""), tuple(facts), tuple(paragraphs), (), (_lines_of(frame, tag.module),))
    charts = (Chart("bytes", "allocinfo", row.key, "size"), Chart("allocations", "allocinfo", row.key, "number"))
    return Detail(sanitise(f"{tag.location} {tag.function}"), tuple(facts), tuple(paragraphs), charts)


def _lines_of(frame: Frame, module: str | None) -> Listing:
    mine = [row for row in frame.sections["allocinfo"].rows if (row.record.module or KERNEL) == module]
    mine.sort(key=lambda row: (-(row.size.growth or 0), -(row.size.value or 0)))
    more = f", the first {_MOST_LINES} of {len(mine)} by growth" if len(mine) > _MOST_LINES else ""
    rows = (
        (
            human_bytes(row.size.value),
            human_bytes(row.size.growth),
            human_count(row.record.calls),
            sanitise(row.record.location),
            sanitise(row.record.function),
        )
        for row in mine[:_MOST_LINES]
    )
    return Listing(f"lines{more}", ("size", "growth", "calls", "line", "function"), tuple(rows))


def _record(row: Row) -> Mapping[str, Any]:
    return dict(row.record._asdict())


PANE = PaneView(
    name="allocinfo",
    title="Allocinfo",
    order=10,
    section="allocinfo",
    columns=(
        size_column("size", "memory that was asked for there and is still held"),
        growth_column(),
        rate_column(),
        count_column("calls", "calls", 6, lambda row: row.record.calls, "allocations that are held", 1),
        name_column("line", "line", _place, "the file and line of the kernel's source that allocates", 24),
        text_column("function", "function", 28, lambda row: row.record.function, "the function around that line", 1),
        text_column("module", "module", 12, lambda row: row.record.module or "", "the module it belongs to", 2),
        rose_column(),
        peak_column(),
    ),
    rows=_rows,
    haystack=lambda row: f"{_place(row)} {row.record.function} {row.record.module or ''}",
    detail=_detail,
    record=_record,
    source="/proc/allocinfo",
    headline=_headline,
    headline_hint="what objects hold, and how many of the kernel's allocating lines hold anything",
    switches=(Switch("M", "module", "by module"),),
    empty=lambda _frame: "/proc/allocinfo counts no memory: profiling is off. sysctl vm.mem_profiling=1 starts it.",
    letter="P",
)
