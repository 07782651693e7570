"""The terminal below Textual: it may be slow, far away, gone, or hang, send what is no text, and never answer."""

from __future__ import annotations

import codecs
import contextlib
import os
import re
import select
import signal
import sys
import termios
import threading
import time
from typing import TYPE_CHECKING, Any

from textual import events
from textual._xterm_parser import XTermParser
from textual.drivers.linux_driver import LinuxDriver

from leaktop.ui.line import Line
from leaktop.ui.look import is_console
from leaktop.ui.outlet import Outlet

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.message import Message

_PATIENCE = 2.0
"""Seconds that the program gets to leave by itself: a terminal that takes no bytes may hold it up."""
_LAST_ANSWER = 1.0
"""Seconds that the end waits for an answer that is under way: the shell would take it for keys."""
_BEYOND_VT = re.compile(r"\x1b\[(\?\d+\$p|>\d+u|<u)")
"""Questions for modes (DECRQM), and the keyboard protocol of kitty."""
_TURN = 0.1
"""Seconds: an Escape that nothing follows for so long is the key."""
_INPUT_SIZE = 4096
"""Bytes."""
_CANCEL = "\x18"
"""CAN: whatever sequence has begun is none."""
_WHERE = "\x1b[6n"
"""CPR, which a VT100 answers already."""


class TolerantDriver(LinuxDriver):
    """Textual's driver, which goes on where the terminal does not do as it should.

    Bytes that are no UTF-8 and impossible key reports are passed over. Output never waits for the terminal: whoever
    draws asks first whether it `keeps_up`.
    """

    _outlet: Outlet | None = None
    _line: Line | None = None
    _is_console = False

    def run_input_thread(self) -> None:
        """Wait for input and pass it on, without what is none; what came together with that counts."""
        decode = codecs.getincrementaldecoder("utf-8")("ignore").decode
        parser = XTermParser()
        is_last = False
        while not is_last:
            is_last = self.exit_event.is_set()
            typed = b""
            if select.select([self.fileno], [], [], _TURN)[0]:
                typed = os.read(self.fileno, _INPUT_SIZE)
                if not typed:  # the terminal is gone, and says so at once each time
                    self.exit_event.wait(_TURN)
            for character in (*decode(typed), ""):
                try:
                    for message in parser.feed(character) if character else parser.tick():
                        self.process_message(message)
                except (ValueError, OverflowError):
                    parser = XTermParser()

    def start_application_mode(self) -> None:
        """Take the terminal."""
        self._is_console = is_console(os.environ.get("TERM", ""))
        self._line = Line(time.monotonic())
        self._outlet = Outlet(sys.__stderr__.fileno(), self._line.take, self._leave)  # type: ignore[union-attr]  # a tty
        self._outlet.start()
        super().start_application_mode()  # type: ignore[no-untyped-call]  # Textual's
        if self._writer_thread is not None:
            self._writer_thread.stop()  # it had nothing to do: all goes by `write`
            self._writer_thread = None
        self.flush()

    def write(self, data: str) -> None:
        """Send something to the terminal; returns at once."""
        if self._outlet is None or self._line is None or (self._is_console and _BEYOND_VT.fullmatch(data)):
            return
        self._line.send(len(data))
        self._outlet.write(data)

    def flush(self) -> None:
        """After each frame: ask the terminal how far it is."""
        if self._line is not None and self._line.ask(time.monotonic()):
            self.write(_WHERE)

    def process_message(self, message: Message) -> None:
        """Take what the terminal says; where its cursor is only tells that it has come so far."""
        if isinstance(message, events.CursorPosition) and self._line is not None:
            self._line.answer()
        else:
            super().process_message(message)

    @property
    def keeps_up(self) -> bool:
        """Whether the terminal has drawn what it was sent, or nearly so."""
        if self._outlet is None or self._line is None:
            return True
        return not self._outlet.unsent and self._line.is_free(time.monotonic())

    def stop_application_mode(self) -> None:
        """Give the terminal back, without what it had no time for."""
        if self._outlet is not None and not self.keeps_up:
            self._outlet.discard()
            self._outlet.write(_CANCEL)  # what was dropped may have begun a sequence
        end = time.monotonic() + _LAST_ANSWER
        while self._line is not None and self._line.is_answer_due and time.monotonic() < end:
            time.sleep(0.01)
        super().stop_application_mode()

    def close(self) -> None:
        """Send the rest, and end."""
        if self._outlet is not None:
            self._outlet.stop()
            self._outlet = None

    def _leave(self) -> None:
        """In the thread that writes: the terminal is gone."""
        self.exit_event.set()  # reading from it would return nothing, again and again
        with contextlib.suppress(RuntimeError):  # the loop has ended before us
            self._loop.call_soon_threadsafe(self._app.exit)


def leave_on_signals(leave: Callable[[], Any]) -> None:
    """On SIGTERM, SIGHUP and SIGINT ask the app to leave, and end the process where it cannot.

    A handler of Python's own runs also while the event loop waits for a terminal that takes no bytes, which one of
    asyncio's does not.

    Args:
        leave: asks the app to end; called in the main thread.
    """
    saved = _terminal_modes()

    def give_up(number: int) -> None:
        if saved is not None:
            with contextlib.suppress(termios.error, OSError):
                termios.tcsetattr(sys.__stdin__.fileno(), termios.TCSANOW, saved)  # type: ignore[union-attr]  # a terminal: its modes were read
        os._exit(128 + number)

    def handle(number: int, _frame: object) -> None:
        timer = threading.Timer(_PATIENCE, give_up, (number,))
        timer.daemon = True
        timer.start()
        leave()

    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, handle)


def _terminal_modes() -> list[Any] | None:
    try:
        return termios.tcgetattr(sys.__stdin__.fileno())  # type: ignore[union-attr]  # AttributeError is taken below
    except (AttributeError, ValueError, OSError, termios.error):
        return None
