"""Loose copies of kernel files, as people attach them to mails: slabinfo.txt, meminfo, `ls -l /sys/kernel/slab`.

They are put where a captured tree has them, so that they are read like any other. A loop that copies them again and
again makes a directory of them for each moment.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections import defaultdict

from leaktop.sources.files import KeptFiles
from leaktop.sources.series.log_forms import FORMS
from leaktop.sources.series.session import some
from leaktop.sources.series.trees import DEEPEST, Tree

_KINDS = (
    "meminfo", "slabinfo", "vmallocinfo", "allocinfo", "zoneinfo", "vmstat", "kmemleak", "version", "cmdline", "uname",
    "hostname", "uptime", "date", "time",
)  # fmt: skip
LOOSE_NAME = (
    rf"(?:[\w.+~-]{{0,60}}[._-])?(?:(?P<kind>{'|'.join(_KINDS)})|(?P<listing>"
    r"sys[._-]kernel[._-]slab|slab[._-](?:links|aliases|merged)|(?:ls|ll)(?:[._-]l[a-zA-Z]*)?[._-]slab))"
    r"(?:[._-][\w.+~-]{0,60}|[0-9]{0,3})"
)
"""proc_slabinfo, slabinfo.txt, meminfo-2026-11-21, sys_kernel_slab.txt, ls-l_sys_kernel_slab."""
_NAME = re.compile(LOOSE_NAME, re.IGNORECASE)
_PLACES = {
    "kmemleak": "sys/kernel/debug/kmemleak",
    "version": "proc/version",
    "cmdline": "proc/cmdline",
    "uname": "uname",
    "hostname": "hostname",
    "uptime": "uptime",
    "date": "date",
    "time": "time",
    "listing": "sos_commands/loose/ls_-lR_.sys.kernel.slab",
}
"""Below the root of a tree; of the others proc/KIND."""
_TELLING = {"meminfo", "slabinfo", "vmallocinfo"}
"""With none of these there is no capture: all else is beside them."""
_LISTED = re.compile(rb"^[dl][-rwxsStT]{9}[.+@]? .*", re.MULTILINE)
_FORMS = {form.probe: form for form in FORMS}
_LARGEST = 64 << 20


def gather_all(directory: str, name: str, series: str, scratch: str, notes: list[str], depth: int = 0) -> list[Tree]:
    """Make trees of the loose copies in a directory, or in each of those below it; links are not followed.

    Args:
        directory: where to look.
        name: what it is called.
        series: what it lies in.
        scratch: a private directory, which takes the trees.
        notes: takes a sentence for what was left out.
        depth: how many levels were gone down so far.
    """
    place = os.path.join(scratch, str(len(os.listdir(scratch))))
    if gather(directory, place, notes):
        return [Tree(place, name, series)]
    if depth == DEEPEST:
        return []
    with contextlib.suppress(OSError), os.scandir(directory) as entries:
        inner = sorted((e for e in entries if e.is_dir(follow_symlinks=False)), key=lambda entry: entry.name)
        return [
            tree for entry in inner for tree in gather_all(entry.path, entry.name, directory, scratch, notes, depth + 1)
        ]
    return []


def gather(directory: str, tree: str, notes: list[str]) -> bool:
    """Make a tree of the loose copies that lie in a directory itself; links are not followed.

    Args:
        directory: where they lie.
        tree: a directory to be made, which takes them.
        notes: takes a sentence for what was left out.

    Returns:
        whether there is a capture in it.
    """
    found: defaultdict[str, list[tuple[str, bytes]]] = defaultdict(list)
    for name in sorted(_names(directory), key=lambda name: (len(name), name)):
        matched = _NAME.fullmatch(name)
        if matched is None:
            continue
        kind = (matched["kind"] or "listing").lower()
        content = _dump(kind, _content(directory, name))
        if content:
            found[kind].append((name, content))
    if found.keys().isdisjoint(_TELLING):
        return False
    for kind, copies in found.items():
        name, content = copies[0]
        _put(os.path.join(tree, _PLACES.get(kind, f"proc/{kind}")), content, os.path.join(directory, name))
    others = [name for copies in found.values() for name, _ in copies[1:]]
    if others:
        notes.append(
            f"{some(others)} left out: one moment is read of a directory; for more, put each into a directory named by "
            "its time"
        )
    return True


def _names(directory: str) -> list[str]:
    with contextlib.suppress(OSError), os.scandir(directory) as entries:
        return [entry.name for entry in entries if entry.is_file(follow_symlinks=False)]
    return []


def _content(directory: str, name: str) -> bytes:
    """Of a plain file of a sane size; else nothing."""
    with contextlib.suppress(OSError), contextlib.closing(KeptFiles(directory)) as files:
        return files.read(name, _LARGEST).replace(b"\r\n", b"\n")
    return b""


def _dump(kind: str, content: bytes) -> bytes:
    """What the kernel printed, without the shell's prompt before it or a signature behind it."""
    if kind == "listing":
        return b"".join(line + b"\n" for line in _LISTED.findall(content))
    form = _FORMS.get(kind)
    if form is None:
        return content
    lines: list[bytes] = []
    for line in content.split(b"\n"):
        if form.line.fullmatch(line) if lines else form.opening.fullmatch(line):
            lines.append(line)
        elif lines:
            break
    return b"".join(line + b"\n" for line in lines)


def _put(path: str, content: bytes, original: str) -> None:
    """Write a copy that is as old as its original: where nothing else tells the time, that does."""
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    with open(path, "wb") as file:
        file.write(content)
    with contextlib.suppress(OSError, OverflowError, ValueError):
        age = os.lstat(original).st_mtime
        os.utime(path, (age, age))
