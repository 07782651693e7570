"""Processes: their resident memory, so that user space is ruled out or accused first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leaktop.engine.sections.base import Assembly, Entry, SectionRule
from leaktop.model.sample import Fault
from leaktop.parsers.processes import parse_processes

if TYPE_CHECKING:
    from leaktop.engine.inputs import Inputs


def assemble(inputs: Inputs) -> Assembly:
    """Rows are Processes, sized by RSS, counted by open descriptors."""
    processes = inputs.parsed("processes", parse_processes)
    if not processes:
        return Assembly([], inputs.fault("processes") or Fault("missing", "no process is listed under /proc"))
    entries = [Entry((p.pid, p.starttime), p, p.rss, p.fds) for p in processes]
    return Assembly(entries)


SECTION = SectionRule("processes", 6, ("processes",), assemble, counts=True)
