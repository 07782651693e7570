"""When each of some trees was captured: by its name, by what was printed into it, by its uptime, by its files' age.

Names are not always times: a loop that makes 000, 001, 002 ... counts. So what lies in a tree goes before a name that
could be a counter, and the age of its files does where it disagrees with such a name.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections import defaultdict
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from leaktop.sources.files import path_below, read_small
from leaktop.sources.series.moments import time_of_line, time_of_name
from leaktop.sources.series.session import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from leaktop.sources.series.trees import Tree

MARKS = (
    "proc/meminfo", "proc/slabinfo", "proc/vmallocinfo", "proc/zoneinfo", "proc/vmstat", "proc/net",
    "proc/allocinfo", "sys/kernel/slab", "sys/kernel/debug/kmemleak",
)  # fmt: skip
"""A directory with one of these in it is a captured tree."""
_FIRST_DATE = 946684800.0
"""2000-01-01. A file that is older was not captured then: its archive keeps no times."""
_UPTIME = re.compile(rb"([0-9]{1,10}\.[0-9]{2})(?: [0-9]{1,12}\.[0-9]{2})?\s*")
_COUNTED = 1.2, 2.0
"""Names that count are passed by the age of their files by more than this: a share, and seconds."""
_SMALL = 1 << 16


class Placed(NamedTuple):
    """A tree with its time, in seconds since the epoch."""

    tree: Tree
    wall: float
    booted: float | None = None
    """When its machine booted, where the series tells of more than one boot."""


class _Dated(NamedTuple):
    """A tree that bears no date, and what else it has."""

    tree: Tree
    number: float | None
    """What its name says: seconds since the series began, or a counter."""
    uptime: float | None
    age: float


def place(trees: Sequence[Tree], notes: list[str]) -> list[Placed]:
    """The trees with their times.

    A date in the name counts most, then one that was printed into the tree. Without one the uptime tells how far the
    trees of a series are apart, else their names do as seconds, and the first of them is as old as its files.

    Args:
        trees: of one series or of several.
        notes: takes a sentence for whatever is not certain.
    """
    placed: list[Placed] = []
    others: defaultdict[str, list[_Dated]] = defaultdict(list)
    for tree in trees:
        named = time_of_name(tree.name)
        is_date = named is not None and not named.is_relative
        date = named.seconds if named is not None and is_date else _printed_date(tree.root)
        if date is not None:
            placed.append(Placed(tree, date))
        else:
            number = named.seconds if named is not None else None
            others[tree.series].append(_Dated(tree, number, _uptime(tree.root), _age(tree.root)))
    unknown = 0
    for series in others.values():
        with_uptime = [one for one in series if one.uptime is not None]
        if len({one.uptime for one in with_uptime}) < len(with_uptime):
            with_uptime = []  # copies of one file
        left = [one for one in series if one not in with_uptime]
        placed += _by_uptime(with_uptime)
        placed += _by_name([one for one in left if one.number is not None], notes)
        unnamed = [Placed(one.tree, one.age) for one in left if one.number is None]
        unknown += len(unnamed)
        placed += unnamed
    if unknown:
        notes.append(f"{counted(unknown, 'capture')} with no time in name or content, placed by the age of the files")
    return placed


def _by_uptime(series: list[_Dated]) -> Iterator[Placed]:
    """Each boot from when its first tree's files say that it began; an uptime that falls begins another."""
    is_numbered = all(one.number is not None for one in series)
    series = sorted(series, key=lambda one: ((one.number or 0.0) if is_numbered else 0.0, one.uptime or 0.0))
    boots: list[list[_Dated]] = []
    for one in series:
        if not boots or (one.uptime or 0.0) < (boots[-1][-1].uptime or 0.0):
            boots.append([])
        boots[-1].append(one)
    end = 0.0
    for boot in boots:
        began = max(_beginning(boot[0], boot[0].uptime or 0.0), end)
        for one in boot:
            end = began + (one.uptime or 0.0)
            yield Placed(one.tree, end, began if len(boots) > 1 else None)


def _by_name(series: list[_Dated], notes: list[str]) -> list[Placed]:
    """Seconds from when the first tree's files say; where the names are counters, as the files say."""
    if not series:
        return []
    series = sorted(series, key=lambda one: one.number or 0.0)
    first, last = series[0], series[-1]
    share, seconds = _COUNTED
    named, aged = (last.number or 0.0) - (first.number or 0.0), last.age - first.age
    is_aged = first.age >= _FIRST_DATE and all(b.age > a.age for a, b in pairwise(series))
    if is_aged and aged > share * named + seconds:
        notes.append(f"{counted(len(series), 'capture')} whose names count, placed by the age of the files")
        return [Placed(one.tree, one.age) for one in series]
    began = _beginning(first, first.number or 0.0)
    return [Placed(one.tree, began + (one.number or 0.0)) for one in series]


def _beginning(one: _Dated, seconds: float) -> float:
    """When the clock stood at 0 that says so many seconds; 0 where the files' age is not known."""
    return one.age - seconds if one.age >= _FIRST_DATE else 0.0


def _age(root: str) -> float:
    """When the files were written, in seconds since the epoch; 0 where there are none."""
    for mark in MARKS:
        with contextlib.suppress(OSError):
            return os.stat(path_below(root, mark)).st_mtime
    return 0.0


def _uptime(root: str) -> float | None:
    """Seconds since the boot, of a copy of /proc/uptime or of its first field."""
    for relative in ("proc/uptime", "uptime"):
        found = _UPTIME.fullmatch(small(root, relative))
        if found:
            return float(found[1])
    return None


def _printed_date(root: str) -> float | None:
    """What `date` printed into a sosreport, or into a file of that name."""
    folder = "sos_commands/date"
    names: list[str] = []
    with contextlib.suppress(OSError):
        names = [name for name in os.listdir(path_below(root, folder)) if name.startswith("date")]
    # date_--utc before date: its zone needs no guess.
    dates = [f"{folder}/{name}" for name in sorted(names, key=lambda name: "utc" not in name)]
    for relative in [*dates, "date", "time"]:
        for line in small(root, relative).decode("utf-8", "replace").splitlines():
            found = time_of_line(line)
            if found is not None:
                return found
    return None


def small(root: str, relative: str) -> bytes:
    """A small file of a tree; nothing where there is none."""
    with contextlib.suppress(OSError):
        return read_small(path_below(root, relative), _SMALL)
    return b""
