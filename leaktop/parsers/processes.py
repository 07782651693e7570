"""The list "processes" that leaktop.sources.processes writes from /proc/PID/{status,stat,statm,fd}."""

from __future__ import annotations

from typing import NamedTuple

from leaktop.model.records import Process
from leaktop.parsers.lines import number, rows, unescape


class ProcessList(NamedTuple):
    """What the list holds."""

    processes: list[Process]
    """In the order of the list."""
    unreadable: int
    """How many more there are, which could not be read."""


def parse_processes(content: bytes) -> ProcessList:
    """Processes. Bytes; None unknown. A row that is cut or torn is skipped.

    A start time that was not captured reads as 0: then the pid alone tells processes apart.

    Raises:
        ParseError: the bytes are not this list.
    """
    found = []
    unreadable = 0
    for fields in rows(content, "processes"):
        try:
            if fields[0] == "=" and len(fields) >= 3:
                unreadable = int(fields[2]) if fields[1] == "unreadable" else unreadable
                continue
            if len(fields) < 10:
                continue
            pid, start, comm, *amounts = fields
            rss, anon, file, shmem, swap, threads, fds = (number(field) for field in amounts[:7])
            process = Process(int(pid), number(start) or 0, unescape(comm), rss, anon, file, shmem, swap, threads, fds)
        except ValueError:
            continue
        found.append(process)
    return ProcessList(found, unreadable)
