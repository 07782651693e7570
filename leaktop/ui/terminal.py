"""The terminal below Textual: input that is no text does not end the program, and the last way out when it hangs."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import termios
import threading
from typing import TYPE_CHECKING, Any

from textual.drivers.linux_driver import LinuxDriver

if TYPE_CHECKING:
    from collections.abc import Callable

_PATIENCE = 2.0
"""Seconds that the program gets to leave by itself: a terminal that takes no bytes blocks the screen's thread."""


class TolerantDriver(LinuxDriver):
    """Textual's driver, which goes on where bytes from the terminal are no UTF-8, or an impossible key report."""

    def run_input_thread(self) -> None:
        """Wait for input and pass it on, beginning anew after what cannot be decoded."""
        while not self.exit_event.is_set():
            with contextlib.suppress(ValueError, OverflowError):
                super().run_input_thread()


def leave_on_signals(leave: Callable[[], Any]) -> None:
    """On SIGTERM and SIGHUP ask the app to leave, and end the process where it cannot.

    A handler of Python's own runs also while the event loop waits for a terminal that takes no bytes, which one of
    asyncio's does not.

    Args:
        leave: asks the app to end; called in the main thread.
    """
    saved = _terminal_modes()

    def give_up(number: int) -> None:
        if saved is not None:
            with contextlib.suppress(termios.error, OSError):
                termios.tcsetattr(sys.__stdin__.fileno(), termios.TCSANOW, saved)  # type: ignore[union-attr]
        os._exit(128 + number)

    def handle(number: int, _frame: object) -> None:
        timer = threading.Timer(_PATIENCE, give_up, (number,))
        timer.daemon = True
        timer.start()
        leave()

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, handle)


def _terminal_modes() -> list[Any] | None:
    try:
        return termios.tcgetattr(sys.__stdin__.fileno())  # type: ignore[union-attr]
    except (AttributeError, ValueError, OSError, termios.error):
        return None
