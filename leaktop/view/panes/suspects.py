"""Suspects: one ranking by bytes a second of what grows, from every section, with what speaks for and against it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from leaktop.model.frame import Row, Trend
from leaktop.units import human_delta, human_duration, human_rate, time_of_day
from leaktop.view.cells import Cell, sanitise
from leaktop.view.columns import Column, growth_column, name_column, text_column
from leaktop.view.headline import growth_line
from leaktop.view.pane import Chart, Detail, Listing, PaneView

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from leaktop.model.diagnosis import Case
    from leaktop.model.frame import Frame


def _rows(frame: Frame, _switches: frozenset[str]) -> Sequence[Row]:
    return [_row(case) for case in frame.diagnosis.cases]


def _row(case: Case) -> Row:
    growth = Trend(None, None, case.rate, case.bytes, case.rate, None, None)
    return Row((case.kind, case.section, *case.key), case, growth, None)


def _headline(frame: Frame) -> str:
    cases = frame.diagnosis.cases
    leaking = sum(case.is_leak for case in cases)
    return f"{leaking} leaking, {len(cases) - leaking} merely growing" if cases else ""


def _rank(row: Row) -> tuple[bool, bool, float]:
    """Leaks first, caches last."""
    case: Case = row.record
    return case.is_leak, not case.is_cache, case.rate or 0.0


def _rate_cell(row: Row, _frame: Frame) -> Cell:
    case: Case = row.record
    return Cell(human_rate(case.rate), "growth" if case.is_leak else "dim")


def _margin(row: Row) -> float | None:
    """Half the width of the rate's confidence interval."""
    case: Case = row.record
    return None if case.low is None or case.high is None else (case.high - case.low) / 2


def _margin_cell(row: Row, _frame: Frame) -> Cell:
    margin = _margin(row)
    return Cell("-" if margin is None else f"±{human_rate(margin).lstrip('+')}", "dim")


def _lasted(row: Row) -> float | None:
    rise = row.record.rise
    return rise.seconds if rise else None


def _trend(row: Row) -> float | None:
    rise = row.record.rise
    return rise.tau if rise else None


def _trend_cell(row: Row, _frame: Frame) -> Cell:
    trend = _trend(row)
    return Cell("-" if trend is None else f"{trend:.1f}", "" if row.record.is_leak else "dim")


def _share_cell(row: Row, _frame: Frame) -> Cell:
    share = row.record.share
    return Cell("-" if share is None else f"{share:.0%}", "dim")


def _confidence_cell(row: Row, _frame: Frame) -> Cell:
    case: Case = row.record
    return Cell(f"{case.confidence:.0%}", "growth" if case.is_leak else "dim")


def _why(row: Row) -> str:
    case: Case = row.record
    if case.explained:
        return case.explained
    if case.note:
        return case.note
    return case.evidence[1].rstrip(".") if len(case.evidence) > 1 else ""


def _detail(frame: Frame, row: Row) -> Detail:
    """The case, then the drill-down of the row that is accused in its own pane."""
    from leaktop.view.panes import PANES  # noqa: PLC0415 - the registry imports this file

    case: Case = row.record
    measure = "number" if case.kind == "fd" else "size"
    facts = (
        ("verdict", f"leak, {case.confidence:.0%} sure" if case.is_leak else _innocence(case)),
        ("rate", f"{human_rate(case.rate)}, with 95 % confidence {human_rate(case.low)} to {human_rate(case.high)}"),
        ("growth", f"{human_delta(case.bytes)} since the baseline"),
        ("share", "-" if case.share is None else f"{case.share:.0%} of what the machine loses"),
        ("memory gone", "-" if case.eta is None else f"in {human_duration(case.eta)} at this rate"),
    )
    words = " ".join(sanitise(sentence) for sentence in case.evidence)
    commands = Listing("next", ("what to run, or to do",), tuple((sanitise(command),) for command in case.next))
    chart = Chart("descriptors" if case.kind == "fd" else "bytes", case.section, case.key, measure)
    accused = next((r for r in frame.sections[case.section].rows if r.key == case.key), None)
    if accused is None:
        return Detail(sanitise(case.name), facts, (words,), (chart,), (commands,))
    pane = next(pane for pane in PANES if pane.section == case.section)
    below = pane.detail(frame, accused)
    return replace(
        below,
        facts=(*facts, *below.facts),
        paragraphs=(words, *below.paragraphs),
        listings=(commands, *below.listings),
    )


def _innocence(case: Case) -> str:
    return f"no leak: {sanitise(case.explained)}" if case.explained else "no leak, as far as can be told"


def _record(row: Row) -> Mapping[str, Any]:
    case: Case = row.record
    return {"kind": case.kind, "name": case.name, "bytes_per_s": case.rate, "bytes": case.bytes, "leak": case.is_leak}


def _why_empty(frame: Frame) -> str:
    line, tone = growth_line(frame)
    if tone == "fault":
        return line
    since = "the start" if frame.baseline_wall is None else time_of_day(frame.baseline_wall)
    words = f"Nothing has grown since {since}."
    if frame.diagnosis.verdict.name == "insufficient":
        return f"{words} It takes five reads over twenty seconds to tell what leaks."
    return f"{words} What leaks slowly needs longer: leave it open, or `leaktop record FILE`."


PANE = PaneView(
    name="suspects",
    title="Suspects",
    order=8,
    section="suspects",
    columns=(
        text_column("kind", "kind", 11, lambda row: row.record.kind, "what it is: of which pane, or a counter", 0),
        name_column(
            "name", "suspect", lambda row: row.record.name, "cache, caller, socket, process, mount or counter", 20
        ),
        Column(
            "rate", "rate", 8, _rank, _rate_cell, "the median slope (Theil-Sen); leaks come first", rank=0,
            unit="bytes a minute",
        ),
        Column("margin", "±", 8, _margin, _margin_cell, "how far the rate may be off, with 95 % confidence", rank=4,
               unit="bytes a minute"),
        growth_column(),
        Column(
            "for",
            "for",
            6,
            _lasted,
            lambda row, _: Cell(human_duration(_lasted(row)), "dim"),
            "how long the trend was watched",
            rank=2,
            unit="time",
        ),
        Column("trend", "trend", 5, _trend, _trend_cell, "strength of the trend: Kendall's tau, at most 1", rank=3,
               unit="-1 to 1"),
        Column(
            "sure", "sure", 4, lambda row: row.record.confidence, _confidence_cell, "confidence that it leaks", rank=1,
            unit="share",
        ),
        Column(
            "share",
            "share",
            5,
            lambda row: row.record.share,
            _share_cell,
            "its part of what MemAvailable loses",
            rank=3,
            unit="share",
        ),
        Column(
            "gone",
            "gone in",
            7,
            lambda row: row.record.eta,
            lambda row, _: Cell(human_duration(row.record.eta) if row.record.is_leak else "", "dim"),
            "time until MemAvailable is gone at this rate",
            rank=2,
            ascending=True,
            unit="time",
        ),
        text_column("why", "why", 40, _why, "what accounts for it, or what to know first", 3),
    ),
    rows=_rows,
    haystack=lambda row: f"{row.record.kind} {row.record.name} {' '.join(row.record.aliases)} {_why(row)}",
    detail=_detail,
    record=_record,
    source="leaktop: its judgement of the rows of all other panes",
    headline=_headline,
    headline_hint="how many leak, and how many grow without being accused",
    empty=_why_empty,
    is_cache=lambda row: False if row.record.is_leak else True if row.record.is_cache else None,
    sort="rate",
)  # fmt: skip
