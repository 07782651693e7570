"""Captured trees: directories with a `proc` or a `sys` in them, named by their time, or sosreports."""

from __future__ import annotations

import contextlib
import os
import re
from typing import TYPE_CHECKING, NamedTuple

from leaktop.model.sample import Fault, RawSample
from leaktop.sources.filesystem import FileSystemSource
from leaktop.sources.series.placing import MARKS, Placed, place, small
from leaktop.sources.series.session import Capture, SeriesError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from leaktop.model.sample import Probe

DEEPEST = 3
"""Levels below what was named on which trees are looked for: series/0/proc, reports/sosreport-web1/proc."""


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
    if any(os.path.lexists(os.path.join(directory, mark)) for mark in MARKS):
        return [Tree(directory, name, series)]
    if depth == DEEPEST:
        return []
    with contextlib.suppress(OSError), os.scandir(directory) as entries:
        inner = sorted((e for e in entries if e.is_dir(follow_symlinks=False)), key=lambda entry: entry.name)
        return [tree for entry in inner for tree in find_trees(entry.path, entry.name, directory, depth + 1)]
    return []


def captures_of(trees: list[Tree], notes: list[str]) -> list[Capture]:
    """The trees with their times, not read yet.

    Raises:
        SeriesError: one of them is this machine.
    """
    for tree in trees:
        if os.path.samefile(tree.root, "/"):
            raise SeriesError("/ is this machine, no capture of one")
    return [_capture(placed) for placed in place(trees, notes)]


def _capture(placed: Placed) -> Capture:
    tree, wall = placed.tree, placed.wall
    memory = re.search(rb"^MemTotal: *([0-9]{1,20}) kB$", small(tree.root, "proc/meminfo"), re.MULTILINE)
    booted = re.search(rb"^btime ([0-9]{1,12})$", small(tree.root, "proc/stat"), re.MULTILINE)
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
        float(booted[1]) if booted else placed.booted,
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
