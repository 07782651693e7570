"""The delta engine: for every figure of every row, what changed, how fast, and since when."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from leaktop.engine.series import Series
from leaktop.model.frame import Trend

if TYPE_CHECKING:
    from leaktop.model.frame import Key

UNKNOWN = Trend(None, None, None, None, None, None, None)
_FORGET_AFTER = 600.0
"""Seconds for which the history of a row that vanished is kept, should it come back."""
_ROOMY, _CROWDED = 3600, 720
"""Points a figure may keep, in a section of few rows and of many."""
_MANY_ROWS = 100
_SLOPE_EVERY = 5.0
"""Seconds for which a slope over a minute stands: long enough to be read, and to be cheap."""


class Track:
    """One figure: its series, its baseline and what follows from them."""

    __slots__ = ("baseline", "generation", "high", "rises", "series", "since", "slope", "slope_at", "steps")

    def __init__(self, limit: int, baseline: int | None, since: float) -> None:
        self.series = Series(limit)
        self.baseline = baseline
        self.since = since
        self.generation = -1
        self.high: int | None = None
        self.rises = 0
        self.steps = 0
        self.slope: float | None = None
        self.slope_at = float("-inf")

    def observe(self, mono: float, value: int, generation: int) -> Trend:
        """Take one value and say how it moves.

        Args:
            mono: monotonic seconds.
            value: bytes, or a count.
            generation: number of the section's read; a hole in it is a gap, over which no delta is claimed.
        """
        series = self.series
        delta: int | None = None
        rate: float | None = None
        if self.generation == generation - 1 and series.times:
            before, then = series.values[-1], series.times[-1]
            delta = value - int(before)
            rate = delta / (mono - then) if mono > then else None
            self.steps += 1
            if delta > 0:
                self.rises += 1
        elif series.times:
            self.since = max(self.since, mono)
        self.generation = generation
        series.append(mono, value)
        if self.high is None or value > self.high:
            self.high = value
        if self.baseline is None:
            self.baseline = value
        if self.steps > 1 and mono - self.slope_at >= _SLOPE_EVERY:
            self.slope, self.slope_at = series.slope(self.since), mono
        return Trend(
            value,
            delta,
            rate,
            value - self.baseline,
            self.slope,
            self.high,
            self.rises / self.steps if self.steps else None,
        )

    def mark(self, mono: float) -> None:
        """Let growth count from the value that this figure has now."""
        if self.series.values:
            self.baseline = int(self.series.values[-1])
            self.high = self.baseline
        self.since = mono
        self.rises = self.steps = 0
        self.slope, self.slope_at = None, float("-inf")


class Ledger:
    """The tracks of one section, by row and measure ("size", "number")."""

    def __init__(self) -> None:
        self.generation = 0
        self.first_read: float | None = None
        self._tracks: dict[tuple[Key, str], Track] = {}
        self._limit = _ROOMY
        self._lock = threading.Lock()

    def begin(self, mono: float, rows: int) -> None:
        """A new read of the section arrived, with so many rows."""
        self.generation += 1
        if self.first_read is None:
            self.first_read = mono
        self._limit = _ROOMY if rows < _MANY_ROWS else _CROWDED

    def observe(self, key: Key, measure: str, mono: float, value: int | None) -> Trend:
        """Take one figure of one row of the read that began last."""
        if value is None:
            return UNKNOWN
        name = (key, measure)
        track = self._tracks.get(name)
        if track is None:
            # In the first read every value is the baseline; a row that comes later grew from nothing.
            with self._lock:
                baseline = None if self.generation == 1 else 0
                track = self._tracks[name] = Track(self._limit, baseline, mono)
        return track.observe(mono, value, self.generation)

    def mark(self, mono: float) -> None:
        """Let growth of every row count from now."""
        with self._lock:
            for track in self._tracks.values():
                track.mark(mono)

    def forget_gone(self, mono: float) -> None:
        """Drop the history of rows that have been gone for long."""
        with self._lock:
            gone = [
                name
                for name, track in self._tracks.items()
                if track.generation < self.generation and mono - track.series.times[-1] > _FORGET_AFTER
            ]
            for name in gone:
                del self._tracks[name]

    def points(self, key: Key, measure: str, until: float) -> tuple[list[float], list[float]]:
        """Times and values of one figure up to a moment, copied; safe to call from another thread."""
        with self._lock:
            track = self._tracks.get((key, measure))
            if track is None:
                return [], []
            values = track.series.values.tolist()
            times = track.series.times.tolist()
        count = min(len(times), len(values))
        while count and times[count - 1] > until:
            count -= 1
        return times[:count], values[:count]
