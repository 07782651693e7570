"""Watching this machine for a while, with no screen, until there is enough to judge it by."""

from __future__ import annotations

import sys
import threading
import time
from typing import TYPE_CHECKING

from leaktop.cli.saying import say_lost
from leaktop.control import kmemleak
from leaktop.engine.backlog import backlogged
from leaktop.engine.digest import Digest
from leaktop.engine.engine import Engine
from leaktop.engine.poller import Poller
from leaktop.recording.layout import Moment
from leaktop.recording.recorder import header_for
from leaktop.sources.filesystem import FileSystemSource
from leaktop.units import human_duration

if TYPE_CHECKING:
    from collections.abc import Mapping

    from leaktop.model.frame import Frame, ProbeState
    from leaktop.model.sample import Tick

_INTERVAL = 1.0
_TURN = 0.2
_FIRST_TICK = 5.0
"""Seconds to wait for the first tick, where what was asked for is shorter."""


class Watch:
    """The poller, and the Frame that it has come to.

    Args:
        seconds: how long it is to go on.
        is_read_only: never write to the kernel, nor make it load a module.
    """

    def __init__(self, seconds: float, *, is_read_only: bool) -> None:
        self._seconds = seconds
        self._source = FileSystemSource(
            is_read_only=is_read_only, kmemleak_enabled=None if is_read_only else kmemleak.is_enabled
        )
        self._engine = Engine(self._source.machine, max(seconds, 60.0))
        self._lock = threading.Lock()
        self._is_over = False
        self._frame: Frame | None = None
        self._first: Moment | None = None
        self._ticks = 0

    def run(self) -> Digest | None:
        """Watch until the time is over, or until Ctrl-C; what was seen, None where nothing was."""
        poller = Poller(self._source, self._take, say_lost, _INTERVAL, at_start=("kmemleak",))
        poller.start()
        began = time.monotonic()
        try:
            while (passed := time.monotonic() - began) < (self._seconds if self._ticks else _FIRST_TICK):
                self._progress(passed)
                time.sleep(min(_TURN, max(self._seconds - passed, 0.01)))
        except KeyboardInterrupt:
            pass  # what was seen so far is what was asked for
        finally:
            poller.stop()
            if sys.stderr.isatty():
                print("\r\x1b[K", end="", file=sys.stderr, flush=True)
        with self._lock:
            self._is_over = True
            return self._digest()

    def _take(self, tick: Tick, states: Mapping[str, ProbeState]) -> frozenset[int]:
        """In the poller's thread."""
        with self._lock:
            if self._is_over:
                return frozenset()
            self._frame = self._engine.feed(tick, states)
            self._first = self._first or Moment(tick.mono, tick.wall)
            self._ticks += 1
            return backlogged(self._frame)

    def _digest(self) -> Digest | None:
        frame, first = self._frame, self._first
        if frame is None or first is None or not any(section.rows for section in frame.sections.values()):
            return None
        header = header_for(self._source.machine, self._source.probes, _INTERVAL)
        return Digest(frame, header, first, Moment(frame.mono, frame.wall), self._ticks, self._ticks, (), (), ())

    def _progress(self, passed: float) -> None:
        if sys.stderr.isatty():
            left = human_duration(self._seconds - passed + 0.9)
            print(f"\r\x1b[Kwatching, {self._ticks} ticks, {left} left; Ctrl-C ends it and reports",
                  end="", file=sys.stderr, flush=True)  # fmt: skip
