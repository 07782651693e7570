"""What changed between two moments, from every section, in one ranking."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from leaktop.engine.residual import noise
from leaktop.engine.suspects import COUNTED_ELSEWHERE, describe, stands_alone

if TYPE_CHECKING:
    from collections.abc import Iterator

    from leaktop.model.frame import Frame, Key, Row, Section


class Change(NamedTuple):
    """One row that is not as large as it was."""

    kind: str
    section: str
    name: str
    bytes: int
    """By how much it grew; below zero where it shrank."""
    from_bytes: int
    """0 where it was not there yet."""
    to_bytes: int
    """0 where it is gone."""
    objects: int | None
    """By how much their number grew, where the section counts."""
    bytes_per_s: float | None
    is_cache: bool
    note: str


def compare(before: Frame, after: Frame, seconds: float, section: str | None = None) -> tuple[Change, ...]:
    """All rows that grew or shrank, most growth first, caches that can be reclaimed behind what cannot.

    Counters of the memory section whose memory other sections list row by row are left out, a residual that moved by
    no more than its noise, and lines of allocinfo, whose bytes are those of the other sections, unless that section is
    asked for.

    Args:
        before: the earlier moment.
        after: the later one.
        seconds: from one to the other; 0 where that is not known.
        section: only this one; None for all.
    """
    changes = [
        change
        for name, newer in after.sections.items()
        if (name == section if section else name not in COUNTED_ELSEWHERE)
        and was_read(before.sections[name])
        and was_read(newer)
        for change in _changes(
            before.sections[name], newer, seconds, after.machine.reader_pid, every_counter=section is not None
        )
    ]
    return tuple(sorted(changes, key=lambda change: (change.is_cache, -change.bytes)))


def was_read(section: Section) -> bool:
    """Whether a section says anything, so that a row which is not in it was not there."""
    return section.mono is not None and section.fault is None


def _changes(
    before: Section, after: Section, seconds: float, reader_pid: int | None, *, every_counter: bool
) -> Iterator[Change]:
    old, new = _by_key(before), _by_key(after)
    total = new.get(("MemTotal",))
    is_quiet = before.name == "memory" and not every_counter and total is not None
    threshold: dict[Key, int] = {("residual",): noise(total.record.bytes or 0) // 4} if is_quiet and total else {}
    for key in dict.fromkeys((*new, *old)):
        earlier, later = old.get(key), new.get(key)
        row = later or earlier
        if row is None:
            continue
        if before.name == "memory" and not every_counter and not stands_alone(row, after.extras.get("residual")):
            continue
        start, end = _bytes(earlier), _bytes(later)
        if start is None or end is None or abs(end - start) <= threshold.get(key, 0):
            continue
        kind, name, note, is_cache = describe(after.name, row)
        state = "gone" if later is None else "new" if earlier is None else ""
        if kind == "process" and key[0] == reader_pid:
            note = "leaktop itself"
        yield Change(
            *(kind, after.name, name, end - start, start, end, _objects(after.name, earlier, later)),
            *((end - start) / seconds if seconds > 0 else None, is_cache),
            "; ".join(part for part in (state, note) if part),
        )


def _by_key(section: Section) -> dict[Key, Row]:
    return {row.key: row for row in section.rows}


def _bytes(row: Row | None) -> int | None:
    """0 for a row that is not there; None for one whose size is not known."""
    return 0 if row is None else row.size.value


def _objects(section: str, earlier: Row | None, later: Row | None) -> int | None:
    if section == "sockets":  # what is counted there are bytes in a queue, no objects
        return None
    counts = [0 if row is None else None if row.number is None else row.number.value for row in (earlier, later)]
    return None if counts[0] is None or counts[1] is None else counts[1] - counts[0]
