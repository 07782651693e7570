"""The report as one HTML page: no script, nothing loaded from anywhere, readable on a screen and on paper."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from leaktop.units import human_bytes, human_delta, human_duration, human_rate
from leaktop.view.cells import safe
from leaktop.view.report.chart import Span, chart
from leaktop.view.report.curves import MOST_CURVES, free_memory, suspect_curve
from leaktop.view.report.facts import amount, machine_facts, remarks, utc, watch_facts, watched
from leaktop.view.report.style import STYLE
from leaktop.view.report.wording import (
    KINDS,
    MARKS,
    TONES,
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

_WIDE, _NARROW = (992, 200), (470, 205)
"""Charts in pixels: of what is free, and of a suspect."""
_MOST_OTHERS = 15
_COLOURS = "abcdef"
_MONO_FACTS = {"kernel", "host", "boot id", "boot parameters", "source"}


def render(report: Report) -> str:
    """The page."""
    return "\n".join(_page(report)) + "\n"


def _page(report: Report) -> Iterator[str]:
    diagnosis = report.diagnosis
    machine = report.digest.frame.machine
    title = VERDICTS[diagnosis.verdict.name]
    where = " · ".join(_text(part) for part in (machine.hostname, machine.release) if part)
    yield "<!DOCTYPE html>"
    yield '<html lang="en"><head><meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width,initial-scale=1">'
    yield f"<title>{title}{f' · {where}' if where else ''}</title>"
    yield f"<style>{STYLE}</style></head><body><main>"
    yield f'<header><div class="from"><span><b>leaktop</b> report</span><span class="mono">{where}</span></div>'
    tone = TONES.get(diagnosis.verdict.name, "suspect")
    yield f'<span class="badge {tone}">{_text(diagnosis.verdict.name)}</span><h1>{title}</h1>'
    yield f'<p class="summary">{_text(diagnosis.verdict.summary)}</p>'
    yield from _tiles(report)
    yield from _free(report)
    yield "</header>"
    leaks = [case for case in diagnosis.cases if case.is_leak]
    if leaks:
        yield f"<section><h2>{'Suspect' if len(leaks) == 1 else 'Suspects'}</h2>"
        for number, case in enumerate(leaks):
            yield from _suspect(report, case, has_curve=number < MOST_CURVES)
        yield "</section>"
    for unit in diagnosis.units:
        yield from _unit(unit)
    yield from _triage(diagnosis.triage)
    others = [case for case in diagnosis.cases if not case.is_leak and case.bytes > 0]
    yield from _others(others, "Also grew" if leaks else "What grew")
    yield '<div class="two sections">'
    for name, pairs in (("Machine", machine_facts(report)), ("Watched", watch_facts(report))):
        yield f'<section class="card"><h2>{name}</h2>{_facts(pairs)}</section>'
    yield "</div>"
    notes = remarks(report)
    if notes:
        yield '<section><h2>Notes</h2><div class="card"><ul>'
        yield from (f"<li>{escape(note)}</li>" for note in notes)
        yield "</ul></div></section>"
    yield f"<footer>Made by leaktop {_text(report.version)}. Times are UTC; sizes are in powers of 1024, "
    yield "rates a minute.</footer></main></body></html>"


def _text(text: str) -> str:
    """Kernel text as nothing but text."""
    return escape(safe(text))


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."


def _tiles(report: Report) -> Iterator[str]:
    diagnosis = report.diagnosis
    leaks = [case for case in diagnosis.cases if case.is_leak]
    available, total = amount(report, "MemAvailable"), amount(report, "MemTotal")
    tiles = []
    if leaks:
        tiles.append(("leaks", human_rate(sum(case.rate or 0 for case in leaks)), ""))
        tiles.append(("memory is gone in", human_duration(leaks[0].eta), ""))
    elif diagnosis.loss is not None:
        tiles.append(("MemAvailable moves by", human_rate(-diagnosis.loss), ""))
    if report.digest.ticks == 1:
        tiles.append(("watched", "one moment", utc(report.digest.last.wall)))
    else:
        tiles.append(("watched", human_duration(watched(report)), f"{report.digest.ticks:,} ticks"))
    if available is not None:
        tiles.append(("available", human_bytes(available), f"of {human_bytes(total)}"))
    yield '<dl class="tiles">'
    for name, value, more in tiles:
        yield f"<div><dt>{name}</dt><dd>{value}{f' <small>{more}</small>' if more else ''}</dd></div>"
    yield "</dl>"


def _free(report: Report) -> Iterator[str]:
    curve = free_memory(report)
    if curve:
        first, last = report.digest.first, report.digest.last
        yield f'<div class="card free"><p><span><b>{curve.name}</b> {curve.span}</span>'
        yield f"<span>{utc(first.wall)} to {utc(last.wall)}</span></p>"
        yield chart(curve, _span(report), *_WIDE) + "</div>"


def _span(report: Report) -> Span:
    first, last = report.digest.first, report.digest.last
    return Span(first.mono, last.mono, last.wall - last.mono, report.digest.events)


def _suspect(report: Report, case: Case, *, has_curve: bool) -> Iterator[str]:
    curve = suspect_curve(report, case) if has_curve else None
    yield f'<article class="card case{"" if curve else " single"}"><div>'
    yield f'<div class="kind">{KINDS.get(case.kind, case.kind)}</div><h3 class="mono">{_text(case.name)}</h3>'
    yield f'<div class="figures"><span class="rate"><b>{human_rate(case.rate)}</b></span>'
    yield f"<span><b>{human_delta(case.bytes)}</b> so far</span>"
    if case.eta is not None:
        yield f"<span>memory is gone in <b>{human_duration(case.eta)}</b></span>"
    yield f'<span><span class="meter"><i style="width:{case.confidence:.0%}"></i></span>{certainty(case)}</span></div>'
    yield "<ul>"
    yield from (f"<li>{_text(_sentence(words))}</li>" for words in case.evidence)
    yield "</ul></div>"
    if curve:
        yield f"<div>{chart(curve, _span(report), *_NARROW)}</div>"
    names = other_names(case)
    if names:
        yield f'<p class="aliases">{escape(_sentence(names))}</p>'
    if case.next:
        commands = "\n".join(_text(command) for command in case.next)
        yield f'<div class="next"><span>What to do next</span><pre>{commands}</pre></div>'
    yield "</article>"


def _unit(unit: Unit) -> Iterator[str]:
    words = pace(unit)
    yield f'<section><h2>In lockstep</h2><div class="card plain"><h3>One unit is {unit.bytes:,} bytes</h3>'
    if words:
        yield f'<div class="kind">{words[:1].upper()}{words[1:]}</div>'
    colours = [_COLOURS[number % len(_COLOURS)] for number in range(len(unit.members))]
    yield '<div class="bar">'
    for member, colour in zip(unit.members, colours, strict=True):
        yield f'<i class="{colour}" style="flex:{max(member.bytes * member.ratio, 1):.0f}"></i>'
    yield '</div><table><tr><th>what</th><th class="right">of each unit</th><th class="right">bytes</th></tr>'
    for member, colour in zip(unit.members, colours, strict=True):
        yield (
            f'<tr><td><span class="swatch {colour}"></span><span class="mono">{_text(member.label)}</span></td>'
            f'<td class="right">{ratio(member.ratio)}</td><td class="right">{member.bytes:,}</td></tr>'
        )
    yield "</table></div></section>"


def _triage(steps: Sequence[TriageStep]) -> Iterator[str]:
    yield '<section><h2>Triage</h2><div class="card"><table class="triage">'
    for step in steps:
        yield (
            f'<tr><td class="word"><span class="badge {step.finding}">{MARKS[step.finding]} {step.finding}</span></td>'
            f'<td class="step">{_text(step.step)}</td><td class="answer">{_text(step.value)}</td>'
            f'<td class="quiet">{_text(step.detail)}</td></tr>'
        )
    yield "</table></div></section>"


def _others(cases: Sequence[Case], title: str) -> Iterator[str]:
    if not cases:
        return
    yield f'<section><h2>{title}</h2><div class="card wide"><table>'
    yield '<tr><th></th><th>what</th><th class="right">bytes</th><th class="right">rate</th>'
    yield "<th>why it is no suspect</th></tr>"
    for case in cases[:_MOST_OTHERS]:
        why = excuse(case)
        yield (
            f'<tr><td class="quiet">{sign_of(case)}</td><td>{KINDS.get(case.kind, case.kind)} '
            f'<span class="mono">{_text(case.name)}</span></td><td class="right">{human_delta(case.bytes)}</td>'
            f'<td class="right">{human_rate(case.rate)}</td><td class="quiet">{_text(_sentence(why))}</td></tr>'
        )
    yield "</table>"
    if len(cases) > _MOST_OTHERS:
        yield f'<p class="quiet">and {len(cases) - _MOST_OTHERS} more</p>'
    yield "</div></section>"


def _facts(pairs: Sequence[tuple[str, str]]) -> str:
    mono = ' class="mono"'
    rows = (f"<dt>{name}</dt><dd{mono if name in _MONO_FACTS else ''}>{escape(value)}</dd>" for name, value in pairs)
    return f'<dl class="facts">{"".join(rows)}</dl>'
