"""The delta engine: for every figure of every row, what changed, how fast, and since when."""

from __future__ import annotations

import threading
from array import array
from bisect import bisect_left, bisect_right
from collections import defaultdict
from typing import TYPE_CHECKING

from leaktop.courtesy import in_slices
from leaktop.engine.series import HORIZON, Series
from leaktop.engine.track import Rest, Track
from leaktop.model.frame import Row, Trend

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from leaktop.engine.sections import Entry, Figure
    from leaktop.model.frame import Key

UNKNOWN = Trend(None, None, None, None, None, None, None)
_ROOMY, _CROWDED = 3600, 720
"""Points a figure may keep, in a section of few rows and of many."""
_MANY_ROWS = 100


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
        self._rests: dict[Key, Rest] = {}
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
        """Take every row of the read that began last, with a number beside its size where the section counts.

        Nine rows of ten stand still, and thousands of them would be what a tick costs.
        """
        rows: list[Row] = []
        get, generation = self._rests.get, self.generation
        before = generation - 1
        for some in in_slices(entries):
            with self._lock:
                for entry in some:
                    rest = get(entry[0])
                    if rest is not None and rest.generation == before and mono < rest.until and rest.entry == entry:
                        rest.generation = generation
                        rest.mono = mono
                        rows.append(rest.row)
                    else:
                        rows.append(self._row(entry, mono, counts=counts))
        return tuple(rows)

    def _row(self, entry: Entry, mono: float, *, counts: bool) -> Row:
        key, record, value, count = entry
        size = self._observe(key, "size", mono, value)
        number = self._observe(key, "number", mono, count) if counts else None
        row = Row(key, record, size, number)
        if size.delta != 0:
            return row
        track = self._tracks["size"][key]
        if size is not track.still:
            return row
        other = self._tracks["number"][key] if counts else track
        if number is None or number is other.still:
            until = min(track.still_until, other.still_until)
            track.rest = other.rest = self._rests[key] = Rest(entry, row, until, mono, self.generation)
        return row

    def keep(self, figures: Iterable[Figure], mono: float) -> None:
        """Take figures that have no column, of the read that began last."""
        for some in in_slices(list(figures)):
            with self._lock:
                for key, measure, value in some:
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
            self._rests.clear()
        for tracks in list(self._tracks.values()):
            for some in in_slices(list(tracks.values())):
                with self._lock:
                    for track in some:
                        track.mark(mono)

    def forget_gone(self, mono: float) -> None:
        """Drop the history of rows that have been gone for long."""
        for some in in_slices(list(self._rests.items())):
            with self._lock:
                for key, rest in some:
                    if rest.generation != self.generation and self._rests.get(key) is rest:
                        del self._rests[key]
        for tracks in list(self._tracks.values()):
            for each in in_slices(list(tracks.items())):
                with self._lock:
                    for key, track in each:
                        track.catch_up()
                        if track.generation < self.generation and track.is_outlived(mono):
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
            track.catch_up()
            times, values = track.series.times, track.series.values
            start = max(bisect_right(times, since) - 1, 0)
            end = bisect_right(times, until)
            return times[start:end].tolist(), values[start:end].tolist()
