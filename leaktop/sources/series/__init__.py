"""What people already have, as ticks: captured trees named by their time, logs of a shell loop, sosreports, or tars;
and loose copies of kernel files.

Here is found out which of these a path is; each form has its own file.
"""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from typing import TYPE_CHECKING, NamedTuple

from leaktop.sources.series.logs import captures_of_log
from leaktop.sources.series.loose import gather_all
from leaktop.sources.series.moments import time_of_name
from leaktop.sources.series.packed import first_block, is_archive, is_compressed, open_unpacked, unpack, unpack_file
from leaktop.sources.series.session import Capture, SeriesError, Session, part
from leaktop.sources.series.trees import Tree, captures_of, find_trees

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["FORMS", "Series", "SeriesError", "Session", "first_block", "is_archive", "open_series"]

FORMS = (
    "what can be read: a directory or tar of captures named by their time (0/proc/meminfo, 30/proc/meminfo), "
    "a log of `date; cat /proc/meminfo; cat /proc/slabinfo` again and again, sosreports, "
    "a directory or tar of slabinfo, meminfo, sys_kernel_slab.txt, or of one such directory for each moment (000, 001)"
)
"""For people whose file is nothing of these."""
_SUFFIX = re.compile(r"\.(?:tar(?:\.[a-z0-9]{2,4})?|t[gx]z|tbz2?|tzst)\Z")


class Series(NamedTuple):
    """The captures of some paths, to be read as long as `open_series` has them open."""

    sessions: list[Session]
    """In the order in which they began."""
    notes: list[str]
    """What could not be read, or is not certain; complete when the last session was read."""


@contextlib.contextmanager
def open_series(paths: Sequence[str]) -> Iterator[Series]:
    """The captures that lie in files and directories, of one form or of several.

    Archives are unpacked into a private directory, which is removed at the end.

    Raises:
        SeriesError: there is not one capture in them, or there is no room to unpack them.
    """
    notes: list[str] = []
    trees: list[Tree] = []
    captures: list[Capture] = []
    with contextlib.ExitStack() as stack:
        try:
            for path in paths:
                _look(path, stack, trees, captures, notes)
            captures += captures_of(trees, notes)
        except OSError as error:
            raise SeriesError(f"{error.filename or ', '.join(paths)}: {error.strerror or error}") from error
        if not captures:
            raise SeriesError(f"{', '.join(paths)}: {'; '.join(['not one capture in it', *notes, FORMS])}")
        origin = ", ".join(os.path.basename(os.path.abspath(path)) for path in paths)
        yield Series(part(captures, origin, notes), notes)


def _look(path: str, stack: contextlib.ExitStack, trees: list[Tree], captures: list[Capture], notes: list[str]) -> None:
    """Find what a path holds."""
    absolute = os.path.abspath(path)
    parent, name = os.path.split(absolute)
    if os.path.isdir(path):
        found = find_trees(absolute, name, parent) or _gathered(absolute, name, parent, stack, notes)
        trees += found
        for inner in [] if found else _archives_in(absolute):
            _look(inner, stack, trees, captures, notes)
    elif is_archive(path):
        scratch = stack.enter_context(tempfile.TemporaryDirectory(prefix="leaktop-"))
        missing = unpack(path, scratch)
        if missing:
            notes.append(f"{name}: {missing}")
        stem = _SUFFIX.sub("", name)
        trees += find_trees(scratch, stem, parent) or _gathered(scratch, stem, parent, stack, notes)
    else:
        if is_compressed(path):
            scratch = stack.enter_context(tempfile.TemporaryDirectory(prefix="leaktop-"))
            plain = os.path.join(scratch, name)
            missing = unpack_file(path, plain)
            if missing:
                raise SeriesError(f"{path}: {missing}")
            os.utime(plain, (os.stat(path).st_mtime,) * 2)
            path = plain
        try:
            captures += captures_of_log(stack.enter_context(open_unpacked(path)), name, notes)
        except SeriesError as error:
            raise SeriesError(f"{error}; {FORMS}") from error


def _gathered(directory: str, name: str, series: str, stack: contextlib.ExitStack, notes: list[str]) -> list[Tree]:
    """The trees that loose copies make; one that lies alone in what was named is called as that is."""
    found = gather_all(
        directory, name, series, stack.enter_context(tempfile.TemporaryDirectory(prefix="leaktop-")), notes
    )
    if len(found) == 1 and time_of_name(found[0].name) is None:
        return [found[0]._replace(name=name, series=series)]
    return found


def _archives_in(directory: str) -> list[str]:
    """The archives in a directory; links are not followed."""
    with os.scandir(directory) as entries:
        files = sorted(entry.path for entry in entries if entry.is_file(follow_symlinks=False))
    found = []
    for path in files:
        with contextlib.suppress(OSError):  # one that may not be read hides no other
            if is_archive(path):
                found.append(path)
    return found
