"""What drives the live screen: the poller's ticks become Frames, and are kept on the tape of the last hour."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from leaktop.engine.backlog import backlogged
from leaktop.engine.poller import Poller
from leaktop.model.sample import Event
from leaktop.recording.recorder import Recorder, header_for
from leaktop.recording.tape import Tape

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from leaktop.engine.engine import Engine
    from leaktop.model.frame import Frame, ProbeState
    from leaktop.model.sample import Tick
    from leaktop.sources.base import Source


class LiveFeed:
    """The poller, and what is done with its ticks.

    Args:
        source: where samples come from.
        engine: makes the Frames.
        on_frame: called with each Frame, in the poller's thread.
        interval: seconds between ticks.

    Attributes:
        poller: reads.
        recorder: records to the tape, and to a file while one is wanted.
        tape: the last hour.
    """

    def __init__(self, source: Source, engine: Engine, on_frame: Callable[[Frame], None], interval: float) -> None:
        self._engine = engine
        self._on_frame = on_frame
        self._mark_wanted = threading.Event()
        self.tape = Tape()
        self.recorder = Recorder(header_for(source.machine, source.probes, interval), self.tape)
        self.poller = Poller(source, self.take, interval, at_start=("kmemleak",))

    def take(self, tick: Tick, states: Mapping[str, ProbeState]) -> frozenset[int]:
        """Feed one tick, in the poller's thread; gives the inodes of the sockets whose owners are asked for."""
        if self._mark_wanted.is_set():
            self._mark_wanted.clear()
            self._engine.mark_baseline()
            self.recorder.event(Event(tick.mono, tick.wall, "baseline", ""))
        frame = self._engine.feed(tick, states)
        self._on_frame(frame)  # the screen first: a disk that hangs must not hold it up
        self.recorder.interval = self.poller.interval
        self.recorder.take(tick)
        return backlogged(frame)

    def mark_baseline(self) -> None:
        """Let growth count from the next tick on, here and in what is recorded. Any thread may call it."""
        self._mark_wanted.set()
        self.poller.request()
