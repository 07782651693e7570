"""What kmemleak found, for people and for programs: the groups that are asked for, with their backtraces."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import leaktop
from leaktop.parsers.kmemleak import culprit
from leaktop.sources.symbols import command_for, resolve
from leaktop.units import human_bytes, human_count
from leaktop.view.arranging import arrange
from leaktop.view.cells import sanitise, width_of
from leaktop.view.pane import Choice
from leaktop.view.panes.kmemleak import PANE, group_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from leaktop.model.frame import Frame, Row

_MOST_COMMS = 4


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which groups are asked for, and how they are shown."""

    module: str | None = None
    comm: str | None = None
    min_size: int = 0
    """Bytes that a group holds at least."""
    limit: int | None = None
    root: str = "/"
    debug_directories: tuple[str, ...] = ()
    """Where debug information is looked for first."""


def wanted_rows(frame: Frame, wanted: Wanted) -> list[Row]:
    """The groups that are asked for, those that hold most first; `limit` is not applied."""
    return [row for row in arrange(PANE, frame, Choice(sort="size")) if _is_wanted(row, wanted)]


def document(frame: Frame, rows: Sequence[Row], wanted: Wanted, scan_seconds: float | None) -> dict[str, Any]:
    """For programs: bytes and counts as numbers, null where unknown.

    Args:
        frame: what was read.
        rows: those of `wanted_rows`.
        wanted: how many are shown, and where debug information is.
        scan_seconds: what the scans before it took together; None where there was none.
    """
    section = frame.sections["kmemleak"]
    fault = section.fault
    extras = section.extras
    return {
        "leaktop": leaktop.__version__,
        "time": datetime.fromtimestamp(frame.wall, UTC).isoformat(timespec="milliseconds"),
        "kernel": frame.machine.release,
        "status": "unavailable" if fault else "ok",
        "reason": fault.reason if fault else None,
        "remedy": fault.remedy if fault else None,
        "scan_seconds": scan_seconds,
        "objects": sum(group_of(row).count for row in rows),
        "bytes": sum(group_of(row).bytes for row in rows),
        "suppressed": {"groups": extras.get("suppressed_groups", 0), "objects": extras.get("suppressed_objects", 0)},
        "groups": [_group(frame, row, wanted) for row in rows[: wanted.limit]],
        "notes": list(section.notes),
    }


def text(frame: Frame, rows: Sequence[Row], wanted: Wanted, scans: str) -> Iterator[str]:
    """Lines for people, safe to show.

    Args:
        frame: what was read.
        rows: those of `wanted_rows`.
        wanted: how many are shown, and where debug information is.
        scans: a clause on the scans before it; "" where there was none.
    """
    section = frame.sections["kmemleak"]
    hidden = section.extras.get("suppressed_groups", 0)
    objects = sum(group_of(row).count for row in rows)
    parts = [
        f"{_counted(objects, 'object')} in {_counted(len(rows), 'group')}" if rows else "no leaks",
        *([f"{_counted(hidden, 'group')} suppressed"] if hidden else []),
        *([scans] if scans else []),
    ]
    yield f"kmemleak: {', '.join(parts)}"
    for row in rows[: wanted.limit]:
        yield ""
        yield from _paragraph(frame, row, wanted)
    if wanted.limit is not None and len(rows) > wanted.limit:
        yield ""
        yield f"{_counted(len(rows) - wanted.limit, 'more group')}; --limit shows so many"
    yield from (f"note: {sanitise(note)}" for note in section.notes)


def _is_wanted(row: Row, wanted: Wanted) -> bool:
    group = group_of(row)
    return (
        group.bytes >= wanted.min_size
        and (wanted.comm is None or wanted.comm in group.comms)
        and (wanted.module is None or any(frame.endswith(f" [{wanted.module}]") for frame in group.backtrace))
    )


def _group(frame: Frame, row: Row, wanted: Wanted) -> dict[str, Any]:
    frames = _frames(row)
    return {**PANE.record(row), "growth": row.size.growth, "frames": list(frames), "lines": _lines(frame, row, wanted)}


def _frames(row: Row) -> tuple[str, ...]:
    """The backtrace of the first object, with its offsets, which tell the lines of source."""
    group = group_of(row)
    return group.objects[0].backtrace if group.objects else ()


def _lines(frame: Frame, row: Row, wanted: Wanted) -> list[str | None]:
    return resolve(_frames(row), frame.machine.release or "", wanted.root, wanted.debug_directories)


def _paragraph(frame: Frame, row: Row, wanted: Wanted) -> Iterator[str]:
    group, sighting, false = row.record
    sizes = sorted({found.size for found in group.objects})
    each = f" of {sizes[0]} bytes" if len(sizes) == 1 else ""
    comms = ", ".join(group.comms[:_MOST_COMMS])
    more = f" and {len(group.comms) - _MOST_COMMS} more" if len(group.comms) > _MOST_COMMS else ""
    new = f", {human_count(sighting.new)} new" if sighting is not None and sighting.new is not None else ""
    yield f"{_counted(group.count, 'object')}{each}, {human_bytes(group.bytes)}{new}; by {sanitise(comms)}{more}"
    if false is not None:
        yield f"  probably no leak: {sanitise(false)}"
    frames, lines = _frames(row), _lines(frame, row, wanted)
    width = max((width_of(sanitise(words)) for words in frames), default=0)
    for words, line in zip(frames, lines, strict=True):
        safe = sanitise(words)
        yield f"    {safe}{' ' * (width - width_of(safe))}  {sanitise(line)}" if line else f"    {safe}"
    if frames and not any(lines):
        yield f"  lines of source: {sanitise(command_for(culprit(frames) or frames[0], frame.machine.release or ''))}"


def _counted(number: int, noun: str) -> str:
    return f"{human_count(number)} {noun}{'' if number == 1 else 's'}"
