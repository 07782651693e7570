"""Commands to /sys/kernel/debug/kmemleak (mm/kmemleak.c), and what the kernel's refusals mean."""

from __future__ import annotations

import contextlib
import errno
import os
import time

from leaktop.private_file import create_private
from leaktop.units import human_duration

PATH = "/sys/kernel/debug/kmemleak"

_REFUSALS = {
    errno.EPERM: "kmemleak is switched off, or lockdown forbids it",
    errno.EBUSY: "kmemleak is switched off",
    errno.ENOENT: "this kernel has no kmemleak, or debugfs is not mounted",
    errno.EACCES: "needs root: sudo leaktop",
    errno.EINTR: "interrupted while another scan was running",
    errno.ENOMEM: "the kernel had no memory for it",
    errno.EINVAL: "this kernel does not know the command",
}


class KmemleakError(Exception):
    """The kernel refused; the message says why, for people."""


def scan() -> float:
    """Scan all memory now. Blocks until the kernel is done: seconds, on a big machine minutes.

    Returns:
        seconds that it took.

    Raises:
        KmemleakError: the kernel refused.
    """
    began = time.monotonic()
    _write("scan")
    return time.monotonic() - began


def clear() -> None:
    """Make the kernel forget the objects that it has reported. They will not be listed again: there is no undo.

    Raises:
        KmemleakError: the kernel refused.
    """
    _write("clear")


def is_enabled() -> bool | None:
    """Whether the detector runs, told by its answer to a command that does nothing; None where that cannot be told.

    A dump without an address changes nothing: EINVAL comes from a detector that listens, EPERM (EBUSY up to 4.19)
    from one that is off. Waits for a scan that is under way.
    """
    try:
        descriptor = os.open(PATH, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        os.write(descriptor, b"dump=")
    except OSError as error:
        return {errno.EINVAL: True, errno.EPERM: False, errno.EBUSY: False}.get(error.errno or 0)
    finally:
        os.close(descriptor)
    return None


def save_report(content: bytes, directory: str) -> str:
    """Write a report to a new file of its own, mode 0600, and return its path.

    Raises:
        OSError: it cannot be written; then nothing should be cleared either.
    """
    stamp = time.strftime("%Y%m%d-%H%M%S")
    path = os.path.join(directory, f"kmemleak-{stamp}-{time.time_ns() % 10**9:09d}.txt")
    descriptor = create_private(path)
    try:
        with open(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(path)
        raise
    return path


def _write(command: str) -> None:
    try:
        descriptor = os.open(PATH, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            os.write(descriptor, command.encode())
        finally:
            os.close(descriptor)
    except OSError as error:
        why = _REFUSALS.get(error.errno or 0, os.strerror(error.errno) if error.errno else str(error))
        raise KmemleakError(f"{command!r} to {PATH}: {why}") from error


def describe_scan(seconds: float) -> str:
    """A clause for the pane: how long the scan took."""
    return f"scanned in {human_duration(seconds) if seconds >= 1 else f'{seconds * 1000:.0f} ms'}"
