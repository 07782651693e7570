"""A look at the whole recording while nothing else is to be done: the curve of a gauge, and what is damaged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leaktop.model.sample import ParseError
from leaktop.parsers.meminfo import parse_meminfo
from leaktop.recording.reader import Place

if TYPE_CHECKING:
    from leaktop.recording.reader import Recording

_POINTS = 400
"""Moments of a whole recording at which the gauge is read: more than a terminal has columns."""
DEFAULT = "MemAvailable"


class Survey:
    """Reads one chapter at a time. Written by one thread, read by any.

    Args:
        recording: what to look at.

    Attributes:
        gauge: the /proc/meminfo line that the curve is of.
    """

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._next = -1
        self._found: list[tuple[Place, float, dict[str, int]]] = []
        self.gauge = DEFAULT

    @property
    def is_busy(self) -> bool:
        """Whether there is a chapter that was not looked at."""
        stretches = self._recording.stretches
        return bool(stretches) and self._next < stretches[-1].number and stretches[-1].signpost.ticks > 0

    def advance(self) -> None:
        """Look at one more chapter."""
        stretches = self._recording.stretches
        self._next = max(self._next + 1, stretches[0].number)
        chapter = self._recording.chapter(self._next)
        wanted = max(_POINTS // len(stretches), 1)
        every = max(len(chapter) // wanted, 1)
        for ordinal in range(0, len(chapter), every):
            tick = self._recording.tick(Place(self._next, ordinal))
            content = next((sample.content for sample in tick.samples if sample.probe == "meminfo"), None)
            if content is not None:
                try:
                    amounts = dict(parse_meminfo(content).amounts)
                except ParseError:
                    continue
                self._found.append((Place(self._next, ordinal), tick.mono, amounts))

    def choose(self, gauge: str) -> bool:
        """Let the curve be of that line; whether it was another before."""
        was, self.gauge = self.gauge, gauge
        return was != gauge

    def points(self) -> list[tuple[Place, float, int]]:
        """Where, when on the monotonic clock, and how many bytes; what was found so far."""
        return [(p, mono, amounts[self.gauge]) for p, mono, amounts in list(self._found) if self.gauge in amounts]
