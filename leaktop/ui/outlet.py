"""The way out to the terminal: a thread that waits for it, so that the screen never does."""

from __future__ import annotations

import os
import select
import termios
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

_PIECE = 512
"""Bytes given to the kernel at once: so much has to be waited for at most before the rest can be dropped."""
_MOST = 1 << 20
"""Bytes that may wait. The screen sends nothing while any do; what else is written, as the clipboard is, is small."""

_PATIENCE = 2.0
"""Seconds that the end of the program waits for the terminal."""


class Taken(Protocol):
    """Is told of a piece that the kernel took."""

    def __call__(self, count: int, began: float, ended: float, *, was_full: bool) -> None:
        """How many bytes; when they were offered, and when taken, in monotonic seconds; whether there was no room."""


class Outlet(threading.Thread):
    """Writes what it is given, in order, in the background.

    Args:
        fd: the terminal.
        taken: called in the thread after each piece that the kernel took.
        gone: called in the thread, once, when the terminal does not exist any more.
    """

    def __init__(self, fd: int, taken: Taken, gone: Callable[[], None]) -> None:
        super().__init__(name="leaktop-output", daemon=True)
        self._fd = fd
        self._taken = taken
        self._gone = gone
        self._is_gone = False
        self._is_stopping = False
        self._waiting = bytearray()
        self._under_way = 0
        self._changed = threading.Condition()

    @property
    def unsent(self) -> int:
        """Bytes that the kernel has not taken yet."""
        return len(self._waiting) + self._under_way

    def write(self, text: str) -> None:
        """Have it written; returns at once."""
        with self._changed:
            if not self._is_gone and len(self._waiting) < _MOST:
                self._waiting += text.encode("utf-8", "replace")
                self._changed.notify()

    def discard(self) -> None:
        """Drop what is not written yet, here and in the kernel."""
        with self._changed:
            self._waiting.clear()
        with suppress(termios.error):
            termios.tcflush(self._fd, termios.TCOFLUSH)

    def stop(self) -> None:
        """End the thread once all is written, or leave it behind where the terminal takes nothing."""
        with self._changed:
            self._is_stopping = True
            self._changed.notify()
        self.join(_PATIENCE)

    def run(self) -> None:
        """Write until told to stop."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._is_stopping)
                piece = bytes(self._waiting[:_PIECE])
                del self._waiting[:_PIECE]
                self._under_way = len(piece)
            if not piece:
                return
            began = time.monotonic()
            try:
                was_full = not select.select([], [self._fd], [], 0)[1]
                self._give(piece)
            except OSError:
                self._give_up()
                return
            self._under_way = 0
            self._taken(len(piece), began, time.monotonic(), was_full=was_full)

    def _give(self, piece: bytes) -> None:
        while piece:
            try:
                piece = piece[os.write(self._fd, piece) :]
            except BlockingIOError:  # another program made the terminal so
                select.select([], [self._fd], [], 1)
        with suppress(termios.error):
            termios.tcdrain(self._fd)  # a serial line has a buffer of its own that it tells of; a pty has not

    def _give_up(self) -> None:
        with self._changed:
            self._is_gone = True
            self._waiting.clear()
            self._under_way = 0
        self._gone()
