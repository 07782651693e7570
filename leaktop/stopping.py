"""A wish to stop that the handler of a signal may express."""

from __future__ import annotations

import contextlib
from queue import Empty, SimpleQueue


class Stop:
    """Whether to stop, and waiting until that is wanted. Any thread may set it, one may wait.

    In a signal's handler threading.Event.set() can wait for ever: for some microseconds of every wait the main thread
    holds the Event's lock, and the handler runs in that thread. SimpleQueue.put() can be interrupted by itself.
    """

    def __init__(self) -> None:
        self._calls: SimpleQueue[None] = SimpleQueue()
        self._is_set = False

    def set(self) -> None:
        """Stop, from now on."""
        self._is_set = True
        self._calls.put(None)

    def is_set(self) -> bool:
        """Whether to stop."""
        return self._is_set

    def wait(self, seconds: float) -> bool:
        """Wait for so long at most; whether to stop."""
        if not self._is_set:
            with contextlib.suppress(Empty):
                self._calls.get(timeout=max(seconds, 0.0))
        return self._is_set
