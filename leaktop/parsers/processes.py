"""The list "processes" that leaktop.sources.processes writes from /proc/PID/{status,stat,statm,fd}."""

from __future__ import annotations

from leaktop.model.records import Process
from leaktop.parsers.lines import number, rows, unescape


def parse_processes(content: bytes) -> list[Process]:
    """Processes in the order of the list. Bytes; None unknown. A row that is cut or torn is skipped.

    A start time that was not captured reads as 0: then the pid alone tells processes apart.

    Raises:
        ParseError: the bytes are not this list.
    """
    found = []
    for fields in rows(content, "processes"):
        if len(fields) < 10:
            continue
        pid, start, comm, *amounts = fields
        try:
            rss, anon, file, shmem, swap, threads, fds = (number(field) for field in amounts[:7])
            process = Process(int(pid), number(start) or 0, unescape(comm), rss, anon, file, shmem, swap, threads, fds)
        except ValueError:
            continue
        found.append(process)
    return found
