"""Processes: their resident memory, so that user space is ruled out or accused first."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from leaktop.courtesy import in_turns
from leaktop.engine.sections.base import Assembly, Entry, Figure, SectionRule
from leaktop.model.sample import Fault
from leaktop.parsers.processes import parse_processes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from leaktop.engine.inputs import Inputs
    from leaktop.model.records import Process

THREADS, FDS, PROCESSES = ("total", "threads"), ("total", "fds"), ("total", "processes")


def assemble(inputs: Inputs) -> Assembly:
    """Rows are Processes, sized by RSS, counted by open descriptors."""
    found = inputs.parsed("processes", parse_processes)
    processes = found.processes if found else []
    missing = found.unreadable if found else 0
    notes = (f"processes that cannot be read, and are missing: {missing}",) if missing else ()
    if not processes:
        return Assembly([], inputs.fault("processes") or Fault("missing", "no process is listed under /proc"), notes)
    entries = [Entry((p.pid, p.starttime), p, p.rss, p.fds) for p in in_turns(processes)]
    return Assembly(entries, notes=notes, figures=[*_each(processes), *_totals(processes)])


def private_memory(process: Process) -> int | None:
    """Bytes that are the process's own, swapped out or not; its RSS where the kernel does not tell files apart."""
    return process.rss if process.anon is None else process.anon + (process.swap or 0)


def _each(processes: list[Process]) -> Iterator[Figure]:
    for process in in_turns(processes):
        key = process.pid, process.starttime
        yield Figure(key, "private", private_memory(process))
        yield Figure(key, "threads", process.threads)


def _totals(processes: list[Process]) -> Iterator[Figure]:
    """What owns kernel objects, over all processes; and how many there are of each name, since a leak may be many."""
    yield Figure(THREADS, "number", _sum([process.threads for process in processes]))
    yield Figure(FDS, "number", _sum([process.fds for process in processes]))
    yield Figure(PROCESSES, "number", len(processes))
    for comm, count in Counter(process.comm for process in processes).items():
        if count > 1:
            yield Figure(("named", comm), "number", count)
    memory: Counter[str] = Counter()
    for process in in_turns(processes):
        memory[process.comm] += private_memory(process) or 0
    for comm, size in memory.items():
        yield Figure(("named", comm), "size", size)


def _sum(counts: list[int | None]) -> int | None:
    """None where one of them is not known: a table too large to be counted must not look as if it had been closed."""
    known = [count for count in counts if count is not None]
    return sum(known) if len(known) == len(counts) else None


SECTION = SectionRule("processes", 6, ("processes",), assemble, counts=True)
