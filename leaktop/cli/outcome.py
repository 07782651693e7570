"""What `leaktop check` says: a sentence, what grew, and what to do next; as text, and as JSON."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import leaktop
from leaktop.units import human_bytes, human_delta
from leaktop.view.cells import sanitise, width_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from leaktop.cli.kmemleak_trial import Lost
    from leaktop.engine.gate import Finding

Verdict = Literal["leak", "none", "unknown"]
_SENTENCES: dict[Verdict, str] = {"leak": "Leak", "none": "No leak", "unknown": "Cannot tell"}
_MOST_ALIASES = 4
_LEFT = {0, 5, 6}
"""Columns of words; figures stand to the right."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The answer, and what it stands on."""

    command: Sequence[str]
    verdict: Verdict
    reason: str
    """One sentence, for people."""
    iterations: int = 0
    """That were measured."""
    findings: tuple[Finding, ...] = ()
    unread: Mapping[str, str] = field(default_factory=dict)
    """Sections that were not judged, and why."""
    command_status: int | None = None
    """0 where COMMAND never failed, None where that is not known."""
    max_growth: int = 0
    """Bytes an iteration that were allowed."""
    dropped_caches: bool = False
    lost: Lost | None = None
    """By kmemleak; its findings are among `findings` too. None where it was not asked."""


def loss(finding: Finding) -> str:
    """What one run costs: "2.00K in kmalloc-2k, 1 object"."""
    objects = f"{finding.objects_per_iter or 0:.3g}"
    counted = {"0": "", "1": ", 1 object"}.get(objects, f", {objects} objects")
    return f"{human_bytes(finding.bytes_per_iter)} in {finding.name}{counted}"


def document(outcome: Outcome) -> dict[str, Any]:
    """For programs: bytes and objects as numbers, null where unknown."""
    return {
        "leaktop": leaktop.__version__,
        "kernel": os.uname().release,
        "verdict": outcome.verdict,
        "reason": outcome.reason,
        "command": list(outcome.command),
        "command_status": outcome.command_status,
        "iterations": outcome.iterations,
        "max_growth": outcome.max_growth,
        "drop_caches": outcome.dropped_caches,
        "not_judged": dict(outcome.unread),
        "per_iteration": [_rounded(finding) for finding in outcome.findings],
        "kmemleak": None if outcome.lost is None else _lost(outcome.lost),
    }


def text(outcome: Outcome) -> Iterator[str]:
    """Lines for people, safe to show."""
    yield f"{_SENTENCES[outcome.verdict]}: {sanitise(outcome.reason)}"
    yield from (f"not judged: {name}: {sanitise(reason)}" for name, reason in outcome.unread.items())
    if outcome.findings:
        yield ""
        yield from _table(outcome.findings)
    if outcome.lost is not None:
        yield from _backtraces(outcome.lost)
    if following := _next(outcome):
        yield ""
        yield f"Next: {following}"


def _lost(lost: Lost) -> dict[str, Any]:
    return {
        "suppressed_groups": lost.suppressed,
        "saved": lost.saved,
        "groups": [
            {"count": group.count, "bytes": group.bytes, "comms": group.comms, "backtrace": group.backtrace}
            for group in lost.groups
        ],
    }


def _backtraces(lost: Lost) -> Iterator[str]:
    """Of every group that leaks, with offsets, which tell the line of source; and what else is to be known."""
    for finding, group in zip(lost.findings, lost.groups, strict=True):
        if finding.leak and group.objects:
            yield ""
            yield f"  {group.count} objects of kmemleak's, {human_bytes(group.bytes)}:"
            yield from (f"    {sanitise(frame)}" for frame in group.objects[0].backtrace)
    if lost.suppressed:
        yield ""
        yield f"kmemleak: {lost.suppressed} more on your list of suppressions"
    if lost.saved:
        yield ""
        yield f"kmemleak was cleared; what it listed before is in {sanitise(lost.saved)}"


def _rounded(finding: Finding) -> dict[str, Any]:
    return {name: round(value, 3) if isinstance(value, float) else value for name, value in finding._asdict().items()}


def _table(findings: Sequence[Finding]) -> Iterator[str]:
    rows = [["", "bytes/run", "low", "high", "objs/run", "kind", "name", ""], *map(_cells, findings)]
    widths = [max(map(width_of, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        padded = []
        for at, (cell, width) in enumerate(zip(row, widths, strict=True)):
            space = " " * (width - width_of(cell))
            padded.append(cell + space if at in _LEFT else space + cell if at < len(row) - 1 else cell)
        yield f"  {'  '.join(padded)}".rstrip()


def _cells(finding: Finding) -> list[str]:
    word = "leak" if finding.leak else "allowed" if finding.tolerated else "no leak"
    figures = (finding.bytes_per_iter, finding.low, finding.high)
    objects = "-" if finding.objects_per_iter is None else f"{finding.objects_per_iter:.3g}"
    others = finding.aliases[_MOST_ALIASES:]
    more = f" and {len(others)} more" if others else ""
    shared = f"shares its slabs with {', '.join(finding.aliases[:_MOST_ALIASES])}{more}" if finding.aliases else ""
    notes = "; ".join(note for note in (finding.note, shared) if note)
    return [word, *map(human_delta, figures), objects, finding.kind, sanitise(finding.name), sanitise(notes)]


def _next(outcome: Outcome) -> str:
    if outcome.verdict == "leak":
        if outcome.lost is not None and any(finding.leak for finding in outcome.lost.findings):
            return ""  # the backtraces say it already
        return "leaktop trace, or check --kmemleak, says who allocates; leaktop doctor what of that this kernel has"
    if outcome.verdict == "none" and not outcome.dropped_caches:
        return "as root, --drop-caches finds single objects too; --iterations 50 finds what is lost now and then"
    return ""
