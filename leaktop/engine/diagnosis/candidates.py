"""Everything that could be accused, as cases without a judgement: what grew, and what no row of a section shows."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from leaktop.engine.sections.sockets import QUEUED, holder_of
from leaktop.engine.suspects import describe
from leaktop.model.diagnosis import Case

if TYPE_CHECKING:
    from collections.abc import Iterator

    from leaktop.engine.diagnosis.observed import Observed
    from leaktop.model.diagnosis import Rise
    from leaktop.model.frame import Key, Row, Suspect

_MOST = 12
"""Of one kind: what grew less than so many others of its kind is not what is looked for."""
_LEAST = {
    "slab": 256 << 10,
    "vmalloc": 64 << 10,
    "socket": 128 << 10,
    "process": 1 << 20,
    "tmpfs": 1 << 20,
    "pagetables": 512 << 10,
    "kernelstack": 256 << 10,
    "percpu": 256 << 10,
    "kmemleak": 4 << 10,
    "residual": 2 << 20,
}
"""Bytes that a steady rise must have gained to be a leak: below it, a rise may be steady and mean nothing."""
_LEAST_SHARES = {"process": 1e-4, "slab": 2e-5}
"""The same as a share of MemTotal: on a large machine more is going on."""
_MEASURED = {"process": "private"}
"""What is judged of a row, where that is not its size: files that a process maps are page cache."""
_LEAST_FDS = 32
_LEAST_THREADS = 16
_COUNTERS = (
    ("processes", "AnonPages", "process", "memory of processes, which were not recorded one by one"),
    ("slab", "SUnreclaim", "slab", "slab that cannot be reclaimed; its caches were not recorded"),
    ("vmalloc", "VmallocUsed", "vmalloc", "vmalloc areas, which were not recorded one by one"),
)
"""Sections without rows, and the counter that stands in for them."""


def least(kind: str, observed: Observed) -> float:
    """Bytes that a rise of that kind has to gain on this machine."""
    return max(_LEAST.get(kind, 1 << 20), _LEAST_SHARES.get(kind, 0.0) * (observed.amount("MemTotal") or 0))


def candidates(observed: Observed) -> list[Case]:
    """Cases with their rise, without evidence or judgement."""
    return [
        *_grown(observed),
        *_descriptors(observed),
        *_threads(observed),
        *_crowds(observed),
        *_queues(observed),
        *_shared(observed),
        *_large_kmalloc(observed),
        *_residual(observed),
        *_counters(observed),
    ]


def _grown(observed: Observed) -> Iterator[Case]:
    seen: Counter[tuple[str, bool]] = Counter()
    for suspect in observed.frame.suspects:
        seen[suspect.kind, suspect.is_cache] += 1
        if seen[suspect.kind, suspect.is_cache] > _MOST:
            continue
        rise = None
        if suspect.is_cache or (suspect.size.growth or 0) >= least(suspect.kind, observed) / 4:
            measured = _MEASURED.get(suspect.kind, "size")
            rise = observed.rise(suspect.section, suspect.key, measured, is_unbroken=suspect.kind == "socket")
        yield _case(suspect, rise)


def _case(suspect: Suspect, rise: Rise | None) -> Case:
    growth = suspect.size.growth or 0
    objects = suspect.number.growth if suspect.number and suspect.kind != "socket" else None
    return blank(
        suspect.kind, suspect.section, suspect.key, suspect.name, growth, rise, aliases=suspect.aliases,
        note=suspect.note, objects=objects, is_cache=suspect.is_cache,
    )  # fmt: skip


def blank(
    kind: str,
    section: str,
    key: Key,
    name: str,
    growth: int,
    rise: Rise | None,
    *,
    aliases: tuple[str, ...] = (),
    note: str = "",
    objects: int | None = None,
    is_cache: bool = False,
) -> Case:
    """A case that nobody has judged yet."""
    rate, low, high = (rise.slope, rise.low, rise.high) if rise else (None, None, None)
    return Case(
        kind, section, key, name, aliases, note, growth, objects, rate, low, high, rise, None, None, 0.0,
        is_leak=False, is_cache=is_cache, explained="",
    )  # fmt: skip


def _descriptors(observed: Observed) -> Iterator[Case]:
    """Processes that collect descriptors; their bytes are those of the kernel objects, added by whoever explains."""
    reader = observed.frame.machine.reader_pid
    rows = [(grown, row) for row in observed.section("processes").rows if (grown := _opened(row, observed)) is not None]
    for count, row in sorted(rows, key=lambda pair: -pair[0])[:_MOST]:
        if count >= _LEAST_FDS and row.key[0] != reader:
            rise = observed.rise("processes", row.key, "number")
            case = blank("fd", "processes", row.key, describe("processes", row)[1], 0, rise, objects=count)
            yield case._replace(rate=None, low=None, high=None)


def _opened(row: Row, observed: Observed) -> int | None:
    """Descriptors that a process gained; as long as they could be counted, where that is no longer so."""
    if row.number is None or row.number.growth is not None:
        return row.number.growth if row.number else None
    rise = observed.rise("processes", row.key, "number")
    return round(rise.growth) if rise else None


def _threads(observed: Observed) -> Iterator[Case]:
    """Processes that start threads, where their own memory did not already make them candidates."""
    grown = {suspect.key for suspect in observed.frame.suspects if suspect.kind == "process"}
    rows = [
        row
        for row in observed.section("processes").rows
        if (row.record.threads or 0) >= _LEAST_THREADS and row.key not in grown
    ]
    for row in sorted(rows, key=lambda row: -(row.record.threads or 0))[:_MOST]:
        rise = observed.rise("processes", row.key, "threads")
        if rise and rise.is_steady:
            private = observed.rise("processes", row.key, "private")
            yield blank("process", "processes", row.key, describe("processes", row)[1], row.size.growth or 0, private)


def _crowds(observed: Observed) -> Iterator[Case]:
    """Processes of one name that become more and more."""
    counts = Counter(row.record.comm for row in observed.section("processes").rows)
    for comm, count in counts.most_common(_MOST):
        if count < _LEAST_THREADS:
            break
        number = observed.rise("processes", ("named", comm), "number")
        if number and number.is_steady and number.growth >= _LEAST_THREADS / 2:
            size = observed.rise("processes", ("named", comm), "size")
            key: Key = ("named", comm)
            note = f"{count} processes of this name, {number.growth:+.0f} in {number.seconds:.0f} s"
            growth = int(size.growth) if size else 0
            yield blank("process", "processes", key, f"{comm} x{count}", growth, size, note=note)


def _queues(observed: Observed) -> Iterator[Case]:
    """Sockets of one protocol and process that together hold more and more."""
    rows = observed.section("sockets").rows
    groups: dict[tuple[str, str, str, int], list[Row]] = {}
    for row in rows:
        if row.size.value:
            groups.setdefault(holder_of(row.record), []).append(row)
    for key, members in groups.items():
        sizes = sorted((row.size.value or 0 for row in members), reverse=True)
        if len(members) < 2 or sizes[0] > 0.8 * sum(sizes):
            continue
        rise = observed.rise("sockets", key, "size")
        _, proto, comm, pid = key
        whose = f" of {comm} ({pid})" if pid else ""
        if rise and rise.growth > 0:
            yield blank("socket", "sockets", key, f"{len(members)} {proto} sockets{whose}", int(rise.growth), rise)


def _shared(observed: Observed) -> Iterator[Case]:
    """Shmem, where the mounts and files that are listed do not account for it."""
    row = observed.amount_row("Shmem")
    growth = (row.size.growth or 0) if row else 0
    if row is None or growth <= 0:
        return
    files = sorted(observed.section("tmpfs").rows, key=lambda file: -(file.size.growth or 0))
    listed = [file for file in files if (rise := observed.rise("tmpfs", file.key, "size")) and rise.is_steady]
    if sum(file.size.growth or 0 for file in listed) >= growth / 2:
        return
    likely = files[0].record if files and (files[0].size.growth or 0) > 0.3 * growth else None
    rise = observed.amount_rise("Shmem")
    if likely is not None and not (rise and rise.is_steady):
        return  # the file is a candidate itself
    note = "Shmem: files in memory that no mount in sight holds" if likely is None else likely.kind
    yield blank("tmpfs", "memory", row.key, likely.name if likely else "Shmem", growth, rise, note=note)


def _large_kmalloc(observed: Observed) -> Iterator[Case]:
    row = observed.amount_row("large kmalloc")
    if row and (row.size.growth or 0) > 0:
        note = "kmallocs of more than two pages: in Slab, in no line of slabinfo"
        rise = observed.amount_rise("large kmalloc")
        yield blank("slab", "memory", row.key, "large kmalloc", row.size.growth or 0, rise, note=note)


def _residual(observed: Observed) -> Iterator[Case]:
    """The residual where it grew by less than its error: a steady line shows far below that."""
    row = observed.amount_row("residual")
    if row and (row.size.growth or 0) > 0 and not any(s.kind == "residual" for s in observed.frame.suspects):
        rise, note = observed.amount_rise("residual"), "memory that no counter names"
        yield blank("residual", "memory", row.key, "residual", row.size.growth or 0, rise, note=note)


def _counters(observed: Observed) -> Iterator[Case]:
    for section, name, kind, note in _COUNTERS:
        row = observed.amount_row(name)
        if row and not any(r.size.value is not None for r in observed.section(section).rows):
            yield blank(kind, "memory", row.key, name, row.size.growth or 0, observed.amount_rise(name), note=note)


def queued(observed: Observed) -> Rise | None:
    """How all queues together moved."""
    return observed.rise("sockets", QUEUED, "size")
