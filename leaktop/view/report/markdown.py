"""The report as Markdown, as GitHub and GitLab render it: to be pasted into a bug report."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from leaktop.units import human_bytes, human_delta, human_duration, human_rate
from leaktop.view.cells import safe
from leaktop.view.report.curves import MOST_CURVES, free_memory, sparkline, suspect_curve
from leaktop.view.report.facts import UNKNOWN, machine_facts, remarks, watch_facts
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

    from leaktop.model.diagnosis import Case, Unit
    from leaktop.view.report import Report

_SPARK = 40
_MOST_OTHERS = 10
_SPECIAL = re.compile(
    r"""
    [\\`*\[\]<>|~$&\#]          # markup, HTML, math
    | (?<![A-Za-z0-9])_ | _(?![A-Za-z0-9])  # inside a word it is none
    | ^[-+=] | ^(?<=[0-9])[.)]  # lists and headings, where a line begins
    """,
    re.VERBOSE,
)
"""What Markdown gives a meaning; before any of these a backslash takes it away."""
_LINKED = re.compile(r"(?i)/(?=/)|\bwww(?=\.)|\b(?:mailto|xmpp):|[@#](?=\w)")
_PARTED = r"\g<0><!-- -->"
"""Links, mentions and numbers of issues are looked for after Markdown, in what is shown, where a backslash is no more.
A comment shows nothing, and parts the text all the same.
"""


def render(report: Report) -> str:
    """The whole of it, ended by a newline."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: Report) -> Iterator[str]:
    diagnosis = report.diagnosis
    yield f"## leaktop: {VERDICTS[diagnosis.verdict.name]} ({code(diagnosis.verdict.name)})"
    yield ""
    yield f"**{plain(diagnosis.verdict.summary)}**"
    curve = free_memory(report)
    if curve:
        yield ""
        yield f"{code(curve.name)} {code(sparkline(curve, _SPARK, report.digest.first.mono))} {curve.span}"
    leaks = [case for case in diagnosis.cases if case.is_leak]
    if leaks:
        yield from ("", "### Suspects")
        for number, case in enumerate(leaks):
            yield from _suspect(report, case, has_curve=number < MOST_CURVES)
    others = [case for case in diagnosis.cases if not case.is_leak and case.bytes > 0]
    yield from _others(others, "Also grew" if leaks else "What grew")
    for unit in diagnosis.units:
        yield from _unit(unit)
    yield from ("", "### Triage", "", "| | step | value | finding |", "| --- | --- | --- | --- |")
    for step in diagnosis.triage:
        cells = (step.step, step.value, step.detail)
        yield f"| {MARKS[step.finding]} {step.finding} | {' | '.join(plain(cell) for cell in cells)} |"
    for title, pairs in (("Machine", machine_facts(report)), ("Watched", watch_facts(report))):
        yield from ("", f"### {title}", "", "| | |", "| --- | --- |")
        for name, value in pairs:
            yield f"| {name} | {cell_code(value) if value != UNKNOWN else UNKNOWN} |"
    notes = remarks(report)
    if notes:
        yield from ("", "### Notes", "")
        yield from (f"* {escaped(note)}" for note in notes)


def _suspect(report: Report, case: Case, *, has_curve: bool) -> Iterator[str]:
    yield ""
    yield (
        f"{sign_of(case)} **{KINDS.get(case.kind, case.kind)}** {code(case.name)}: **{human_rate(case.rate)}**, "
        f"{human_delta(case.bytes)} so far, {certainty(case)}{_left(case)}"
    )
    yield ""
    curve = suspect_curve(report, case) if has_curve else None
    if curve:
        yield f"* {code(sparkline(curve, _SPARK, report.digest.first.mono))} {curve.span}"
    for sentence in case.evidence:
        yield f"* {plain(sentence[:1].upper() + sentence[1:].rstrip('.'))}."
    names = other_names(case)
    if names:
        yield f"* {escaped(names[:1].upper() + names[1:])}."
    if case.next:
        yield from ("", *_fenced(case.next))


def _left(case: Case) -> str:
    return "" if case.eta is None else f", memory is gone in {human_duration(case.eta)}"


def _others(cases: Sequence[Case], title: str) -> Iterator[str]:
    if not cases:
        return
    yield from ("", f"### {title}", "", "| | bytes | rate | what | why |", "| --- | ---: | ---: | --- | --- |")
    for case in cases[:_MOST_OTHERS]:
        sign = plain(sign_of(case))  # a bare ~ would strike the row out
        yield (
            f"| {sign} | {plain(human_delta(case.bytes))} | {plain(human_rate(case.rate))} "
            f"| {KINDS.get(case.kind, case.kind)} {cell_code(case.name)} | {plain(excuse(case))} |"
        )
    if len(cases) > _MOST_OTHERS:
        yield from ("", f"and {len(cases) - _MOST_OTHERS} more")


def _unit(unit: Unit) -> Iterator[str]:
    yield from ("", f"### In lockstep: one unit is {unit.bytes:,} bytes")
    words = pace(unit)
    if words:
        yield from ("", plain(words[:1].upper() + words[1:]))
    yield from ("", "| of each unit | bytes | what |", "| ---: | ---: | --- |")
    for member in unit.members:
        yield f"| {ratio(member.ratio)} | {human_bytes(member.bytes)} | {plain(member.label)} |"


def _fenced(commands: Sequence[str]) -> Iterator[str]:
    lines = [safe(command) for command in commands]
    fence = "`" * max(3, _longest_run("\n".join(lines)) + 1)
    yield from (f"{fence}sh", *lines, fence)


def plain(text: str) -> str:
    """Kernel text as nothing but text: no markup, no table, no link, no HTML."""
    return escaped(safe(text))


def escaped(text: str) -> str:
    """The same of what is safe to show already."""
    return _LINKED.sub(_PARTED, _SPECIAL.sub(r"\\\g<0>", text))


def code(text: str) -> str:
    """As code, whatever backticks are in it."""
    shown = safe(text)
    fence = "`" * (_longest_run(shown) + 1)
    space = " " if shown.startswith("`") or shown.endswith("`") or not shown.strip() else ""
    return f"{fence}{space}{shown}{space}{fence}"


def cell_code(text: str) -> str:
    """As code in a table, whose columns are parted before code is looked for."""
    return code(text).replace("|", "\\|")


def _longest_run(text: str) -> int:
    return max(map(len, re.findall("`+", text)), default=0)
