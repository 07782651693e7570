"""/dev/kmsg: the kernel's log as records, read by any number of readers; devkmsg_read() in kernel/printk/printk.c.

Never /proc/kmsg, where what one reader gets is lost to all others.
"""

from __future__ import annotations

import contextlib
import errno
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

PATH = "/dev/kmsg"
_RECORD = 1 << 13
"""Bytes for one record: PRINTK_MESSAGE_MAX is 2 KiB since 6.6 (daaabe2e2c48), CONSOLE_EXT_LOG_MAX was 8 KiB before."""
_MOST = 1 << 18
"""Records that one call gives at most; a log that is written faster than it can be read must not hold up anybody."""


class KernelLog:
    """A place in the kernel's log, from which reading goes on.

    Args:
        from_start: from the oldest record that the kernel still has; else only what is logged from now on.
        path: of the device, where it is not /dev/kmsg.

    Raises:
        PermissionError: dmesg_restrict is 1 and this is not root.
        OSError: there is no such log here, as in many containers.
    """

    def __init__(self, *, from_start: bool, path: str | None = None) -> None:
        self.overruns = 0
        """Times that records were overwritten before they could be read."""
        self._descriptor = os.open(path or PATH, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
        try:
            # SEEK_DATA would begin behind the last `dmesg -C`.
            os.lseek(self._descriptor, 0, os.SEEK_SET if from_start else os.SEEK_END)
        except BaseException:
            self.close()
            raise

    def read(self) -> Iterator[bytes]:
        """The records that there are now, one each; nothing where nothing new was logged. Never waits.

        Raises:
            OSError: reading fails, other than by an overrun, which is counted.
        """
        for _ in range(_MOST):
            try:
                record = os.read(self._descriptor, _RECORD)
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno == errno.EPIPE:  # overwritten; the next read goes on with the oldest there is
                    self.overruns += 1
                elif error.errno != errno.EINVAL:  # a record of more than our buffer is passed over
                    raise
                continue
            if not record:
                return
            yield record

    def close(self) -> None:
        """Read no more."""
        with contextlib.suppress(OSError):
            os.close(self._descriptor)
