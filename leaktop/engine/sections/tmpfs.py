"""Tmpfs and shared memory: files that live in memory, mounted, mapped, or deleted and still open."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from leaktop.engine.sections.base import Assembly, Entry, SectionRule
from leaktop.parsers.open_files import parse_open_files
from leaktop.parsers.sysvipc import parse_sysvipc_shm
from leaktop.parsers.tmpfs import parse_tmpfs

if TYPE_CHECKING:
    from leaktop.engine.inputs import Inputs


def assemble(inputs: Inputs) -> Assembly:
    """Rows are SharedMemory: mounts, then SysV segments, memfds and deleted files that are still open."""
    mounts = inputs.parsed("tmpfs", parse_tmpfs)
    segments = inputs.parsed("sysvipc/shm", parse_sysvipc_shm)
    files = inputs.parsed("open_files", parse_open_files)
    rows = [*(mounts or ()), *(segments or ()), *(files.files if files else ())]
    seen: Counter[tuple[str, str]] = Counter()
    entries = []
    for row in rows:
        name = (row.kind, row.name)
        entries.append(Entry((*name, seen[name]), row, row.used, None))
        seen[name] += 1
    notes = []
    if files is not None and files.unreadable:
        many = "processes" if files.unreadable > 1 else "process"
        notes.append(f"open files of {files.unreadable} {many} cannot be read: memfds may be missing")
    return Assembly(entries, inputs.fault("tmpfs") if mounts is None else None, tuple(notes))


SECTION = SectionRule("tmpfs", 7, ("tmpfs", "sysvipc/shm", "open_files"), assemble, counts=False)
