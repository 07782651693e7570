"""A look at the whole recording while nothing else is to be done: the curve of a gauge, and what is damaged."""

from __future__ import annotations

from bisect import bisect_left
from contextlib import suppress
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
        self._chapter = -1
        self._ordinal = 0
        """Of the next tick that was not looked at."""
        self._found: list[tuple[Place, float, dict[str, int]]] = []
        self.gauge = DEFAULT

    @property
    def is_busy(self) -> bool:
        """Whether there are ticks that were not looked at."""
        stretches = self._recording.stretches
        if not stretches or self._chapter > stretches[-1].number:
            return False
        return self._chapter < stretches[-1].number or self._ordinal < stretches[-1].signpost.ticks

    def advance(self) -> None:
        """Look at one more chapter, or at what came to the last one."""
        stretches = self._recording.stretches
        at = bisect_left(stretches, self._chapter, key=lambda stretch: stretch.number)
        stretch = stretches[at]
        begin = self._ordinal if stretch.number == self._chapter else 0
        is_last = at + 1 == len(stretches)
        # Whatever is wrong with it, it is not looked at twice.
        self._chapter, self._ordinal = (
            (stretch.number, stretch.signpost.ticks) if is_last else (stretches[at + 1].number, 0)
        )
        every = max(stretch.signpost.ticks * len(stretches) // _POINTS, 1)
        self._drop(stretches[0].number)
        for ordinal in range(begin, len(self._recording.chapter(stretch.number)), every):
            self._look_at(Place(stretch.number, ordinal))

    def _look_at(self, place: Place) -> None:
        tick = self._recording.tick(place)
        content = next((sample.content for sample in tick.samples if sample.probe == "meminfo"), None)
        if content is not None:
            with suppress(ParseError):
                self._found.append((place, tick.mono, dict(parse_meminfo(content).amounts)))

    def _drop(self, first: int) -> None:
        """Forget what is no more, as on a tape, and every second point where there are too many."""
        found = [point for point in self._found if point[0].chapter >= first]
        self._found = found[::2] if len(found) > 2 * _POINTS else found

    def choose(self, gauge: str) -> bool:
        """Let the curve be of that line; whether it was another before."""
        was, self.gauge = self.gauge, gauge
        return was != gauge

    def points(self) -> list[tuple[Place, float, int]]:
        """Where, when on the monotonic clock, and how many bytes; what was found so far."""
        return [(p, mono, amounts[self.gauge]) for p, mono, amounts in list(self._found) if self.gauge in amounts]
