"""Files that are read when somebody asks, not at every tick: their content, or in words why there is none."""

from __future__ import annotations

import errno
import os
from contextlib import closing

from leaktop.sources.files import KeptFiles, path_below
from leaktop.sources.machine import captured_machine, live_machine

_DEBUGFS = "sys/kernel/debug/"
_MOUNT_DEBUGFS = "debugfs is not mounted: mount -t debugfs none /sys/kernel/debug"
_ABSENT = {errno.ENOENT, errno.ENOTDIR, errno.ENODEV, errno.ENXIO, errno.ELOOP}


def read_on_request(root: str, relative: str, ceiling: int) -> bytes:
    """The whole content of a file below a root.

    Args:
        root: what /proc and /sys are below.
        relative: the file.
        ceiling: bytes; more is no sane answer.

    Raises:
        OSError: as open() and read() give it; EFBIG where there is more.
    """
    with closing(KeptFiles(root)) as files:
        return files.read(relative, ceiling)


def hindrance(root: str, relative: str, absent: str) -> str | None:
    """Why a file cannot be opened, without opening it: some cost much to open. None where it seems that it can.

    Args:
        root: what /proc and /sys are below.
        relative: the file.
        absent: what to say where there is none.
    """
    try:
        path = path_below(root, relative)
        os.stat(path)
    except OSError as error:
        return refusal(root, relative, error, absent)
    if not os.access(path, os.R_OK):
        return refusal(root, relative, OSError(errno.EACCES, ""), absent)
    return None


def refusal(root: str, relative: str, error: OSError, absent: str) -> str:
    """In words, what an error of opening or reading a file means, and what would help.

    Args:
        root: what /proc and /sys are below.
        relative: the file.
        error: what happened.
        absent: what to say where there is no such file.
    """
    if error.errno in _ABSENT:
        if root != "/":
            return f"/{relative} is not in this capture"
        if relative.startswith(_DEBUGFS) and not os.path.ismount("/sys/kernel/debug"):
            return _MOUNT_DEBUGFS
        return absent
    if error.errno in {errno.EACCES, errno.EPERM}:
        if root != "/":
            return f"/{relative}: no permission to read the capture"
        if os.geteuid() != 0:
            return f"/{relative} needs root: sudo leaktop"
        return f"/{relative} is denied even to root, by lockdown, a container or a security module"
    if error.errno == errno.EFBIG:
        return f"/{relative} is larger than any kernel prints"
    return f"/{relative}: {os.strerror(error.errno) if error.errno else error}"


def page_size_of(root: str) -> int:
    """Bytes of a page of the machine below a root."""
    return os.sysconf("SC_PAGE_SIZE") if root == "/" else captured_machine(root).page_size


def release_of(root: str) -> str:
    """The kernel's release below a root; empty where it is not known."""
    return (live_machine() if root == "/" else captured_machine(root)).release or ""
