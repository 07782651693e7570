"""Series of captures, built out of tests/data: trees that change from one moment to the next, logs and tars of them."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import re
import sys
import tarfile
from typing import TYPE_CHECKING

from leaktop.model.sample import Tick
from leaktop.sources.series import open_series
from tests.trees import plant, plant_rest, put

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from leaktop.model.sample import Event, Machine

COMPRESSIONS: dict[str, Callable[[bytes], bytes]] = {
    ".tar": bytes,
    ".tar.gz": gzip.compress,
    ".tgz": gzip.compress,
    ".tar.bz2": bz2.compress,
    ".tar.xz": lzma.compress,
    ".tar.zst": zstd.compress,
}
AT = 1_795_262_400.0
"""2026-11-21 12:00:00 UTC."""
LOGGED = ("meminfo", "slabinfo", "vmallocinfo", "zoneinfo", "vmstat")


def grow(content: bytes, step: int) -> bytes:
    """A dump some time later: every cache has more objects, and the kernel more memory."""
    content = re.sub(
        rb"^((?!MemTotal)\S+: +)([0-9]+)( kB)$",
        lambda found: b"%s%d%s" % (found[1], int(found[2]) + 100 * step, found[3]),
        content,
        flags=re.MULTILINE,
    )
    return re.sub(
        rb"^(\S+ +)([0-9]+)( +)([0-9]+)(.* : tunables)",
        lambda found: b"%s%s%s%d%s" % (found[1], found[2], found[3], int(found[4]) + step, found[5]),
        content,
        flags=re.MULTILINE,
    )


def plant_series(root: Path, names: tuple[str, ...] = ("0", "30", "60"), machine: str = "live-6.18") -> list[Path]:
    """Trees of one machine, each later than the one before, named so."""
    trees = []
    for step, name in enumerate(names):
        tree = plant_rest(plant(root / name, machine))
        for kind in ("meminfo", "slabinfo"):
            path = tree / "proc" / kind
            if path.is_file():
                path.write_bytes(grow(path.read_bytes(), step))
                os.utime(path, (AT + 30 * step, AT + 30 * step))
        (tree / "sys/kernel/slab/:0000064").mkdir(parents=True)
        (tree / "sys/kernel/slab/kmalloc-64").symlink_to(":0000064")
        trees.append(tree)
    return trees


def dump(tree: Path, kinds: tuple[str, ...] = LOGGED) -> bytes:
    """What `cat` of the kernel files of a tree prints."""
    return b"".join(path.read_bytes() for kind in kinds if (path := tree / "proc" / kind).is_file())


def pack(root: Path, suffix: str, name: str = "series") -> Path:
    """A tar of a directory, compressed as its suffix says."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as tar:
        tar.add(root, arcname=root.name)
    path = root.parent / f"{name}{suffix}"
    path.write_bytes(COMPRESSIONS[suffix](plain.getvalue()))
    return path


def read_all(*paths: Path) -> tuple[list[list[Tick | Event]], list[Machine], list[str]]:
    """The steps of every session, their machines, and the notes."""
    with open_series([str(path) for path in paths]) as series:
        steps = [list(session.steps()) for session in series.sessions]
        return steps, [session.machine for session in series.sessions], series.notes


def ticks_of(*paths: Path) -> list[Tick]:
    """The ticks of a series of one session."""
    (steps,), _, _ = read_all(*paths)
    return [step for step in steps if isinstance(step, Tick)]


def contents(tick: Tick) -> dict[str, bytes]:
    """What a tick holds, by probe, faults left out."""
    return {sample.probe: sample.content for sample in tick.samples if sample.content is not None}


def write(path: Path, content: bytes, age: float = AT) -> Path:
    """A file as old as told."""
    put(path.parent, path.name, content)
    os.utime(path, (age, age))
    return path
