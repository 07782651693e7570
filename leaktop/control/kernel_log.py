"""What the kernel says to a command: it answers some in its log, and not to whoever wrote them."""

from __future__ import annotations

import contextlib

from leaktop.kernel_log import KernelLog


class LogTail:
    """What the kernel logs from now on, or from the oldest record that it still has. Never waits.

    Without permission, or where there is no /dev/kmsg, it stays empty.

    Args:
        from_start: whether what was logged before counts as well.
    """

    def __init__(self, *, from_start: bool = False) -> None:
        self._log: KernelLog | None = None
        with contextlib.suppress(OSError):
            self._log = KernelLog(from_start=from_start)

    @property
    def is_open(self) -> bool:
        """Whether the log may be read at all."""
        return self._log is not None

    def lines(self) -> list[str]:
        """The messages since the last call, without priority and time; bytes that are no text as surrogates."""
        found: list[str] = []
        with contextlib.suppress(OSError):
            for record in self._log.read() if self._log else ():
                # Lines behind the first start with a space and name the device: "  SUBSYSTEM=pci".
                message = record.partition(b"\n")[0].partition(b";")[2]
                found.append(message.decode("utf-8", "surrogateescape"))
        return found

    def close(self) -> None:
        """Look no more."""
        if self._log is not None:
            self._log.close()
            self._log = None
