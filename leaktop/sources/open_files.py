"""Shared memory that only a descriptor holds: memfds and deleted files on a tmpfs, from /proc/PID/fd.

fs/proc/fd.c. memfd_create since 3.17; mnt_id in /proc/PID/fdinfo since 3.15. Also how many network namespaces
the processes live in (PID/ns/net, 3.0+): sockets of the others are not in /proc/net, their memory counts.
"""

from __future__ import annotations

import errno
import os
import re
from typing import NamedTuple

from leaktop.sources.fd_links import count_net_namespaces, list_pids, walk_fd_links
from leaktop.sources.files import path_below, read_small
from leaktop.sources.text_form import encode, escape

_DELETED = " (deleted)"
_MOUNT_ID = re.compile(rb"^mnt_id:\s*(\d+)", re.MULTILINE)
_CEILING = 16 << 20
_WHOLE_MACHINE = {errno.EMFILE, errno.ENFILE, errno.ENOMEM}


class _Open(NamedTuple):
    kind: str
    name: str
    used: str
    size: str
    pid: int
    fd: int
    holders: set[int]


def list_open_files(root: str) -> bytes:
    """The list "open_files": kind ("memfd", "deleted"), name, used, size, pid, comm, fd, holders.

    Bytes, "-" unknown, as sizes are in a captured tree. One row a file: pid, comm and fd of the first
    holder, and how many processes hold it. Two more lines are totals: "=", "netns", distinct network namespaces
    ("-" where none could be read), and "=", "unreadable", the processes whose descriptors are denied to us.

    Args:
        root: "/" for this machine, or the directory that holds a captured `proc`.

    Raises:
        OSError: /proc cannot be listed.
    """
    is_live = root == "/"
    proc = path_below(root, "proc")
    namespaces, unreadable = count_net_namespaces(proc)
    mounts = _MemoryMounts(proc)
    files: dict[tuple[int, int], _Open] = {}
    for pid, fd, link in walk_fd_links(proc, sorted(list_pids(proc))):
        if not link.endswith(_DELETED):
            continue
        kind = "memfd" if link.startswith("/memfd:") else "deleted"
        if kind == "deleted" and not mounts.hold(pid, fd, link):
            continue
        used = size = "-"
        identity = pid, fd
        if is_live:
            try:
                found = os.stat(f"{proc}/{pid}/fd/{fd}")
            except OSError:
                continue  # closed since
            identity = found.st_dev, found.st_ino
            used, size = str(found.st_blocks * 512), str(found.st_size)
        name = link.removesuffix(_DELETED)
        files.setdefault(identity, _Open(kind, name, used, size, pid, fd, set())).holders.add(pid)
    lines = [f"=\tnetns\t{namespaces or '-'}", f"=\tunreadable\t{unreadable}"]
    for file in files.values():
        comm = _read(f"{proc}/{file.pid}/comm").removesuffix(b"\n").decode("utf-8", "surrogateescape")
        row = (file.kind, escape(file.name), file.used, file.size, str(file.pid), escape(comm), str(file.fd))
        lines.append("\t".join((*row, str(len(file.holders)))))
    return encode("open_files", lines)


class _MemoryMounts:
    """Tells files on a tmpfs from others by their mount's id, which is unique over all mount namespaces.

    Not by stat(): a deleted file on a dead NFS server would hang it.
    """

    def __init__(self, proc: str) -> None:
        self._proc = proc
        self._fstypes: dict[bytes, bytes] = {}
        self._asked: set[int] = set()

    def hold(self, pid: int, fd: int, link: str) -> bool:
        found = _MOUNT_ID.search(_read(f"{self._proc}/{pid}/fdinfo/{fd}"))
        if found is None:
            return link.startswith("/dev/shm/")  # noqa: S108 - where mnt_id is missing; nothing is opened
        if found[1] not in self._fstypes and pid not in self._asked:
            self._asked.add(pid)
            for line in _read(f"{self._proc}/{pid}/mountinfo").split(b"\n"):
                left, _, right = line.partition(b" - ")
                self._fstypes[left.partition(b" ")[0]] = right.partition(b" ")[0]
        return self._fstypes.get(found[1]) in {b"tmpfs", b"devtmpfs"}


def _read(path: str) -> bytes:
    """Content of a file, b"" where it is gone or denied."""
    try:
        return read_small(path)
    except OSError as error:
        if error.errno in _WHOLE_MACHINE:
            raise
        return b""
