"""What people send: a file of any bytes to `leaktop import`, and archives that only an enemy makes.

Neither may write, read or leave anything outside of the directory that it is unpacked to.
"""

from __future__ import annotations

import bz2
import contextlib
import gzip
import io
import lzma
import os
import shutil
import stat
import tarfile
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from leaktop.sources.series import SeriesError, open_series
from leaktop.sources.series.packed import unpack
from leaktop.zstd import ZstdCompressor
from tests.corpus import DATA

if TYPE_CHECKING:
    from collections.abc import Iterator

_MOST_TICKS = 20
_NAMES = (
    "proc/meminfo", "proc/slabinfo", "a/proc/meminfo", "../escaped", "proc/../../escaped", "/etc/leaktop-escaped",
    "proc/net", "proc/net/tcp", "proc/self", "proc/1/status", "proc/1/net/unix", "sys/kernel/slab/dentry",
    "sys/kernel/slab/dentry/aliases", "sys/kernel/slab/:a-0000192", "slabinfo.txt", "000/meminfo", "date", "./date",
    "proc", "sys/kernel/slab", "", ".", "..", "a//b", "\x1b]0;t\x07/proc/meminfo", "x" * 300, "proc/1/net",
    "sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "etc/hostname", "proc/sys/kernel/osrelease",
)  # fmt: skip
_LINKS = (
    "/etc/passwd", "../../../../etc/passwd", "..", ".", "self/net", "1", "1/net", "dentry", ":a-0000192", "/", "/proc",
    "proc/meminfo", "../meminfo", "\0", "x" * 300, "net", "self", "task/1", "1/task/1",
)  # fmt: skip
_TYPES = (
    tarfile.REGTYPE, tarfile.REGTYPE, tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE,
    tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE, tarfile.CONTTYPE, tarfile.GNUTYPE_SPARSE, b"Z",
)  # fmt: skip
_CONTENTS = (
    b"MemTotal: 100 kB\nMemFree: 9 kB\n", b"slabinfo - version: 2.1\n", b"", b"x" * 5000, b"1.5 2.5\n", b"\0" * 700,
)  # fmt: skip


def _zstd(content: bytes) -> bytes:
    compressor = ZstdCompressor()
    return compressor.compress(content) + compressor.flush()


_PACKERS = (bytes, gzip.compress, bz2.compress, lzma.compress, _zstd)


def import_bytes(content: bytes) -> None:
    """A file of these bytes, whatever it turns out to be."""
    with _sandbox() as place:
        path = place / "given"
        path.write_bytes(content)
        _import(path)


def import_recipe(content: bytes) -> None:
    """A tar whose members the bytes choose: names, kinds, links, sizes that lie; compressed once or not; cut."""
    if len(content) < 3:
        return
    with _sandbox() as place:
        path = place / "given.tar"
        path.write_bytes(_tar(content))
        target = place / "inside"
        target.mkdir()
        with contextlib.suppress(SeriesError):
            unpack(str(path), str(target))
        _check_inside(target)
        _import(path)


def _tar(content: bytes) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=content[0] % 3) as tar:
        for at in range(3, len(content) - 4, 5):
            name, kind, link, body, odd = content[at : at + 5]
            member = tarfile.TarInfo(_NAMES[name % len(_NAMES)])
            member.type = _TYPES[kind % len(_TYPES)]
            member.linkname = _LINKS[link % len(_LINKS)].replace("\0", "")
            inside = _CONTENTS[body % len(_CONTENTS)]
            member.size = len(inside) if member.type in {tarfile.REGTYPE, tarfile.CONTTYPE} else 0
            member.mtime = odd << (odd % 60)
            member.mode = odd * 257 % 0o10000
            if odd % 7 == 0:
                member.pax_headers = {"path": _NAMES[link % len(_NAMES)], "size": str(odd << 30), "mtime": "nan"}
            with contextlib.suppress(ValueError, OverflowError):
                tar.addfile(member, io.BytesIO(inside) if member.size else None)
    made = packed.getvalue()
    return _PACKERS[content[1] % len(_PACKERS)](made)[: None if content[2] < 200 else -(content[2] * 3)]


def _import(path: Path) -> None:
    with contextlib.suppress(SeriesError), open_series([str(path)]) as series:
        ticks = 0
        for session in series.sessions:
            for _ in session.steps():
                ticks += 1
                if ticks > _MOST_TICKS:
                    return


def _check_inside(target: Path) -> None:
    """Plain files and directories that only their owner may use, and links that lead nowhere else."""
    for directory, names, files in os.walk(target):
        for name in (*names, *files):
            path = Path(directory, name)
            mode = path.lstat().st_mode
            if stat.S_ISLNK(mode):
                assert Path(os.path.realpath(path)).is_relative_to(target), path
            else:
                assert stat.S_ISREG(mode) or stat.S_ISDIR(mode), path
                assert mode & 0o077 == 0, path


@contextlib.contextmanager
def _sandbox() -> Iterator[Path]:
    """A directory for all of it, also for what is unpacked, that must hold nothing more at the end."""
    shared = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    place = Path(tempfile.mkdtemp(prefix="leaktop-fuzz-", dir=shared))
    scratch, before = place / "scratch", tempfile.tempdir
    scratch.mkdir()
    tempfile.tempdir = str(scratch)
    try:
        yield place
        assert list(scratch.iterdir()) == []
        assert {path.name for path in place.iterdir()} <= {"given", "given.tar", "inside", "scratch"}
        assert not Path("/etc/leaktop-escaped").exists()
    finally:
        tempfile.tempdir = before
        shutil.rmtree(place)


def files() -> list[bytes]:
    """A log, an archive, one that is compressed, one file of a capture."""
    log = b"Sat Nov 21 11:20:00 UTC 2026\n" + (DATA / "meminfo/live-6.18.txt").read_bytes()
    return [
        log,
        log + log,
        gzip.compress(log),
        *map(_tar, recipes()),
        (DATA / "slabinfo/live-6.18.txt").read_bytes()[:4000],
    ]


def recipes() -> list[bytes]:
    """Every name, every kind, every link once; and some that build on each other."""
    head = bytes(3)
    return [
        head + b"".join(bytes((at, 0, 0, 0, 9)) for at in range(len(_NAMES))),
        head + b"".join(bytes((at % 11, kind, at, 0, 1)) for at, kind in enumerate(range(len(_TYPES)))),
        head + b"".join(bytes((11, 4, link, 0, 1)) + bytes((12, 0, 0, 0, 1)) for link in range(len(_LINKS))),
        b"\x01\x01\x00" + bytes((6, 4, 4, 0, 1)) + bytes((7, 0, 0, 0, 1)),
        b"\x02\x04\xc9" + bytes((0, 0, 0, 0, 7)) * 3,
    ]
