"""The text form "socket_owners" that leaktop.sources.socket_owners writes: inode, pid, fd, comm."""

from __future__ import annotations

from leaktop.model.records import Owner
from leaktop.parsers.lines import rows, unescape


def parse_socket_owners(content: bytes) -> dict[int, tuple[Owner, ...]]:
    """Inode of a socket to the descriptors that hold it. Rows that are not in the form are skipped.

    Raises:
        ParseError: the bytes are not this text form.
    """
    owners: dict[int, list[Owner]] = {}
    for row in rows(content[: content.rfind(b"\n") + 1], "socket_owners"):  # without a line that was cut short
        if len(row) < 4:
            continue
        inode, pid, fd, comm = row[:4]
        try:
            owner = Owner(pid=int(pid), comm=unescape(comm), fd=int(fd))
            owners.setdefault(int(inode), []).append(owner)
        except ValueError:
            continue
    return {inode: tuple(held) for inode, held in owners.items()}
