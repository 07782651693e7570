"""Kmemleak: unreferenced objects, grouped by who allocated them; what the user suppressed is counted, not listed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from leaktop.engine.kmemleak.sightings import Sightings
from leaktop.engine.kmemleak.suppressions import in_force
from leaktop.engine.known_false_leaks import why_false
from leaktop.engine.sections.base import Assembly, Entry, SectionRule
from leaktop.parsers.kmemleak import group, parse_kmemleak

if TYPE_CHECKING:
    from leaktop.engine.inputs import Inputs


def assemble(inputs: Inputs) -> Assembly:
    """Rows are KmemleakGroups, sized by what their objects hold."""
    report = inputs.parsed("kmemleak", parse_kmemleak)
    sample = inputs.sample("kmemleak")
    if report is None or sample is None:
        return Assembly([], inputs.fault("kmemleak"))
    groups = group(report.objects)
    sightings: Sightings = inputs.kept.setdefault("kmemleak", Sightings())
    seen = sightings.take(sample, groups)
    rules = in_force()
    hidden = [found for found in groups if rules.covers(found.backtrace)] if rules.rules else []
    dropped = {found.backtrace for found in hidden}
    shown = [found for found in groups if found.backtrace not in dropped]
    extras: dict[str, Any] = {
        "objects": sum(found.count for found in shown),
        "suppressed_groups": len(hidden),
        "suppressed_objects": sum(found.count for found in hidden),
        "sightings": {(found.backtrace,): seen[found.backtrace] for found in shown},
        "why_false": {(found.backtrace,): reason for found in shown if (reason := why_false(found))},
        "unknown": report.unknown,
    }
    entries = [Entry((found.backtrace,), found, found.bytes, found.count) for found in shown]
    return Assembly(entries, None, tuple(_notes(report.unknown, rules.faults)), extras)


def _notes(unknown: tuple[str, ...], faults: tuple[str, ...]) -> list[str]:
    notes = []
    if unknown:
        notes.append(f"{len(unknown)} lines are in no known format, the first: {unknown[0][:60]}")
    if faults:
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        notes.append(f"suppressions: {faults[0]}{more}")
    return notes


SECTION = SectionRule("kmemleak", 5, ("kmemleak",), assemble, counts=True)
