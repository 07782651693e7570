"""The delta engine: for every figure of every row, what changed, how fast, and since when."""

from __future__ import annotations

import threading
from array import array
from bisect import bisect_left, bisect_right
from collections import defaultdict
from typing import TYPE_CHECKING

from leaktop.engine.series import HORIZON, Series
from leaktop.model.frame import Row, Trend

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from leaktop.engine.sections import Entry, Figure
    from leaktop.model.frame import Key

UNKNOWN = Trend(None, None, None, None, None, None, None)
_KEPT_AT_LEAST, _KEPT_AT_MOST = 10.0, 120.0
"""Seconds for which the history of a row that vanished is kept, should it come back: as long as it was there."""
_ROOMY, _CROWDED = 3600, 720
"""Points a figure may keep, in a section of few rows and of many."""
_MANY_ROWS = 100
_SLOPE_EVERY = 5.0
"""Seconds for which a slope over a minute stands: long enough to be read, and to be cheap."""


class Track:
    """One figure: its series, its baseline and what follows from them."""

    __slots__ = (
        "baseline",
        "generation",
        "high",
        "rises",
        "series",
        "since",
        "slope",
        "slope_at",
        "steps",
        "still",
        "still_until",
    )

    def __init__(self, series: Series, baseline: int | None, since: float) -> None:
        self.series = series
        self.baseline = baseline
        self.since = since
        self.generation = -1
        self.high: int | None = None
        self.rises = 0
        self.steps = 0
        self.slope: float | None = None
        self.slope_at = float("-inf")
        self.still: Trend | None = None
        """The Trend of a figure that has not moved since the baseline: while it does not, nothing is computed."""
        self.still_until = 0.0

    @property
    def last_seen(self) -> float:
        """Monotonic time of the last value, or of the row itself where no value was known."""
        return max(self.since, self.series.times[-1] if self.series.times else self.since)

    def is_outlived(self, mono: float) -> bool:
        """Whether the row has been gone for so long that nobody waits for it: processes come and go by the thousand."""
        there = self.last_seen - self.series.times[0] if self.series.times else 0.0
        return mono - self.last_seen > min(max(there, _KEPT_AT_LEAST), _KEPT_AT_MOST)

    def observe(self, mono: float, value: int, generation: int) -> Trend:
        """Take one value and say how it moves.

        Args:
            mono: monotonic seconds.
            value: bytes, or a count.
            generation: number of the section's read; a hole in it is a gap, over which no delta is claimed.
        """
        still = self.still
        if still is not None and still.value == value and self.generation == generation - 1 and mono < self.still_until:
            self.stand(mono, generation)
            return still
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
        growth = value - self.baseline
        rose = self.rises / self.steps if self.steps else None
        trend = Trend(value, delta, rate, growth, self.slope, self.high, rose)
        has_moved = delta != 0 or self.rises or growth or self.slope or self.high != value
        self.still = None if has_moved or len(series.values) < 2 else trend
        self.still_until = self.slope_at + _SLOPE_EVERY if self.slope is None else float("inf")
        return trend

    def stand(self, mono: float, generation: int) -> None:
        """Take the same value again."""
        self.generation = generation
        self.steps += 1
        self.series.times[-1] = mono

    def mark(self, mono: float) -> None:
        """Let growth count from the value that this figure has now."""
        if self.series.values:
            self.baseline = int(self.series.values[-1])
            self.high = self.baseline
        self.since = mono
        self.rises = self.steps = 0
        self.slope, self.slope_at = None, float("-inf")
        self.still = None


