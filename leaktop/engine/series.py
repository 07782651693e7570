"""Bounded history of one figure: an hour of it, in memory that does not grow."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right

HORIZON = 3600.0
"""Seconds that are kept, live."""
WINDOW = 60.0
"""Seconds that the slope looks back over."""
LEAST_SPAN = 5.0
"""Seconds below which a slope would only be noise."""
_PROBES = 13
"""Moments of the window at which the slope takes the value: odd, so that their mean is one of them."""
_WEIGHTS = tuple(i - _PROBES // 2 for i in range(_PROBES))
_WEIGHT_SQUARES = sum(w * w for w in _WEIGHTS)


class Series:
    """Times and values, a plateau kept as its two ends: most figures of a machine stand still most of the time.

    Args:
        limit: points kept at most. Beyond it the older half is thinned to every second point, so that what is recent
            stays exact and the oldest stays in view.
        horizon: seconds that are kept.
    """

    __slots__ = ("_horizon", "_limit", "times", "values")

    def __init__(self, limit: int, horizon: float = HORIZON) -> None:
        self.times = array("d")
        self.values = array("d")
        self._limit = limit
        self._horizon = horizon

    def append(self, time: float, value: float) -> None:
        """Add one sample; times do not go back."""
        times, values = self.times, self.values
        count = len(values)
        if count > 1 and values[-1] == value and values[-2] == value:
            times[-1] = time
            return
        times.append(time)
        values.append(value)
        if count >= self._limit:
            half = count // 2
            del times[1:half:2]
            del values[1:half:2]
        if time - times[0] > self._horizon * 1.1:
            self._forget(time - self._horizon)

    def slope(self, since: float) -> float | None:
        """Change a second over the window that ends now, by least squares on evenly spaced moments.

        Args:
            since: samples before this time do not count (the baseline, or the end of a gap).
        """
        times, values = self.times, self.values
        end = times[-1]
        start = max(end - WINDOW, since, times[0])
        span = end - start
        if span < LEAST_SPAN or len(times) < 2:
            return None
        if values[-1] == values[-2] and times[-2] <= start:
            return 0.0
        step = span / (_PROBES - 1)
        total = 0.0
        count, right = len(times), max(bisect_left(times, start) - 1, 0)
        for i, weight in enumerate(_WEIGHTS):
            # As value_at does, from where the moment before was found: thousands of slopes a tick are asked for.
            time = start + i * step
            right = bisect_right(times, time, right)
            if right == count:
                total += weight * values[-1]
                continue
            then, before = times[right - 1], values[right - 1]
            total += weight * (before + (time - then) / (times[right] - then) * (values[right] - before))
        return total / (_WEIGHT_SQUARES * step)

    def value_at(self, time: float) -> float:
        """The value at a moment, between two samples on the line that joins them."""
        times, values = self.times, self.values
        right = bisect_right(times, time)
        if right == 0:
            return values[0]
        if right == len(times):
            return values[-1]
        left = right - 1
        share = (time - times[left]) / (times[right] - times[left])
        return values[left] + share * (values[right] - values[left])

    def _forget(self, before: float) -> None:
        """Drop what is older; the line that crosses this moment begins there."""
        value = self.value_at(before)
        keep = bisect_right(self.times, before) - 1
        del self.times[:keep]
        del self.values[:keep]
        self.times[0], self.values[0] = before, value


def buckets(times: list[float], values: list[float], start: float, width: float, count: int) -> list[float | None]:
    """The last value in each of `count` spans of `width` seconds from `start`; None before the first sample.

    Between samples the last one holds, as plateaus are kept by their ends only.
    """
    out: list[float | None] = []
    for i in range(count):
        right = bisect_right(times, start + (i + 1) * width)
        out.append(values[right - 1] if right else None)
    return out
