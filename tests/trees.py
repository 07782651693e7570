"""Captured trees, built out of tests/data: what `--root` reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leaktop.engine.engine import Engine
from leaktop.engine.reading import read_everything
from leaktop.sources.filesystem import FileSystemSource
from tests.corpus import DATA

if TYPE_CHECKING:
    from pathlib import Path

    from leaktop.model.frame import Frame, Row
    from leaktop.model.sample import Tick

FILES = {
    "meminfo": "proc/meminfo",
    "zoneinfo": "proc/zoneinfo",
    "vmstat": "proc/vmstat",
    "slabinfo": "proc/slabinfo",
    "vmallocinfo": "proc/vmallocinfo",
    "allocinfo": "proc/allocinfo",
    "kmemleak": "sys/kernel/debug/kmemleak",
}
STATUS = """Name:\t{comm}
Pid:\t{pid}
FDSize:\t64
VmRSS:\t{rss} kB
RssAnon:\t{anon} kB
RssFile:\t{file} kB
RssShmem:\t0 kB
VmSwap:\t0 kB
Threads:\t1
"""
SHM = (
    "       key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid  cgid      atime      dtime"
    "      ctime                   rss                  swap\n"
    "         7          3   600               4194304   812   812      1     0     0     0     0 1 0 1"
    "               2097152                     0\n"
)
DF = (
    "Filesystem     1K-blocks  Used Available Use% Mounted on\n"
    "tmpfs               4096   128      3968   4% /run\n"
    "/dev/sda1        9999999  4444   5555555   1% /\n"
    "tmpfs              65536     0     65536   0% /dev/shm\n"
)


def put(root: Path, relative: str, content: bytes | str) -> Path:
    """Write one file of a tree."""
    path = root / relative
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def plant(root: Path, machine: str, kmemleak: str | None = None) -> Path:
    """The files that tests/data holds of one machine, where a capture has them."""
    for kind, relative in FILES.items():
        source = DATA / kind / f"{kmemleak if kind == 'kmemleak' else machine}.txt"
        if source.is_file():
            put(root, relative, source.read_bytes())
    for source in sorted((DATA / "net").glob(f"net_*__{machine}.txt")):
        put(root, f"proc/net/{source.name.partition('__')[0].removeprefix('net_')}", source.read_bytes())
    listing = DATA / "sysfs_slab" / f"{machine}.txt"
    if listing.is_file():
        put(root, "sos_commands/kernel/ls_-lt_.sys.kernel.slab", listing.read_bytes())
    return root


def plant_rest(root: Path) -> Path:
    """Processes, shared memory, mounts, and the release: what tests/data has no capture of."""
    put(root, "proc/sys/kernel/osrelease", "6.12.0-test\n")
    put(root, "proc/sysvipc/shm", SHM)
    put(root, "sos_commands/filesys/df_-al", DF)
    for pid, comm in ((812, "postgres"), (4711, "a b\\n)x")):
        put(root, f"proc/{pid}/status", STATUS.format(comm=comm, pid=pid, rss=300, anon=200, file=100))
        put(root, f"proc/{pid}/stat", f"{pid} ({comm}) S {' '.join(['0'] * 18)} {pid * 10} 0 0\n")
        put(root, f"proc/{pid}/comm", f"{comm}\n")
    return root


def tick_of(root: Path) -> Tick:
    """Everything that a tree holds, read once."""
    source = FileSystemSource(str(root))
    try:
        return read_everything(source)
    finally:
        source.close()


def frame_of(root: Path) -> Frame:
    """The first frame of a tree."""
    source = FileSystemSource(str(root))
    try:
        return Engine(source.machine).feed(read_everything(source))
    finally:
        source.close()


def rows_by_name(frame: Frame, section: str) -> dict[str, Row]:
    """The rows of a section by the name of their record."""
    return {row.record.name: row for row in frame.sections[section].rows}
