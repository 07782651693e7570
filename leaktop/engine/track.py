"""One figure over time: its series, its baseline, and what follows from them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leaktop.model.frame import Trend

if TYPE_CHECKING:
    from leaktop.engine.sections import Entry
    from leaktop.engine.series import Series
    from leaktop.model.frame import Row

_KEPT_AT_LEAST, _KEPT_AT_MOST = 10.0, 120.0
"""Seconds for which the history of a row that vanished is kept, should it come back: as long as it was there."""
_SLOPE_EVERY = 5.0
"""Seconds for which a slope over a minute stands: long enough to be read, and to be cheap."""


class Rest:
    """A row that stands still: it is given again as it was, and its tracks catch up when somebody asks."""

    __slots__ = ("entry", "generation", "mono", "row", "until")

    def __init__(self, entry: Entry, row: Row, until: float, mono: float, generation: int) -> None:
        self.entry = entry
        self.row = row
        self.until = until
        self.mono = mono
        self.generation = generation


class Track:
    """One figure: its series, its baseline and what follows from them."""

    __slots__ = (
        "baseline",
        "generation",
        "high",
        "rest",
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
        self.rest: Rest | None = None
        """The row that this figure rests with, which knows for how long."""

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
        if self.rest is not None:
            self.catch_up()
            self.rest = None
        still = self.still
        if still is not None and still.value == value and self.generation == generation - 1 and mono < self.still_until:
            self._stand(mono, generation)
            return still
        series = self.series
        delta: int | None = None
        rate: float | None = None
        if series.times:
            if self.generation == generation - 1:
                then = series.times[-1]
                delta = value - int(series.values[-1])
                rate = delta / (mono - then) if mono > then else None
                self.steps += 1
                if delta > 0:
                    self.rises += 1
            else:
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
        if delta == 0 and not (self.rises or growth or self.slope or self.high != value):
            self.still = trend
            self.still_until = self.slope_at + _SLOPE_EVERY if self.slope is None else float("inf")
        else:
            self.still = None
        return trend

    def catch_up(self) -> None:
        """Take what the row went through while it rested."""
        rest = self.rest
        if rest is not None and rest.generation > self.generation:
            self._stand(rest.mono, rest.generation)

    def _stand(self, mono: float, generation: int) -> None:
        """Take the same value again, at every read up to this one."""
        self.steps += generation - self.generation
        self.generation = generation
        self.series.times[-1] = mono

    def mark(self, mono: float) -> None:
        """Let growth count from the value that this figure has now."""
        self.catch_up()
        self.rest = None
        if self.series.values:
            self.baseline = int(self.series.values[-1])
            self.high = self.baseline
        self.since = mono
        self.rises = self.steps = 0
        self.slope, self.slope_at = None, float("-inf")
        self.still = None
