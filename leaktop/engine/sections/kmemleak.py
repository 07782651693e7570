"""Kmemleak: unreferenced objects, grouped by who allocated them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leaktop.engine.sections.base import Assembly, Entry, SectionRule
from leaktop.parsers.kmemleak import group, parse_kmemleak

if TYPE_CHECKING:
    from leaktop.engine.inputs import Inputs


def assemble(inputs: Inputs) -> Assembly:
    """Rows are KmemleakGroups, sized by what their objects hold."""
    report = inputs.parsed("kmemleak", parse_kmemleak)
    if report is None:
        return Assembly([], inputs.fault("kmemleak"))
    entries = [Entry((found.backtrace,), found, found.bytes, found.count) for found in group(report.objects)]
    notes: tuple[str, ...] = ()
    if report.unknown:
        notes = (f"{len(report.unknown)} lines are in no known format, the first: {report.unknown[0][:60]}",)
    return Assembly(entries, None, notes, {"objects": len(report.objects), "unknown": report.unknown})


SECTION = SectionRule("kmemleak", 5, ("kmemleak",), assemble, counts=True)
