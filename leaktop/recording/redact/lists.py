"""Redacts what leaktop itself lists (processes, owners of sockets, open files, mounts), and df's listing of mounts.

Rows that are not in the form are left out, since nobody can tell what they hold.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from leaktop.recording.redact.fakes import Fakes

_PROCESS = re.compile(rb"([0-9]+\t(?:[0-9]+|-)\t)([^\t]*)((?:\t(?:-?[0-9]+|-)){7,})")
_OWNER = re.compile(rb"([0-9]+\t[0-9]+\t[0-9]+\t)([^\t]*)")
_OPEN_FILE = re.compile(
    rb"((?:memfd|deleted)\t)([^\t]*)((?:\t(?:[0-9]+|-)){2}\t[0-9]+\t)([^\t]*)(\t[0-9]+\t[0-9]+)(?:\t.*)?"
)
_TOTAL = re.compile(rb"=\t[a-z_]+\t(?:[0-9]+|-)")
_MOUNT = re.compile(rb"([^\t]*)(\t(?:tmpfs|devtmpfs|ramfs)(?:\t(?:[0-9]+|-)){2}\t[0-9]+:[0-9]+)(?:\t.*)?")
_DF_HEADING = re.compile(
    rb"^Filesystem\s+(Type\s+)?[0-9]+K?-blocks\s+Used\s+Avail[a-z]*(?:\s+[A-Za-z%]+)*[ ]*$", re.MULTILINE
)
_MEMORY = {b"tmpfs", b"devtmpfs", b"ramfs"}
_SOURCES = {*_MEMORY, b"shm", b"udev"}
_FIGURE = re.compile(rb"[0-9]+%?|-")


def redact_processes(content: bytes, fakes: Fakes) -> bytes:
    """The list "processes" with other names."""

    def row(line: bytes) -> bytes | None:
        if _TOTAL.fullmatch(line):
            return line
        found = _PROCESS.fullmatch(line)
        return found[1] + fakes.comm(found[2]) + found[3] if found else None

    return _rewrite(content, b"processes", row)


def redact_owners(content: bytes, fakes: Fakes) -> bytes:
    """The list "socket_owners" with other names."""

    def row(line: bytes) -> bytes | None:
        found = _OWNER.fullmatch(line)
        return found[1] + fakes.comm(found[2]) if found else None

    return _rewrite(content, b"socket_owners", row)


def redact_open_files(content: bytes, fakes: Fakes) -> bytes:
    """The list "open_files" with other names of files and processes."""

    def row(line: bytes) -> bytes | None:
        if _TOTAL.fullmatch(line):
            return line
        found = _OPEN_FILE.fullmatch(line)
        if found is None:
            return None
        return found[1] + fakes.path(found[2]) + found[3] + fakes.comm(found[4]) + found[5]

    return _rewrite(content, b"open_files", row)


def redact_tmpfs(content: bytes, fakes: Fakes) -> bytes:
    """The list "tmpfs", or a listing of df, with other mount points; of df's only what lies in memory."""
    if not content.startswith(b"# leaktop "):
        return b"".join(_df(content, fakes))

    def row(line: bytes) -> bytes | None:
        found = _MOUNT.fullmatch(line)
        return fakes.mount(found[1]) + found[2] if found else None

    return _rewrite(content, b"tmpfs", row)


def _rewrite(content: bytes, form: bytes, row: Callable[[bytes], bytes | None]) -> bytes:
    heading, *lines = content.split(b"\n")
    if heading != b"# leaktop %b 1" % form:
        return b""
    kept = [line if not line else row(line) for line in lines]
    return b"\n".join([heading, *(line for line in kept if line is not None)])


def _df(content: bytes, fakes: Fakes) -> Iterator[bytes]:
    found = _DF_HEADING.search(content)
    if found is None:
        return
    yield found[0] + b"\n"
    is_typed = found[1] is not None
    wrapped = b""
    for line in content[found.end() :].split(b"\n"):
        cells = b" ".join((wrapped, line)).split(maxsplit=5 + is_typed)
        wrapped = b""
        if len(cells) < 6 + is_typed:
            wrapped = line if len(cells) == 1 else b""
            continue
        source, *figures, point = cells
        if (figures[0] not in _MEMORY) if is_typed else (source not in _SOURCES):
            continue
        if all(map(_FIGURE.fullmatch, figures[is_typed:])):
            name = source if source in _SOURCES else b"none"
            yield b" ".join((name, *figures, fakes.mount(point))) + b"\n"
