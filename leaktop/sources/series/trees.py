"""Captured trees: directories with a `proc` or a `sys` in them, named by their time, or sosreports."""

from __future__ import annotations

import contextlib
import os
import re
from typing import TYPE_CHECKING, NamedTuple

from leaktop.model.sample import Fault, RawSample
from leaktop.sources.files import path_below, read_small
from leaktop.sources.filesystem import FileSystemSource
from leaktop.sources.series.moments import time_of_line, time_of_name
from leaktop.sources.series.session import Capture, SeriesError, counted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from leaktop.model.sample import Probe

_MARKS = (
    "proc/meminfo", "proc/slabinfo", "proc/vmallocinfo", "proc/zoneinfo", "proc/vmstat", "proc/net",
    "sys/kernel/slab", "sys/kernel/debug/kmemleak",
)  # fmt: skip
"""A directory with one of these in it is a captured tree."""
_DEEPEST = 3
"""Levels below what was named on which trees are looked for: series/0/proc, reports/sosreport-web1/proc."""
_FIRST_DATE = 946684800.0
"""2000-01-01. A file that is older was not captured then: its archive keeps no times."""
_SMALL = 1 << 16


class Tree(NamedTuple):
    """A captured tree."""

    root: str
    """Where it lies."""
    name: str
    """What it is called, which may be its time."""
    series: str
    """What it lies in: relative times count from one beginning in there."""


def find_trees(directory: str, name: str, series: str, depth: int = 0) -> list[Tree]:
    """The trees in a directory, or the directory itself if it is one; links are not followed.

    Args:
        directory: where to look.
        name: what the directory is called.
        series: what it lies in.
        depth: how many levels were gone down so far.
    """
    if any(os.path.lexists(os.path.join(directory, mark)) for mark in _MARKS):
        return [Tree(directory, name, series)]
    if depth == _DEEPEST:
        return []
    with contextlib.suppress(OSError), os.scandir(directory) as entries:
        inner = sorted((e for e in entries if e.is_dir(follow_symlinks=False)), key=lambda entry: entry.name)
        return [tree for entry in inner for tree in find_trees(entry.path, entry.name, directory, depth + 1)]
    return []


def captures_of(trees: list[Tree], notes: list[str]) -> list[Capture]:
    """The trees with their times, not read yet.

    A sosreport's time is what `date` printed in it. Another tree's is what its name says; relative seconds count from a
    beginning such that the first tree is as old as its files. Where the name is no time, the files' age is taken.

    Raises:
        SeriesError: one of them is this machine.
    """
    beginnings: dict[str, tuple[float, float]] = {}
    times: list[tuple[Tree, float, bool]] = []
    undated = 0
    for tree in trees:
        if os.path.samefile(tree.root, "/"):
            raise SeriesError("/ is this machine, no capture of one")
        named = time_of_name(tree.name)
        age = _age(tree.root)
        if named is not None:
            times.append((tree, named.seconds, named.is_relative))
            if named.is_relative:
                base = age - named.seconds if age >= _FIRST_DATE else 0.0
                beginnings[tree.series] = min(beginnings.get(tree.series, (named.seconds, base)), (named.seconds, base))
            continue
        printed = _printed_date(tree.root)
        undated += printed is None
        times.append((tree, age if printed is None else printed, False))
    if undated:
        notes.append(f"{counted(undated, 'capture')} with no time in name or content, placed by the age of the files")
    return [
        _capture(tree, seconds + (beginnings[tree.series][1] if is_relative else 0.0))
        for tree, seconds, is_relative in times
    ]


def _capture(tree: Tree, wall: float) -> Capture:
    memory = re.search(rb"^MemTotal: *([0-9]{1,20}) kB$", _small(tree.root, "proc/meminfo"), re.MULTILINE)
    booted = re.search(rb"^btime ([0-9]{1,12})$", _small(tree.root, "proc/stat"), re.MULTILINE)
    source = FileSystemSource(tree.root, is_read_only=True)
    source.close()
    return Capture(
        tree.name,
        wall,
        wall,
        source.machine,
        source.probes,
        _reader(tree.root),
        int(memory[1]) if memory else None,
        float(booted[1]) if booted else None,
    )


def _reader(root: str) -> Callable[[], Iterable[RawSample]]:
    def read() -> list[RawSample]:
        source = FileSystemSource(root, is_read_only=True)
        try:
            return [sample for probe in source.probes if (sample := _sample(source, probe)) is not None]
        finally:
            source.close()

    return read


def _sample(source: FileSystemSource, probe: Probe) -> RawSample | None:
    try:
        return source.read(probe)
    except Exception as error:  # whatever a strange tree holds, the other captures are to be had
        reason = f"leaktop failed to read {probe.path} ({type(error).__name__}: {error})"
        return RawSample(probe.name, None, Fault("failed", reason, "report it"), 0.0, 0.0)


def _age(root: str) -> float:
    """When the files were written, in seconds since the epoch; 0 where there are none."""
    for mark in _MARKS:
        with contextlib.suppress(OSError):
            return os.stat(path_below(root, mark)).st_mtime
    return 0.0


def _printed_date(root: str) -> float | None:
    """What `date` printed into a sosreport."""
    folder = "sos_commands/date"
    names: list[str] = []
    with contextlib.suppress(OSError):
        names = [name for name in os.listdir(path_below(root, folder)) if name.startswith("date")]
    # date_--utc before date: its zone needs no guess.
    for relative in [*(f"{folder}/{name}" for name in sorted(names, key=lambda name: "utc" not in name)), "date"]:
        for line in _small(root, relative).decode("utf-8", "replace").splitlines():
            found = time_of_line(line)
            if found is not None:
                return found
    return None


def _small(root: str, relative: str) -> bytes:
    with contextlib.suppress(OSError):
        return read_small(path_below(root, relative), _SMALL)
    return b""
