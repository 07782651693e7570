"""A thread that does what is asked for, one thing after another, and something of its own while nothing is."""

from __future__ import annotations

import threading
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Worker:
    """The thread, a daemon. Any thread may ask it for something.

    Args:
        name: of the thread.
        idle: what it does while nothing is asked for.
        patience: seconds to wait for a command before that.
        failed: called where one of them raises, however it is.
    """

    def __init__(
        self, name: str, idle: Callable[[], None], patience: Callable[[], float], failed: Callable[[Exception], None]
    ) -> None:
        self._name = name
        self._idle = idle
        self._patience = patience
        self._failed = failed
        self._commands: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._is_stopping = False

    def start(self) -> None:
        """Begin with what was asked for so far."""
        threading.Thread(target=self._run, name=self._name, daemon=True).start()

    def ask(self, command: Callable[[], None]) -> None:
        """Have something done."""
        self._commands.put(command)

    def stop(self) -> None:
        """End the thread at its next chance."""
        self._is_stopping = True
        self._commands.put(lambda: None)

    def _run(self) -> None:
        while not self._is_stopping:
            try:
                command = self._commands.get(timeout=self._patience())
            except Empty:
                command = self._idle
            try:
                command()
            except Exception as error:
                self._failed(error)
