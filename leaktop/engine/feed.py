"""What drives the live screen: the poller's ticks become Frames, and are kept on the tape of the last hour."""

from __future__ import annotations

import threading
from dataclasses import replace
from queue import SimpleQueue
from typing import TYPE_CHECKING

from leaktop.engine.backlog import backlogged
from leaktop.engine.oom import watch_for_oom
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


_CONCLUDES_EVERY = 5.0
"""Seconds between two diagnoses."""


class LiveFeed:
    """The poller, and what is done with its ticks.

    Args:
        source: where samples come from.
        engine: makes the Frames.
        on_frame: called with each Frame, in the poller's thread.
        interval: seconds between ticks.
        on_words: called, in the same thread, with what the kernel just did that users should know.

    Attributes:
        poller: reads.
        recorder: records to the tape, and to a file while one is wanted.
        tape: the last hour.
    """

    def __init__(
        self,
        source: Source,
        engine: Engine,
        on_frame: Callable[[Frame], None],
        interval: float,
        on_words: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._engine = engine
        self._on_frame = on_frame
        self._on_words = on_words
        self._oom = watch_for_oom(source.machine)
        self._mark_wanted = threading.Event()
        self._concluded: Frame | None = None
        self._told: SimpleQueue[tuple[str, str]] = SimpleQueue()
        self.tape = Tape()
        self.recorder = Recorder(header_for(source.machine, source.probes, interval), self.tape)
        self.poller = Poller(source, self.take, self._lose, interval, at_start=("kmemleak",))

    def take(self, tick: Tick, states: Mapping[str, ProbeState]) -> frozenset[int]:
        """Feed one tick, in the poller's thread; gives the inodes of the sockets whose owners are asked for."""
        if self._mark_wanted.is_set():
            self._mark_wanted.clear()
            self._engine.mark_baseline()
            self.recorder.event(Event(tick.mono, tick.wall, "baseline", ""))
        while not self._told.empty():
            self.recorder.event(Event(tick.mono, tick.wall, *self._told.get()))
        frame = self._calm(self._engine.feed(tick, states))
        conclude(frame)
        self._on_frame(frame)  # the screen first: a disk that hangs must not hold it up
        self.recorder.interval = self.poller.interval
        self.recorder.take(tick)
        for event in self._oom.poll() if self._oom else ():
            self.recorder.event(event)
            self._on_words(event.text)
        return backlogged(frame)

    def _lose(self, why: str) -> None:
        self._on_words(f"A tick came to nothing ({why}). leaktop goes on.")

    def _calm(self, frame: Frame) -> Frame:
        """A conclusion stands for some seconds: long enough to be read, and to be cheap."""
        before = self._concluded
        is_fresh = before is not None and 0 <= frame.mono - before.mono < _CONCLUDES_EVERY
        if before is None or not is_fresh or before.baseline_mono != frame.baseline_mono or _is_early(before):
            self._concluded = frame
            return frame
        return replace(frame, conclude=lambda _: before.diagnosis)

    def tell(self, kind: str, text: str) -> None:
        """Record an event at the next tick, which is asked for. Any thread may call it."""
        self._told.put((kind, text))
        self.poller.request()

    def mark_baseline(self) -> None:
        """Let growth count from the next tick on, here and in what is recorded. Any thread may call it."""
        self._mark_wanted.set()
        self.poller.request()


def conclude(frame: Frame) -> None:
    """Have what the screen asks of a Frame first found now, in this thread: of a big machine it takes 200 ms."""
    _ = frame.suspects, frame.diagnosis


def _is_early(frame: Frame) -> bool:
    """Whether there was too little to conclude from: then every tick adds something."""
    return frame.diagnosis.verdict.name == "insufficient"
