"""tmpfs mounts: the list "tmpfs" that leaktop.sources.tmpfs writes, or a listing of `df` from a tree.

df prints "Filesystem [Type] 1K-blocks Used Available Use% Mounted on"; "-" for what it did not learn. Older
coreutils break the line after a long file system name. Complaints of df may stand before the header.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from leaktop.model.records import SharedMemory
from leaktop.model.sample import ParseError
from leaktop.parsers.lines import decode, number, rows, unescape

if TYPE_CHECKING:
    from collections.abc import Iterator

_HEADER = re.compile(r"^Filesystem\s+(Type\s+)?(\d{1,9})(K?)-blocks\s+Used\s+Avail.*$", re.MULTILINE)
_TYPES = {"tmpfs", "devtmpfs", "ramfs"}
_SOURCES = {*_TYPES, "shm", "udev"}
"""Names that tmpfs mounts carry in a listing without types."""


def parse_tmpfs(content: bytes) -> list[SharedMemory]:
    """Mounts in the order of their first line, one a mount point: of several on one point the last.

    Bytes; used is None where it is unknown, size None also where there is no limit.

    Raises:
        ParseError: the bytes are neither the list nor df's.
    """
    mounts = _listed(content) if content.startswith(b"# leaktop ") else _df(decode(content))
    return list({mount.name: mount for mount in mounts}.values())


def _listed(content: bytes) -> Iterator[SharedMemory]:
    for fields in rows(content, "tmpfs"):
        if len(fields) < 5:
            continue
        try:
            yield SharedMemory("tmpfs", unescape(fields[0]), number(fields[2]), number(fields[3]), None)
        except ValueError:
            continue


def _df(text: str) -> Iterator[SharedMemory]:
    found = _HEADER.search(text)
    if found is None:
        raise ParseError(f"not a df listing: {text[:60]!r}")
    is_typed = found[1] is not None
    unit = int(found[2]) * (1024 if found[3] else 1)
    wrapped = ""
    for line in text[found.end() :].split("\n"):
        cells = f"{wrapped} {line}".split(maxsplit=5 + is_typed)
        wrapped = ""
        if len(cells) < 6 + is_typed:
            wrapped = line if len(cells) == 1 else ""
            continue
        if not (cells[1] in _TYPES if is_typed else cells[0] in _SOURCES):
            continue
        blocks, used = cells[1 + is_typed], cells[2 + is_typed]
        try:
            size = number(blocks)
            # 0 of 0 is a mount without limit, which counts nothing.
            amount = (number(used) or 0) * unit if size and used != "-" else None
            yield SharedMemory("tmpfs", cells[-1], amount, size * unit if size else None, None)
        except ValueError:
            continue
