"""Mounting the kernel's own file systems where they belong: debugfs, tracefs. mount(2), umount2(2)."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import ctypes

FileSystem = Literal["debugfs", "tracefs"]
PLACES: dict[FileSystem, str] = {"debugfs": "/sys/kernel/debug", "tracefs": "/sys/kernel/tracing"}
"""Where each is mounted by whoever mounts it."""
_NOSUID, _NODEV, _NOEXEC = 2, 4, 8
_REFUSALS = {
    errno.EPERM: "needs root, and a container may not",
    errno.EACCES: "needs root, and a container may not",
    errno.ENODEV: "this kernel does not have it",
    errno.ENOENT: "this kernel does not have it",
    errno.EBUSY: "it is in use",
}


class MountError(Exception):
    """The kernel refused; the message says why, for people."""


def is_mounted(name: FileSystem) -> bool:
    """Whether it is mounted in its place."""
    try:
        with open("/proc/self/mountinfo", "rb") as file:
            rows = [line.split() for line in file.read().split(b"\n")]
    except OSError:
        return False
    place, kind = PLACES[name].encode(), name.encode()
    return any(len(row) > 6 and row[4] == place and kind in row[row.index(b"-") :] for row in rows if b"-" in row)


def mount(name: FileSystem) -> None:
    """Mount it, for root only, as distributions do.

    Raises:
        MountError: the kernel refused.
    """
    libc = _libc()
    kind, place = name.encode(), PLACES[name].encode()
    if libc.mount(kind, place, kind, _NOSUID | _NODEV | _NOEXEC, b"mode=700"):
        raise _refused("mounting", name)


def unmount(name: FileSystem) -> None:
    """Take it away again; for whoever mounted it.

    Raises:
        MountError: the kernel refused, mostly since somebody uses it.
    """
    libc = _libc()
    if libc.umount2(PLACES[name].encode(), 0):
        raise _refused("unmounting", name)


def _libc() -> ctypes.CDLL:
    import ctypes  # noqa: PLC0415  # takes 5 ms, and few mount anything

    return ctypes.CDLL(None, use_errno=True)


def _refused(what: str, name: FileSystem) -> MountError:
    import ctypes  # noqa: PLC0415  # as above

    number = ctypes.get_errno()
    return MountError(f"{what} {name} at {PLACES[name]}: {_REFUSALS.get(number, os.strerror(number))}")
