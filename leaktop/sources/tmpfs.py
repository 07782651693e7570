"""What lies in tmpfs, devtmpfs and ramfs mounts: /proc/self/mountinfo (2.6.26+) and statvfs of each.

fs/proc_namespace.c, mm/shmem.c (shmem_statfs). Only the mounts of our own mount namespace. A captured tree
has no mounts to ask: there the listing of df that sosreport keeps is handed over as it is.
"""

from __future__ import annotations

import os
import re
from contextlib import closing
from typing import NamedTuple

from leaktop.sources.files import KeptFiles, path_below
from leaktop.sources.text_form import encode, escape

_OCTAL = re.compile(rb"\\([0-7]{3})")
_MEMORY = {"tmpfs", "devtmpfs", "ramfs"}
_STALLING = re.compile(r"nfs|cifs|smb|9p|ceph|afs|lustre|gfs2|ocfs2|fuse")
"""File systems whose server can leave a path walk waiting for ever."""
_BLOCKS = re.compile(rb"^Filesystem\s.*\b(?:1K|1024)-blocks\s", re.MULTILINE)
_CEILING = 4 << 20
_UNKNOWN = ("-", "-")


class _Mount(NamedTuple):
    parent: str
    device: str
    point: str
    fstype: str


def list_tmpfs(root: str) -> bytes:
    """The list "tmpfs": mount, fstype, used, size, device ("major:minor"); bytes, "-" unknown or no limit.

    Bind mounts of one device are all listed, each with the use of the whole device. Used is unknown for a
    mount that the kernel does not count (ramfs, no size limit), that another one covers, that is denied, or
    that lies below a network file system, which could hang us. For a captured tree: the bytes of its df listing.

    Args:
        root: "/" for this machine, or the directory that holds a captured tree.

    Raises:
        OSError: mountinfo cannot be read.
        FileNotFoundError: the tree has no df listing.
    """
    if root != "/":
        return _captured(root)
    with open("/proc/self/mountinfo", "rb") as file:
        mounts = _mounts(file.read())
    # Of several mounts on one point only the last can be reached; dict keeps that one.
    shown = {mount.point: mount for mount in mounts.values() if mount.fstype in _MEMORY}
    lines = []
    for mount in shown.values():
        used, size = _UNKNOWN if _may_stall(mount, mounts) else _amounts(mount)
        lines.append("\t".join((escape(mount.point), mount.fstype, used, size, mount.device)))
    return encode("tmpfs", lines)


def _mounts(content: bytes) -> dict[str, _Mount]:
    found = {}
    for line in content.split(b"\n"):
        left, _, right = line.partition(b" - ")
        fields = left.split(b" ")
        if len(fields) < 6 or not right:
            continue
        identity, parent, device = (field.decode("ascii", "replace") for field in fields[:3])
        point = _OCTAL.sub(lambda match: bytes([int(match[1], 8) & 0xFF]), fields[4])
        fstype = right.partition(b" ")[0].decode("utf-8", "replace")
        found[identity] = _Mount(parent, device, point.decode("utf-8", "surrogateescape"), fstype)
    return found


def _may_stall(mount: _Mount, mounts: dict[str, _Mount]) -> bool:
    # The root itself is not asked about: if that hangs, nothing on this machine runs.
    above = mounts.get(mount.parent)
    for _ in mounts:
        if above is None or above.point == "/":
            return False
        if _STALLING.match(above.fstype):
            return True
        above = mounts.get(above.parent)
    return False


def _amounts(mount: _Mount) -> tuple[str, str]:
    path = mount.point.encode("utf-8", "surrogateescape")
    try:
        device = os.stat(path).st_dev
        counts = os.statvfs(path)
    except OSError:
        return _UNKNOWN
    # A mount without limit counts no blocks at all, as does ramfs: 0 of 0 says nothing about what is used.
    if f"{os.major(device)}:{os.minor(device)}" != mount.device or counts.f_blocks == 0:
        return _UNKNOWN
    return str((counts.f_blocks - counts.f_bfree) * counts.f_frsize), str(counts.f_blocks * counts.f_frsize)


def _captured(root: str) -> bytes:
    folder = "sos_commands/filesys"
    names = sorted(name for name in os.listdir(path_below(root, folder)) if name.startswith("df"))
    with closing(KeptFiles(root)) as files:
        for name in names:
            try:
                content = files.read(f"{folder}/{name}", _CEILING)
            except OSError:
                continue
            if _BLOCKS.search(content):
                return content
    raise FileNotFoundError(2, "no df listing in 1K blocks", os.path.join(root, folder))
