"""Suspects: one ranking of what grows, from every section."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from leaktop.model.frame import Row
from leaktop.view.cells import sanitise
from leaktop.view.columns import (
    growth_column,
    name_column,
    peak_column,
    rate_column,
    rose_column,
    size_column,
    text_column,
)
from leaktop.view.pane import Chart, Detail, PaneView

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from leaktop.model.frame import Frame, Suspect


def _rows(frame: Frame, _switches: frozenset[str]) -> Sequence[Row]:
    return [Row((s.section, *s.key), s, s.size, s.number) for s in frame.suspects]


def _headline(frame: Frame) -> str:
    leaking = sum(1 for suspect in frame.suspects if not suspect.is_cache)
    return f"{leaking} grow, {len(frame.suspects) - leaking} reclaimable" if frame.suspects else ""


def _detail(frame: Frame, row: Row) -> Detail:
    """The drill-down of the row that is accused, in its own pane."""
    from leaktop.view.panes import PANES  # noqa: PLC0415 - the registry imports this file

    suspect: Suspect = row.record
    pane = next(pane for pane in PANES if pane.section == suspect.section)
    accused = next((r for r in frame.sections[suspect.section].rows if r.key == suspect.key), None)
    if accused is not None:
        return pane.detail(frame, accused)
    chart = Chart("bytes", suspect.section, suspect.key, "size")
    return Detail(sanitise(suspect.name), (("state", "gone"),), (), (chart,))


def _record(row: Row) -> Mapping[str, Any]:
    suspect: Suspect = row.record
    return {"kind": suspect.kind, "name": suspect.name, "bytes": suspect.size.value, "note": suspect.note}


def _rank(row: Row) -> tuple[bool, int] | None:
    """What can be reclaimed comes after all that cannot."""
    growth = row.size.growth
    return None if growth is None else (not row.record.is_cache, growth)


PANE = PaneView(
    name="suspects",
    title="Suspects",
    order=8,
    section="suspects",
    columns=(
        text_column("kind", "kind", 11, lambda row: row.record.kind, "what it is", 0),
        name_column(
            "name", "suspect", lambda row: row.record.name, "cache, caller, socket, process, mount or counter", 20
        ),
        size_column(),
        replace(growth_column(), value=_rank),
        rate_column(),
        rose_column(),
        peak_column(),
        text_column("note", "before you accuse it", 48, lambda row: row.record.note, "what to know first", 3),
    ),
    rows=_rows,
    haystack=lambda row: f"{row.record.kind} {row.record.name} {row.record.note}",
    detail=_detail,
    record=_record,
    headline=_headline,
    empty="nothing has grown since the baseline",
    is_cache=lambda row: row.record.is_cache,
)
