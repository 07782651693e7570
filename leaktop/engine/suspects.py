"""Suspects: what grows, from every section, in one ranking. What can be reclaimed comes after what cannot."""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING

from leaktop.engine.residual import noise
from leaktop.model.frame import Suspect
from leaktop.parsers.kmemleak import from_culprit

if TYPE_CHECKING:
    from leaktop.model.frame import Frame, Residual, Row, Section
    from leaktop.model.records import AllocTag, Cache, KmemleakGroup, Process, SharedMemory, Socket, VmallocGroup

_LIMIT = 200
_DEBUG_CACHES = ("kmemleak_object", "kmemleak_scan_area", "kmalloc-no-objext")
_AMOUNTS = {
    "PageTables": "pagetables",
    "KernelStack": "kernelstack",
    "Percpu": "percpu",
    "hugepages": "hugepages",
    "Balloon": "balloon",
    "balloon": "balloon",
    "residual": "residual",
}
_SHRINKING = {"SReclaimable", "KReclaimable", "Cached", "Buffers"}
"""Counters of what the kernel gives back under pressure."""
_MODULE_GONE = "0x"
Description = tuple[str, str, str, bool]
"""Kind, name, note, whether it is a cache; as in Suspect."""


def rank_suspects(frame: Frame) -> tuple[Suspect, ...]:
    """Everything that grew since the baseline, most bytes first, caches that can be reclaimed last.

    The process that read the samples (leaktop itself) is no suspect: its memory grows with the history it keeps. Nor is
    a process that came after the baseline and has not grown since.
    """
    grown = [
        (growth, section, row)
        for section in frame.sections.values()
        if section.name in _DESCRIBE
        for row in section.rows
        if (growth := row.size.growth) and growth > 0
    ]
    grown.sort(key=itemgetter(0), reverse=True)
    leaks: list[Suspect] = []
    caches: list[Suspect] = []
    for _, section, row in grown:
        suspect = _suspect(section, row, frame.machine.reader_pid)
        if suspect is not None:
            (caches if suspect.is_cache else leaks).append(suspect)
            if len(leaks) == _LIMIT:
                break
    return tuple((leaks + caches)[:_LIMIT])


def describe(section: str, row: Row) -> Description:
    """How a row of a section is called when it is accused."""
    return {**_DESCRIBE, **COUNTED_ELSEWHERE}[section](row)


def _suspect(section: Section, row: Row, reader_pid: int | None) -> Suspect | None:
    if section.name == "memory" and not _is_accused(section, row):
        return None
    if section.name == "processes" and (row.key[0] == reader_pid or not row.size.rose):
        return None
    kind, name, note, is_cache = describe(section.name, row)
    aliases = row.record.aliases if kind == "slab" else ()
    return Suspect(kind, section.name, row.key, name, note, row.size, row.number, is_cache, aliases)


def _is_accused(memory: Section, row: Row) -> bool:
    """Whether a counter stands for memory of its own, and a residual for more than the noise of its formula."""
    if not stands_alone(row, memory.extras.get("residual")):
        return False
    if row.record.name != "residual":
        return True
    total = next((other.record.bytes for other in memory.rows if other.record.name == "MemTotal"), 0) or 0
    return (row.size.growth or 0) >= noise(total) / 4


def stands_alone(row: Row, ghost: Residual | None) -> bool:
    """Whether a counter of the memory section counts what no other section lists by its owner.

    Stacks that lie in vmalloc areas are accused there, under their caller.
    """
    name = row.record.name
    return name in _AMOUNTS and not any(term.name == name and term.sign == 0 for term in (ghost.terms if ghost else ()))


def _amount(row: Row) -> Description:
    name = row.record.name
    note = "memory that no counter names" if name == "residual" else ""
    return _AMOUNTS.get(name, name.lower()), name, note, name in _SHRINKING


def _slab(row: Row) -> Description:
    cache: Cache = row.record
    if cache.name.startswith(_DEBUG_CACHES):
        return "slab", cache.name, "the debug kernel's own cost", True
    if cache.reclaimable:
        return "slab", cache.name, "reclaimable: a cache until pressure fails to shrink it", True
    if cache.aliases:
        return "slab", cache.name, f"shares its slabs with {', '.join(cache.aliases)}", False
    return "slab", cache.name, "", False


def _vmalloc(row: Row) -> Description:
    group: VmallocGroup = row.record
    name = group.caller or group.kind
    if name.startswith(_MODULE_GONE):
        return "vmalloc", name, "code of a module that is gone", False
    return "vmalloc", name, f"module {group.module}" if group.module else "", False


def _socket(row: Row) -> Description:
    socket: Socket = row.record
    owner = socket.owners[0] if socket.owners else None
    place = " ".join(part for part in (socket.interface, socket.local) if part) or f"inode {socket.inode}"
    return (
        "socket",
        f"{socket.proto} {place}",
        f"{owner.comm} ({owner.pid}) fd {owner.fd}" if owner else "",
        False,
    )


def _process(row: Row) -> Description:
    process: Process = row.record
    return "process", f"{process.comm} ({process.pid})", "", False


def _tmpfs(row: Row) -> Description:
    memory: SharedMemory = row.record
    return "tmpfs", memory.name, memory.kind if memory.kind != "tmpfs" else "", False


def _kmemleak(row: Row) -> Description:
    group: KmemleakGroup = row.record
    return "kmemleak", " < ".join(from_culprit(group.backtrace)[:3]) or "no backtrace", f"{group.count} objects", False


def _alloc_tag(row: Row) -> Description:
    tag: AllocTag = row.record
    return "allocinfo", f"{tag.location} {tag.function}", f"module {tag.module}" if tag.module else "", False


_DESCRIBE = {
    "memory": _amount,
    "slab": _slab,
    "vmalloc": _vmalloc,
    "sockets": _socket,
    "processes": _process,
    "tmpfs": _tmpfs,
    "kmemleak": _kmemleak,
}
COUNTED_ELSEWHERE = {"allocinfo": _alloc_tag}
"""Sections whose bytes are those of the rows of others, told in another way: no suspects."""
