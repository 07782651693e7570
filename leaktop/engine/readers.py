"""Where reads happen: in one daemon thread, and in others only where that one is stuck.

Nothing under /proc can be polled, any read can stall on a kernel lock, and a thread of asyncio's own executor would
hold up quitting until the read returns. A thread for each lane would do, too, but waking one costs as much as most
reads.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING

from leaktop.aside import aside

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from leaktop.model.sample import RawSample

Reads = list[tuple["RawSample", float]]
"""Samples, and the CPU seconds that reading each took."""


class Readers:
    """The threads. Jobs go by the name of their lane, of which one at most is under way.

    Args:
        announce: called when nothing waits any more, in the thread that did it.
    """

    def __init__(self, announce: Callable[[], None]) -> None:
        self._announce = announce
        self._state = threading.Condition()
        self._waiting: deque[tuple[str, Callable[[], Reads]]] = deque()
        self._done: dict[str, Reads] = {}
        self._has_idle = False
        """Whether a thread waits for work; it is one at most."""
        self._is_over = False

    def submit(self, jobs: Mapping[str, Callable[[], Reads]]) -> None:
        """Have some done, in their order. Where no thread can be started now, they come to nothing."""
        with self._state:
            self._waiting.extend(jobs.items())
        self.assist()

    def assist(self) -> bool:
        """Have another thread take what waits; whether anything does."""
        with self._state:
            if self._waiting:
                self._call_another()
            return bool(self._waiting)

    def take(self) -> dict[str, Reads]:
        """What was done since this was asked last, by lane."""
        with self._state:
            done, self._done = self._done, {}
            return done

    def end(self) -> None:
        """Let the threads go, each when it is done with what it does."""
        with self._state:
            self._is_over = True
            self._state.notify_all()

    def _call_another(self) -> None:
        if self._has_idle:
            self._state.notify()
            return
        if aside(self._work, "reader") is None:  # the next tick tries again
            self._done |= {lane: [] for lane, _ in self._waiting}
            self._waiting.clear()

    def _work(self) -> None:
        while True:
            with self._state:
                while not self._waiting:
                    if self._has_idle or self._is_over:
                        return
                    self._has_idle = True
                    self._state.wait()
                    self._has_idle = False
                lane, job = self._waiting.popleft()
            try:
                reads = job()
            except MemoryError:  # a read says so itself; whatever else it was, the lane must be free again
                reads = []
            with self._state:
                self._done[lane] = reads
                is_last = not self._waiting
            if is_last:
                self._announce()
