"""Processes: resident memory and its growth, so that user space can be ruled out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from leaktop.units import human_bytes, human_count
from leaktop.view.cells import Cell, sanitise
from leaktop.view.columns import (
    Column,
    bytes_column,
    count_column,
    growth_column,
    in_words,
    name_column,
    peak_column,
    rate_column,
    rose_column,
    size_column,
)
from leaktop.view.pane import Chart, Detail, PaneView

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from leaktop.model.frame import Frame, Row
    from leaktop.model.records import Process


def _rows(frame: Frame, _switches: frozenset[str]) -> Sequence[Row]:
    return frame.sections["processes"].rows


def _pid_cell(row: Row, _frame: Frame) -> Cell:
    return Cell(str(row.record.pid), "dim")


def _headline(frame: Frame) -> str:
    rows = frame.sections["processes"].rows
    total = sum(row.size.value or 0 for row in rows)
    return f"{len(rows)}, RSS {human_bytes(total)}" if rows else ""


def _detail(_frame: Frame, row: Row) -> Detail:
    process: Process = row.record
    facts = (
        ("RSS", in_words(row.size)),
        ("anon", f"{human_bytes(process.anon)} of its own"),
        ("file", f"{human_bytes(process.file)} mapped from files"),
        ("shmem", f"{human_bytes(process.shmem)} shared memory and tmpfs"),
        ("swap", human_bytes(process.swap)),
        ("threads", human_count(process.threads)),
        ("fds", f"{human_count(process.fds)} open" if process.fds is not None else "not known"),
        ("peak", human_bytes(row.size.high_water)),
    )
    paragraphs = (
        (
            "RSS counts shared pages in every process: the sum over all is more than the memory in use. PSS shares "
            "them out, but reading it walks the page tables and waits for the process's memory lock."
        ),
    )
    return Detail(
        f"{sanitise(process.comm)} ({process.pid})",
        facts,
        paragraphs,
        (Chart("RSS", "processes", row.key, "size"), Chart("open files", "processes", row.key, "number")),
        inspect=("process", str(process.pid)),
        inspect_label="PSS",
    )


def _record(row: Row) -> Mapping[str, Any]:
    record: dict[str, Any] = row.record._asdict()
    del record["starttime"]
    return record


PANE = PaneView(
    name="processes",
    title="Processes",
    order=6,
    section="processes",
    columns=(
        name_column("comm", "process", lambda row: row.record.comm, "the process's own name (comm)", 15),
        Column("pid", "pid", 7, lambda row: row.record.pid, _pid_cell, "process id", rank=1, ascending=True),
        size_column("RSS", "resident memory: shared pages count in every process", "VmRSS"),
        growth_column(),
        rate_column(),
        bytes_column(
            "anon", "anon", 6, lambda row: row.record.anon, "anonymous memory: its own, heap and stacks", 3, "RssAnon"
        ),
        bytes_column("file", "file", 6, lambda row: row.record.file, "mapped pages of files", 5, "RssFile"),
        bytes_column(
            "shmem", "shmem", 6, lambda row: row.record.shmem, "shared memory and tmpfs that it maps", 4, "RssShmem"
        ),
        bytes_column("swap", "swap", 6, lambda row: row.record.swap, "what is swapped out", 5, "VmSwap"),
        count_column("threads", "thr", 5, lambda row: row.record.threads, "its threads", 6, "Threads"),
        count_column("fds", "fds", 5, lambda row: row.record.fds, "open descriptors", 2, "/proc/PID/fd"),
        rose_column(),
        peak_column(),
    ),
    rows=_rows,
    haystack=lambda row: f"{row.record.comm} {row.record.pid}",
    detail=_detail,
    record=_record,
    source="/proc/PID/status",
    headline=_headline,
    headline_hint="how many there are, and their resident memory, in which shared pages count many times",
    empty=lambda _frame: "/proc lists no process. It may be mounted with hidepid, or be another machine's.",
)
