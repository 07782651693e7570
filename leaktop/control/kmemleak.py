"""Every command that /sys/kernel/debug/kmemleak takes: kmemleak_write() in mm/kmemleak.c. What it refuses, in words."""

from __future__ import annotations

import errno
import os
import re
import time

from leaktop.control.kernel_log import LogTail
from leaktop.control.kmemleak_state import why_closed, why_refused
from leaktop.private_file import create_private, remove_private
from leaktop.units import human_duration

PATH = "/sys/kernel/debug/kmemleak"
MINIMUM_AGE = 5.0
"""Seconds that an object is not reported yet: MSECS_MIN_AGE."""
LONGEST_INTERVAL = (1 << 32) // 1000 - 1
"""Seconds between automatic scans at most: the kernel counts milliseconds in 32 bits, and cuts off what is more."""
_ADDRESS = re.compile(r"0x[0-9a-f]{1,16}")
_DUMPED = re.compile(r"Object (0x[0-9a-f]{1,16}) \(size [0-9]+\):")
_FRAME = re.compile(r"\s+(?:\[<.*>\] )?\S+\+0x[0-9a-f]+/0x[0-9a-f]+.*|\s+0x[0-9a-f]+")


class KmemleakError(Exception):
    """The kernel refused, or was not even asked; the message says why, for people."""


def scan() -> float:
    """Scan all memory now. Blocks until the kernel is done: seconds, on a big machine minutes.

    A signal ends it early, so that a process that quits meanwhile need not wait: scan_should_stop().

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

    Of a detector that is off this frees the memory that its records still take.

    Raises:
        KmemleakError: the kernel refused.
    """
    _write("clear")


def set_automatic_scans(when: bool | int) -> None:
    """Let the kernel scan by itself every so often, or no more.

    Args:
        when: seconds between scans; True for the interval that was set last (600 after boot), False for never.

    Raises:
        KmemleakError: the kernel refused, or that is no interval.
    """
    if isinstance(when, bool):
        _write(f"scan={'on' if when else 'off'}")
    elif 0 < when <= LONGEST_INTERVAL:
        _write(f"scan={when}")
    else:
        raise KmemleakError(f"{when} seconds: automatic scans take 1 to {LONGEST_INTERVAL}, or off")


def set_stack_scans(is_on: bool) -> None:
    """Let scans look for pointers on the stacks of tasks too, which is the default, or not.

    Raises:
        KmemleakError: the kernel refused.
    """
    _write(f"stack={'on' if is_on else 'off'}")


def dump(address: str) -> tuple[str, ...]:
    """Have the kernel log all that it knows of one object, reported or not.

    Args:
        address: where it starts, as kmemleak prints it: "0xffff888104a3e0c0".

    Returns:
        what it logged; nothing where the log may not be read.

    Raises:
        KmemleakError: the kernel refused, or that is no address.
    """
    if not _ADDRESS.fullmatch(address):
        raise KmemleakError(f"{address!r} is no address; write it as kmemleak does: 0xffff888104a3e0c0")
    log = LogTail()
    try:
        _write(f"dump={address}")
        return _of_dump(log.lines(), address)
    finally:
        log.close()


def switch_off() -> None:
    """Switch the detector off. Nothing but a reboot switches it on again.

    Raises:
        KmemleakError: the kernel refused.
    """
    _write("off")


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


def closed(*, may_write: bool = True) -> str | None:
    """Why the file takes no commands at all, and what helps; None where it does, or at least opens.

    Args:
        may_write: open it as for a command; else only for reading.
    """
    try:
        os.close(os.open(PATH, (os.O_WRONLY if may_write else os.O_RDONLY) | os.O_CLOEXEC | os.O_NOFOLLOW))
    except OSError as error:
        return why_closed(error.errno or 0)
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
        remove_private(path)
        raise
    return path


def describe_scan(seconds: float) -> str:
    """A clause for the pane: how long the scan took."""
    return f"scanned in {human_duration(seconds) if seconds >= 1 else f'{seconds * 1000:.0f} ms'}"


def _of_dump(lines: list[str], address: str) -> tuple[str, ...]:
    """What the log has of one object: lines of kmemleak's, then a backtrace that printk gives no prefix."""
    found: list[str] = []
    for line in lines:
        bare = line.removeprefix("kmemleak: ") if line.startswith("kmemleak: ") else ""
        if heading := _DUMPED.fullmatch(bare):
            if found:
                break
            found = [bare] if int(heading[1], 16) == int(address, 16) else []
        elif found and (bare or _FRAME.fullmatch(line)):
            found.append(bare or line)
    return tuple(found)


def _write(command: str) -> None:
    try:
        descriptor = os.open(PATH, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError as error:
        raise KmemleakError(f"{PATH}: {why_closed(error.errno or 0)}") from error
    try:
        os.write(descriptor, command.encode())
    except OSError as error:
        raise KmemleakError(f"{command!r} to {PATH}: {why_refused(error.errno or 0, command)}") from error
    finally:
        os.close(descriptor)
