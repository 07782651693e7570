"""A recording made of real captures, with growth in it, and leaktop run on it as a program."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from leaktop.model.sample import Event, Fault, Machine, RawSample, Tick
from leaktop.recording.encoder import Encoder
from leaktop.recording.file import RecordingFile
from leaktop.recording.lines import Header
from leaktop.sources.probes import PROBES
from tests.corpus import DATA

REPOSITORY = Path(__file__).parents[2]
START = 1795260000.0
"""The wall clock of the first tick: 2026-11-21T11:20:00+00:00."""
MACHINE = Machine(
    "6.18.44",
    "db01.corp.example",
    4096,
    "16e9c81f-90e0-4a11-8af6-de8ad5eed555",
    "x86_64",
    "root=UUID=5d1c slub_debug=FZ,dentry quiet hugepages=4",
    vmap_stack=True,
    is_live=False,
    reader_pid=4711,
)
HEADER = Header(MACHINE, 1.0, PROBES, "0.1")


def leaktop(*arguments: str | Path, **more: str) -> subprocess.CompletedProcess[bytes]:
    """Run it without a terminal."""
    return subprocess.run(
        [sys.executable, "-m", "leaktop", *map(str, arguments)],
        stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(REPOSITORY), "LC_ALL": "C.UTF-8", "TZ": "UTC", **more},
    )  # fmt: skip


def capture(path: str) -> bytes:
    """One capture of tests/data."""
    return (DATA / path).read_bytes()


def slabinfo(grown: int) -> bytes:
    """A real slabinfo, in which kmalloc-64 has so many slabs more, and dentry half of that."""
    more = {b"kmalloc-64": grown, b"dentry": grown // 2}
    lines = capture("slabinfo/live-6.18.txt").split(b"\n")
    return b"\n".join(_with_slabs(line, more.get(line.partition(b" ")[0], 0)) for line in lines)


def _with_slabs(line: bytes, more: int) -> bytes:
    if not more:
        return line
    name, active, num, size, each, *rest = line.split()
    slabs = [b"%d" % (int(word) + more) for word in rest[-3:-1]]
    return b" ".join((name, active, b"%d" % (int(num) + int(each) * more), size, each, *rest[:-3], *slabs, b"0"))


def meminfo(free: int) -> bytes:
    """A real meminfo, with so many kB free."""
    lines = capture("meminfo/live-6.18.txt").split(b"\n")
    return b"\n".join(b"MemFree: %d kB" % free if line.startswith(b"MemFree") else line for line in lines)


def processes(*rows: tuple[int, str, int]) -> bytes:
    """The list of processes with these pids, names and resident bytes."""
    lines = [f"{pid}\t{pid * 10}\t{comm}\t{rss}\t{rss}\t0\t0\t0\t1\t4\n" for pid, comm, rss in rows]
    return f"# leaktop processes 1\n{''.join(lines)}".encode()


def tick(seconds: float, start: float = 100.0, **contents: bytes | Fault) -> Tick:
    """A tick so many seconds after the start; "__" stands for the slash in a probe's name."""
    return tick_of(seconds, contents, start)


def tick_of(seconds: float, contents: Mapping[str, bytes | Fault], start: float = 100.0) -> Tick:
    """The same of a mapping."""
    mono, wall = start + seconds, START + seconds
    samples = []
    for key, given in contents.items():
        fault = given if isinstance(given, Fault) else None
        content = given if isinstance(given, bytes) else None
        samples.append(RawSample(key.replace("__", "/"), content, fault, mono, wall, 0.002))
    return Tick(mono, wall, tuple(samples))


def growing(count: int = 300) -> list[Tick | Event]:
    """A slab that leaks, a process that comes and one that goes, a mount that fills; slower probes now and then."""
    entries: list[Tick | Event] = []
    for i in range(count):
        given: dict[str, bytes | Fault] = {"slabinfo": slabinfo(i), "meminfo": meminfo(9000000 - i)}
        if i % 2 == 0:
            given["tmpfs"] = f"# leaktop tmpfs 1\n/run\ttmpfs\t{4096 * i}\t{1 << 30}\t0:25\n".encode()
        if i % 10 == 0:
            listed = [(1, "init", 1 << 20), (812, "postgres", (1 << 20) + 4096 * i)]
            listed.append((900, "early", 1 << 22) if i < count // 2 else (901, "late", 1 << 23))
            given["processes"] = processes(*listed)
        if i == 0:
            given["vmallocinfo"] = capture("vmallocinfo/vm-7.2b.txt")
            given["kmemleak"] = Fault("missing", "this kernel has no kmemleak", "mount it")
        if i == 150:
            entries.append(Event(100.0 + i, START + i, "mark", "load on db01 begins"))
        entries.append(tick_of(i, given))
    return entries


def write(path: Path, *sessions: tuple[Header, Sequence[Tick | Event]]) -> Path:
    """The recording of these sessions."""
    file = RecordingFile(str(path), floor=0)
    for header, entries in sessions:
        encoder = Encoder(header, file.piece, file.chapter)
        for entry in entries:
            if isinstance(entry, Event):
                encoder.event(entry)
            else:
                encoder.tick(entry)
        encoder.close_chapter()
    assert file.close() is None
    return path


def write_growing(path: Path, count: int = 300) -> Path:
    """The recording of `growing`."""
    return write(path, (HEADER, growing(count)))
