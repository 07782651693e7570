"""The report as plain text: for a terminal, a mail, a pager."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from leaktop.units import human_bytes, human_delta, human_duration, human_rate
from leaktop.view.cells import safe, width_of
from leaktop.view.report.curves import MOST_CURVES, free_memory, sparkline, suspect_curve
from leaktop.view.report.facts import machine_facts, remarks, watch_facts
from leaktop.view.report.wording import (
    KINDS,
    MARKS,
    VERDICTS,
    certainty,
    excuse,
    other_names,
    pace,
    ratio,
    sign_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from leaktop.model.diagnosis import Case, TriageStep, Unit
    from leaktop.view.report import Report

_WIDTH = 100
_SPARK = 48
_MOST_OTHERS = 10
"""Suspects that are listed though they are no leaks."""


def render(report: Report) -> str:
    """The whole of it, ended by a newline."""
    return "\n".join(line.rstrip() for line in _lines(report)) + "\n"


def _lines(report: Report) -> Iterator[str]:
    diagnosis = report.diagnosis
    yield f"{VERDICTS[diagnosis.verdict.name]} ({diagnosis.verdict.name})"
    yield ""
    yield from _wrapped(safe(diagnosis.verdict.summary))
    curve = free_memory(report)
    if curve:
        yield ""
        yield f"{curve.name}  {sparkline(curve, _SPARK, report.digest.first.mono)}  {curve.span}"
    leaks = [case for case in diagnosis.cases if case.is_leak]
    if leaks:
        yield from _title("Suspects")
        for number, case in enumerate(leaks):
            yield from _suspect(report, case, has_curve=number < MOST_CURVES)
    yield from _others([case for case in diagnosis.cases if not case.is_leak], "Also grew" if leaks else "What grew")
    for unit in diagnosis.units:
        yield from _unit(unit)
    yield from _title("Triage")
    yield from _triage(diagnosis.triage)
    yield from _title("Machine")
    yield from _pairs(machine_facts(report))
    yield from _title("Watched")
    yield from _pairs(watch_facts(report))
    notes = remarks(report)
    if notes:
        yield from _title("Notes")
        for note in notes:
            yield from _wrapped(f"- {note}", "  ", "    ")


def _title(text: str) -> Iterator[str]:
    yield ""
    yield text
    yield "-" * len(text)


def _suspect(report: Report, case: Case, *, has_curve: bool) -> Iterator[str]:
    head = f"{sign_of(case)} {KINDS.get(case.kind, case.kind)} {safe(case.name)}"
    left = "" if case.eta is None else f", memory is gone in {human_duration(case.eta)}"
    figures = f"{human_rate(case.rate)}, {human_delta(case.bytes)} so far, {certainty(case)}{left}"
    yield from _wrapped(f"{head}: {figures}", "", "  ")
    curve = suspect_curve(report, case) if has_curve else None
    if curve:
        yield f"    {sparkline(curve, _SPARK, report.digest.first.mono)}  {curve.span}"
    for sentence in map(safe, case.evidence):
        yield from _wrapped(f"{sentence[:1].upper()}{sentence[1:].rstrip('.')}.", "    ", "    ")
    names = other_names(case)
    if names:
        yield from _wrapped(f"{names[:1].upper()}{names[1:]}.", "    ", "    ")
    for command in case.next:
        yield f"    > {safe(command)}"  # never wrapped: it is to be copied
    yield ""


def _others(cases: Sequence[Case], title: str) -> Iterator[str]:
    grown = [case for case in cases if case.bytes > 0]
    if not grown:
        return
    yield from _title(f"{title}; ~ can be reclaimed")
    for case in grown[:_MOST_OTHERS]:
        head = f"{sign_of(case)} {human_delta(case.bytes):>7} {human_rate(case.rate):>8}  "
        name = f"{KINDS.get(case.kind, case.kind)} {safe(case.name)}"
        space = " " * max(44 - width_of(name), 0)
        why = safe(excuse(case))
        yield from _wrapped(f"{head}{name}{space}  {why}".rstrip(), "", " " * (len(head) + 46))
    if len(grown) > _MOST_OTHERS:
        yield f"  and {len(grown) - _MOST_OTHERS} more"


def _unit(unit: Unit) -> Iterator[str]:
    yield from _title(f"In lockstep: one unit is {unit.bytes:,} bytes")
    words = pace(unit)
    if words:
        yield words[:1].upper() + words[1:]
    for member in unit.members:
        yield from _wrapped(
            f"{ratio(member.ratio):>5} x {human_bytes(member.bytes):>5}  {safe(member.label)}", "", " " * 17
        )


def _triage(steps: Sequence[TriageStep]) -> Iterator[str]:
    names = [safe(step.step) for step in steps]
    wide = max(map(len, names), default=0)
    for name, step in zip(names, steps, strict=True):
        answer = ": ".join(safe(part) for part in (step.value, step.detail) if part not in {"", "-"})
        yield from _wrapped(f"{MARKS[step.finding]} {name:<{wide}}  {answer}", "", " " * (wide + 4))


def _pairs(pairs: Sequence[tuple[str, str]]) -> Iterator[str]:
    wide = max(len(name) for name, _ in pairs)
    for name, value in pairs:
        yield from _wrapped(f"{name:<{wide}}  {value}", "", " " * (wide + 2))


def _wrapped(text: str, first: str = "", later: str = "") -> list[str]:
    """Lines of a readable width; runs of spaces, as columns have them, stay."""
    return textwrap.wrap(
        text, _WIDTH, initial_indent=first, subsequent_indent=later, break_on_hyphens=False, drop_whitespace=True
    )
