"""/sys/kernel/debug/kmemleak: objects nothing refers to; print_unreferenced() in mm/kmemleak.c.

    unreferenced object (percpu) 0xffff8881 (size 32):
      comm "insmod", pid 12, jiffies 4294892642 (age 8.296s)
      hex dump (first 32 bytes on cpu 1):
        6b 6b ...
      backtrace (crc ed7ff1a9):
        [<00000000fc8cc951>] kmalloc_trace+0x23/0x4e

From 2.6.31 to 7.2, which of these parts are there depends on the version and on what was backported. comm is raw:
quotes and newlines stand in it as they are. The same records come out of dmesg, each line behind "kmemleak: ".
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from leaktop.model.records import KmemleakGroup, KmemleakObject, KmemleakReport
from leaktop.model.sample import ParseError
from leaktop.parsers.lines import decode, slices

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_HEADER = re.compile(r"unreferenced object(?: \((\w+)\))? (0x[0-9a-f]{1,16}) \(size ([0-9]{1,20})\): *")
_COMM = re.compile(
    r'  comm "(.*)", pid (-?[0-9]{1,10}), jiffies ([0-9]{1,20})(?: \(age (-?[0-9]{1,12}\.[0-9]{3})s\))? *',
    re.DOTALL,
)
_HEX_DUMP = re.compile(r"  hex dump \(first [0-9]+ bytes(?: on cpu ([0-9]{1,6}))?\): *")
_BACKTRACE = re.compile(r"  backtrace(?: \(crc ([0-9a-f]{1,8})\))?: *")
_ANY_TRACE = re.compile(r'kmemleak: |^(?:unreferenced object|  comm "|  hex dump \(|  backtrace)', re.MULTILINE)
_LOG_PREFIX = re.compile(r".*?kmemleak: ")
_TIMESTAMP = re.compile(r"\[ *[0-9]+\.[0-9]+\](?:\S* *\[ *[CT][0-9]+\])? ")
# A comm has 15 bytes and no NUL, so NUL can stand for a newline in it until its line is parsed.
_CUT_COMM = re.compile(r'  comm "[^\n]{0,15}\n(?s:.{0,60}?)", pid -?[0-9]{1,10}, jiffies ')
_OFFSET = re.compile(r"\+0x[0-9a-f]+/0x[0-9a-f]+")
_ADDRESS = re.compile(r"0x[0-9a-f]+")
_ALLOCATOR = re.compile(
    r"kmemleak_v?m?alloc\w*|_*create_object(?:_percpu)?|slab_post_alloc_hook|_*slab_alloc\w*|_*kmem_cache_z?alloc\w*|(?:__do_)?_*kmalloc\w*"
    r"|k[zc]alloc\w*|kv[mzc]alloc\w*|kv?realloc\w*|kv?memdup\w*|kstrn?dup\w*|_*v[mz]alloc\w*|__alloc_percpu\w*|pcpu_alloc\w*"
    r"|\w+_noprof"
)


@dataclass(slots=True)
class _Record:
    """An object whose lines are still coming."""

    kind: str
    address: str
    size: int
    comm: str = ""
    pid: int | None = None
    jiffies: int = 0
    age: float | None = None
    hex_dump: list[str] = field(default_factory=list)
    cpu: int | None = None
    backtrace: list[str] | None = None
    crc: str | None = None

    def take_comm(self, found: re.Match[str]) -> None:
        pieces = found[1].split("\0")
        self.comm = "\n".join([pieces[0], *(_TIMESTAMP.sub("", piece, count=1) for piece in pieces[1:])])
        self.pid, self.jiffies = int(found[2]), int(found[3])
        self.age = float(found[4]) if found[4] else None

    def finish(self, seen: dict[tuple[str, ...], tuple[str, ...]]) -> KmemleakObject:
        frames = tuple(
            (row.partition(">] ")[2] if row.startswith("[<") else row).rstrip() for row in self.backtrace or ()
        )
        # A leak repeats one backtrace a million times: all its objects share one tuple.
        frames = seen.setdefault(frames, frames)
        return KmemleakObject(
            self.address, self.size, self.comm, -1 if self.pid is None else self.pid, self.jiffies, self.age,
            tuple(self.hex_dump), self.cpu, frames, self.crc, self.kind,
        )  # fmt: skip


def parse_kmemleak(content: bytes) -> KmemleakReport:
    """The objects in the file's order, sizes in bytes, ages in seconds. No content: no objects.

    A record that ends early keeps what there is of it: comm "" and pid -1 where that line is missing. Lines
    of no known format go to `unknown`; blank lines and a last line without its end are dropped.

    Raises:
        ParseError: there is content, and no line of it is kmemleak's.
    """
    pieces = list(slices(content[: content.rfind(b"\n") + 1], begins=b"unreferenced object"))
    in_log = any(b"kmemleak: unreferenced object" in piece for piece in pieces)
    objects: list[KmemleakObject] = []
    unknown: list[str] = []
    seen: dict[tuple[str, ...], tuple[str, ...]] = {}
    record: _Record | None = None
    rows: list[str] | None = None
    for line, as_read in _lines(pieces, in_log=in_log):
        if rows is not None and line.startswith("    "):
            rows.append(line[4:])
        elif found := _HEADER.fullmatch(line):
            if record:
                objects.append(record.finish(seen))
            record = _Record(found[1] or "", found[2], int(found[3]))
            rows = None
        elif record and record.pid is None and (found := _COMM.fullmatch(line)):
            record.take_comm(found)
        elif record and record.backtrace is None and (found := _HEX_DUMP.fullmatch(line)):
            record.cpu = int(found[1]) if found[1] else None
            rows = record.hex_dump
        elif record and record.backtrace is None and (found := _BACKTRACE.fullmatch(line)):
            record.crc = found[1]
            rows = record.backtrace = []
        elif line.strip():
            unknown.append(as_read)
            # `dump=` logs objects with parts like a record's, and a log may have lost a header.
            if record and record.backtrace is not None and line.startswith("  "):
                objects.append(record.finish(seen))
                record = rows = None
    if record:
        objects.append(record.finish(seen))
    if content.strip() and not objects and not any(_ANY_TRACE.search(decode(piece)) for piece in pieces):
        raise ParseError(f"not a report of kmemleak: {decode(content[:60])!r}")
    return KmemleakReport(tuple(objects), tuple(unknown))


def _lines(pieces: Iterable[bytes], *, in_log: bool) -> Iterator[tuple[str, str]]:
    """Each line without what a log puts in front of it, and as it was read."""
    for piece in pieces:
        lines = _CUT_COMM.sub(_join_comm, decode(piece)).split("\n")[:-1]
        bare = [_LOG_PREFIX.sub("", line, count=1) for line in lines] if in_log else lines
        yield from zip(bare, lines, strict=True)


def _join_comm(found: re.Match[str]) -> str:
    return found[0].replace("\n", "\0")


def group(objects: Iterable[KmemleakObject]) -> list[KmemleakGroup]:
    """Objects with the same path to their allocation, most bytes first.

    Offsets and addresses do not tell paths apart, modules do. A backtrace of addresses alone keeps them:
    they are all it has to say.
    """
    keys: dict[tuple[str, ...], tuple[str, ...]] = {}
    members: dict[tuple[str, ...], list[KmemleakObject]] = {}
    for found in objects:
        key = keys.get(found.backtrace)
        if key is None:
            key = keys[found.backtrace] = _normalise(found.backtrace)
        members.setdefault(key, []).append(found)
    groups = [
        KmemleakGroup(
            backtrace,
            len(alike),
            sum(found.size for found in alike),
            tuple(dict.fromkeys(found.comm for found in alike)),
            tuple(sorted(found.age for found in alike if found.age is not None)),
            tuple(alike),
        )
        for backtrace, alike in members.items()
    ]
    return sorted(groups, key=lambda found: found.bytes, reverse=True)


def culprit(backtrace: Sequence[str]) -> str | None:
    """The first frame, as given, that is not the allocator's own; None where all are, or there are none."""
    return next((frame for frame in backtrace if not _is_allocator(frame)), None)


def from_culprit(backtrace: Sequence[str]) -> Sequence[str]:
    """The backtrace without the allocator's own frames at its start; all of it where there are no others."""
    first = culprit(backtrace)
    return backtrace if first is None else backtrace[backtrace.index(first) :]


def _normalise(backtrace: tuple[str, ...]) -> tuple[str, ...]:
    symbols = tuple(map(_without_offset, backtrace))
    return backtrace if all(symbol == "0x?" for symbol in symbols) else symbols


@lru_cache(maxsize=1 << 12)
def _without_offset(frame: str) -> str:
    return "0x?" if _ADDRESS.fullmatch(frame) else _OFFSET.sub("", frame, count=1)


@lru_cache(maxsize=1 << 12)
def _is_allocator(frame: str) -> bool:
    if frame.endswith("]") and not frame.endswith("[inline]"):
        return False  # a module's function, whatever it is called
    symbol = frame.partition(" ")[0].partition("+")[0]
    plain = symbol.lstrip(".").partition(".")[0]  # ppc64 puts a dot in front, compilers put .constprop.0 behind
    return _ALLOCATOR.fullmatch(plain) is not None
