"""/dev/kmsg, one record a read: "6,1234,5678901,-;kmemleak: text" (Documentation/ABI/testing/dev-kmsg, since 3.5)."""

from __future__ import annotations

import os

PATH = "/dev/kmsg"
_RECORD = 8192
"""PRINTK_MESSAGE_MAX is 2048 bytes since 6.3, and was CONSOLE_EXT_LOG_MAX, 8192, before."""
_MOST = 200_000
"""Records: the largest log that can be configured (32 MiB) has fewer lines of use than that."""


class LogTail:
    """What the kernel logs from now on, or from the oldest record that it still has. Never waits.

    Without permission, or where there is no /dev/kmsg, it stays empty.

    Args:
        from_start: whether what was logged before counts as well.
    """

    def __init__(self, *, from_start: bool = False) -> None:
        self._descriptor: int | None = None
        try:
            self._descriptor = os.open(PATH, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
            if not from_start:
                os.lseek(self._descriptor, 0, os.SEEK_END)
        except OSError:
            self.close()

    @property
    def is_open(self) -> bool:
        """Whether the log may be read at all."""
        return self._descriptor is not None

    def lines(self) -> list[str]:
        """The messages since the last call, without priority and time; bytes that are no text as surrogates."""
        found: list[str] = []
        while self._descriptor is not None and len(found) < _MOST:
            try:
                record = os.read(self._descriptor, _RECORD)
            except BrokenPipeError:
                continue  # records were overwritten before they were read: the next read goes on behind the gap
            except OSError:
                break  # EAGAIN: that was the last one
            if not record:
                break
            # Lines behind the first start with a space and name the device: "  SUBSYSTEM=pci".
            message = record.partition(b"\n")[0].partition(b";")[2]
            found.append(message.decode("utf-8", "surrogateescape"))
        return found

    def close(self) -> None:
        """Give the descriptor back."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
