"""Tmpfs: files that live in memory, wherever their names went."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from leaktop.units import human_bytes
from leaktop.view.cells import sanitise
from leaktop.view.columns import (
    bytes_column,
    growth_column,
    in_words,
    name_column,
    peak_column,
    rate_column,
    rose_column,
    size_column,
    text_column,
)
from leaktop.view.pane import Chart, Detail, PaneView

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from leaktop.model.frame import Frame, Row
    from leaktop.model.records import SharedMemory

_MEANING = {
    "tmpfs": "Files in this mount are memory. du -x on it, then delete, or give the mount a smaller size.",
    "sysv": "A System V segment lives until ipcrm removes it, whoever is attached. ipcs -m -p names its processes.",
    "memfd": "An anonymous file. It goes when the last descriptor and the last mapping go.",
    "deleted": "A deleted file on tmpfs. Its memory comes back when the process that holds it open closes it or ends.",
}


def _rows(frame: Frame, _switches: frozenset[str]) -> Sequence[Row]:
    return frame.sections["tmpfs"].rows


def _headline(frame: Frame) -> str:
    shmem = next((row.size.value for row in frame.sections["memory"].rows if row.record.name == "Shmem"), None)
    return f"Shmem {human_bytes(shmem)}" if shmem is not None else ""


def _detail(_frame: Frame, row: Row) -> Detail:
    memory: SharedMemory = row.record
    facts = (
        ("kind", sanitise(memory.kind)),
        ("used", in_words(row.size)),
        ("size", f"{human_bytes(memory.size)}" if memory.size is not None else "no limit known"),
        ("held by", sanitise(memory.owner or "-")),
    )
    paragraphs = (_MEANING[memory.kind],) if memory.kind in _MEANING else ()
    return Detail(sanitise(memory.name), facts, paragraphs, (Chart("bytes", "tmpfs", row.key, "size"),))


def _record(row: Row) -> Mapping[str, Any]:
    memory: SharedMemory = row.record
    if memory.kind == "tmpfs":
        return {"mount": memory.name, "used": memory.used, "size": memory.size}
    return dict(memory._asdict())


PANE = PaneView(
    name="tmpfs",
    title="tmpfs",
    order=7,
    section="tmpfs",
    columns=(
        name_column("name", "mount or file", lambda row: row.record.name, "mount point, segment or file", 18),
        text_column(
            "kind", "kind", 7, lambda row: row.record.kind, "tmpfs mount, sysv segment, memfd or deleted file", 2
        ),
        size_column(
            "used", "memory, and swap, that its files take", "statfs of the mount, /proc/sysvipc/shm, or fstat"
        ),
        bytes_column("limit", "of", 6, lambda row: row.record.size, "the mount's limit, or the file's length", 2),
        growth_column(),
        rate_column(),
        text_column(
            "owner",
            "held by",
            16,
            lambda row: row.record.owner or "",
            "a process that holds it open",
            3,
            "/proc/PID/fd",
        ),
        rose_column(),
        peak_column(),
    ),
    rows=_rows,
    haystack=lambda row: f"{row.record.kind} {row.record.name} {row.record.owner or ''}",
    detail=_detail,
    record=_record,
    source="/proc/self/mountinfo, /proc/sysvipc/shm, /proc/PID/fd",
    headline=_headline,
    headline_hint="all shared memory of the machine: Shmem of /proc/meminfo",
    empty=lambda _frame: "No tmpfs is mounted here, and no shared memory, memfd or deleted file is held open.",
)
