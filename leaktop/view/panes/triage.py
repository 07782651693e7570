"""Triage: the list that every expert walks by hand, answered; Enter goes to the pane that shows more."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from leaktop.model.frame import Row, Trend
from leaktop.view.cells import Cell, sanitise
from leaktop.view.columns import Column, count_column, name_column, text_column
from leaktop.view.pane import Detail, PaneView

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from leaktop.model.frame import Frame
    from leaktop.view.cells import Tone

_NO_FIGURE = Trend(None, None, None, None, None, None, None)
_GLYPHS: Mapping[str, tuple[str, Tone]] = {
    "suspect": ("▲ suspect", "growth"),
    "unknown": ("? unknown", "dim"),
    "fine": ("  fine", "shrink"),
}


def _rows(frame: Frame, _switches: frozenset[str]) -> Sequence[Row]:
    return [Row((step.step,), step, _NO_FIGURE, None) for step in frame.diagnosis.triage]


def _headline(frame: Frame) -> str:
    suspects = sum(step.finding == "suspect" for step in frame.diagnosis.triage)
    unknown = sum(step.finding == "unknown" for step in frame.diagnosis.triage)
    return f"{suspects} suspect, {unknown} unknown"


def _finding_cell(row: Row, _frame: Frame) -> Cell:
    return Cell(*_GLYPHS[row.record.finding])


def _detail(frame: Frame, row: Row) -> Detail:
    step = row.record
    facts = (("finding", step.finding), ("value", sanitise(step.value)), ("pane", step.pane))
    verdict = frame.diagnosis.verdict
    return Detail(step.step, facts, (sanitise(step.detail), f"Verdict: {sanitise(verdict.summary)}"))


def _record(row: Row) -> Mapping[str, Any]:
    return row.record._asdict()  # type: ignore[no-any-return]  # a NamedTuple's fields


PANE = PaneView(
    name="triage",
    title="Triage",
    order=9,
    section="triage",
    columns=(
        replace(
            count_column("order", "", 2, lambda row: row.record.order, "the order in which experts look", 2),
            ascending=True,
        ),
        text_column("step", "step", 23, lambda row: row.record.step, "what is looked at", 0),
        Column(
            "finding",
            "finding",
            9,
            lambda row: row.record.finding,
            _finding_cell,
            "fine, suspect, or cannot be told",
            "left",
            0,
        ),
        text_column("value", "value", 20, lambda row: row.record.value, "what it comes to", 1),
        name_column("detail", "why", lambda row: row.record.detail, "what speaks for the finding", 30),
    ),
    rows=_rows,
    haystack=lambda row: f"{row.record.step} {row.record.finding} {row.record.value} {row.record.detail}",
    detail=_detail,
    record=_record,
    source="leaktop: its judgement of the other panes; Enter goes to the one that a line is about",
    headline=_headline,
    headline_hint="how many findings are suspect, and how many cannot be told",
    empty=lambda _frame: "Nothing has been looked at yet: the first reads are under way.",
    is_cache=lambda _row: None,
    sort="order",
    leads_to=lambda row: row.record.pane,
)  # fmt: skip
