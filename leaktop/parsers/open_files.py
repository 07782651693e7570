"""The list "open_files" that leaktop.sources.open_files writes from /proc/PID/fd and /proc/PID/ns/net."""

from __future__ import annotations

from dataclasses import dataclass

from leaktop.model.records import SharedMemory
from leaktop.parsers.lines import number, rows, unescape


@dataclass(frozen=True, slots=True)
class OpenFiles:
    """Shared memory that only descriptors hold, and what the walk over the processes could not see."""

    files: tuple[SharedMemory, ...]
    """Of kind "memfd" or "deleted"; the owner is the first holder, with the number of the others."""
    net_namespaces: int | None
    """Distinct network namespaces of all processes; None unknown."""
    unreadable: int
    """Processes whose descriptors were denied."""


def parse_open_files(content: bytes) -> OpenFiles:
    """Files in the order of the list. Bytes; None unknown. A row that is cut or torn is skipped.

    Raises:
        ParseError: the bytes are not this list.
    """
    files = []
    totals: dict[str, int | None] = {}
    for fields in rows(content, "open_files"):
        try:
            if fields[0] == "=" and len(fields) >= 3:
                totals[fields[1]] = number(fields[2])
            elif len(fields) >= 8:
                kind, name, used, size, pid, comm, _fd, holders = fields[:8]
                others = int(holders) - 1
                owner = f"{unescape(comm)} ({int(pid)})" + (f" and {others} more" if others > 0 else "")
                files.append(SharedMemory(kind, unescape(name), number(used), number(size), owner))
        except ValueError:
            continue
    return OpenFiles(tuple(files), totals.get("netns"), totals.get("unreadable") or 0)
