"""The process that takes a trace instance away when its leaktop cannot: after kill -9, or when that hangs.

Run as a script, with the instance's directory, the seconds after which nothing may be recorded any more, and the mount
point to be unmounted or "". It holds nothing of tracefs open, and imports nothing of leaktop's, so that it starts in
20 ms. Standard input is a pipe from leaktop: a byte means that all is done; its end without one that leaktop died.
"""

import ctypes
import errno
import os
import select
import signal
import sys
import time
from collections.abc import Callable

PATIENCE = 5.0
"""Seconds in which the kernel may still be closing what the dead process had open."""
MOUNT_PATIENCE = 300.0
"""Seconds in which others may still use what leaktop had mounted."""


def main(directory: str, seconds: float, mount_point: str) -> None:
    """Wait for the end, and clean up."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # it ends when leaktop does, not before
    if not select.select([0], [], [], seconds)[0]:
        for name in ("tracing_on", "events/enable"):
            stop(f"{directory}/{name}")
    if os.read(0, 1):
        return
    insist(lambda: remove(directory), PATIENCE)
    if mount_point:
        libc = ctypes.CDLL(None, use_errno=True)
        # Busy while another guard removes its own instance, or another leaktop traces.
        insist(lambda: libc.umount2(mount_point.encode(), 0) == 0 or ctypes.get_errno() != errno.EBUSY, MOUNT_PATIENCE)


def insist(is_done: Callable[[], bool], patience: float) -> None:
    """Try again and again, ever more seldom, for so many seconds."""
    pause, until = 0.02, time.monotonic() + patience
    while not is_done() and time.monotonic() < until:
        time.sleep(pause)
        pause = min(pause * 1.5, 1.0)


def stop(path: str) -> None:
    """Write 0 to a switch."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            os.write(descriptor, b"0")
        finally:
            os.close(descriptor)
    except OSError:
        pass  # it is gone already


def remove(directory: str) -> bool:
    """Remove the instance; whether it is gone."""
    try:
        os.rmdir(directory)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), sys.argv[3])