class Ledger:
    """The tracks of one section, by row and measure ("size", "number", what else its rule keeps).

    Args:
        horizon: seconds that are kept.
    """

    def __init__(self, horizon: float = HORIZON) -> None:
        self.generation = 0
        self._is_first = True
        self._has_begun = False
        self._tracks: defaultdict[str, dict[Key, Track]] = defaultdict(dict)
        self._limit = _ROOMY
        self._reads = array("d")
        self._horizon = horizon
        self._lock = threading.Lock()

    def begin(self, rows: int, mono: float, *, is_first: bool, is_read: bool = True) -> None:
        """A new read of the section arrived.

        Args:
            rows: how many there are.
            mono: monotonic seconds.
            is_first: something was read for the first time, so that rows unseen until now need not be new.
            is_read: what most rows come from was read, and they are not merely as they were.
        """
        self.generation += 1
        self._is_first, self._has_begun = is_first or not self._has_begun, True
        self._limit = _ROOMY if rows < _MANY_ROWS else _CROWDED
        if not is_read:
            return
        with self._lock:
            reads = self._reads
            reads.append(mono)
            if mono - reads[0] > self._horizon * 1.1:
                del reads[: bisect_left(reads, mono - self._horizon)]

    def observe(self, key: Key, measure: str, mono: float, value: int | None) -> Trend:
        """Take one figure of one row of the read that began last."""
        with self._lock:
            return self._observe(key, measure, mono, value)

    def rows(self, entries: Sequence[Entry], mono: float, *, counts: bool) -> tuple[Row, ...]:
        """Take every row of the read that began last, with a number beside its size where the section counts."""
        with self._lock:
            sizes = self._trends("size", [(entry[0], entry[2]) for entry in entries], mono)
            if not counts:
                return tuple([Row(entry[0], entry[1], size, None) for entry, size in zip(entries, sizes, strict=True)])
            numbers = self._trends("number", [(entry[0], entry[3]) for entry in entries], mono)
            return tuple(
                [
                    Row(entry[0], entry[1], size, number)
                    for entry, size, number in zip(entries, sizes, numbers, strict=True)
                ]
            )

    def _trends(self, measure: str, figures: list[tuple[Key, int | None]], mono: float) -> list[Trend]:
        """One measure of all rows. Most stand still, and thousands of calls would be what they cost."""
        get, generation = self._tracks[measure].get, self.generation
        trends = []
        for key, value in figures:
            track = get(key)
            if (
                track is not None
                and (still := track.still) is not None
                and still[0] == value
                and track.generation == generation - 1
                and mono < track.still_until
            ):
                track.stand(mono, generation)
                trends.append(still)
            else:
                trends.append(self._observe(key, measure, mono, value))
        return trends

    def keep(self, figures: Iterable[Figure], mono: float) -> None:
        """Take figures that have no column, of the read that began last."""
        with self._lock:
            for key, measure, value in figures:
                self._observe(key, measure, mono, value)

    def _observe(self, key: Key, measure: str, mono: float, value: int | None) -> Trend:
        tracks = self._tracks[measure]
        track = tracks.get(key)
        if track is None:
            # A row that comes later grew from nothing; else the first value that is known is the baseline.
            baseline = None if self._is_first or value is None else 0
            track = tracks[key] = Track(Series(self._limit, self._horizon), baseline, mono)
        if value is None:
            track.since = mono
            return UNKNOWN
        return track.observe(mono, value, self.generation)

    def mark(self, mono: float) -> None:
        """Let growth of every row count from now."""
        with self._lock:
            for tracks in self._tracks.values():
                for track in tracks.values():
                    track.mark(mono)

    def forget_gone(self, mono: float) -> None:
        """Drop the history of rows that have been gone for long."""
        with self._lock:
            for tracks in self._tracks.values():
                gone = [
                    key
                    for key, track in tracks.items()
                    if track.generation < self.generation and track.is_outlived(mono)
                ]
                for key in gone:
                    del tracks[key]

    def read_times(self, until: float, since: float) -> list[float]:
        """Monotonic times of the reads in a span."""
        with self._lock:
            return self._reads[bisect_left(self._reads, since) : bisect_right(self._reads, until)].tolist()

    def unbroken_since(self, key: Key, measure: str) -> float | None:
        """When a figure was seen first, or again after it had been missing from a read, or the baseline."""
        with self._lock:
            track = self._tracks[measure].get(key)
            return None if track is None else track.since

    def points(
        self, key: Key, measure: str, until: float, since: float = float("-inf")
    ) -> tuple[list[float], list[float]]:
        """Times and values of one figure in a span, copied; safe to call from another thread.

        The last sample before the span comes with it, since it holds until the first one in it.
        """
        with self._lock:
            track = self._tracks[measure].get(key)
            if track is None or not track.series.times:
                return [], []
            times, values = track.series.times, track.series.values
            start = max(bisect_right(times, since) - 1, 0)
            end = bisect_right(times, until)
            return times[start:end].tolist(), values[start:end].tolist()
