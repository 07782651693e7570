"""Whether a series rises, how fast and in which manner, by ranks and medians: one spike decides nothing.

Values are finite; infinities and NaN have no place in a rank or a slope.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from math import erfc, factorial, inf, sqrt
from statistics import NormalDist, median
from typing import NamedTuple

_EXACT = 8
"""Values up to which the chance is counted; beyond it the normal distribution is close enough."""


class Kendall(NamedTuple):
    """What the Mann-Kendall test says of a series."""

    s: int
    """Pairs that rise less pairs that fall."""
    tau: float
    """The same as a share, -1..1, corrected for ties (tau-b)."""
    z: float
    """`s` in standard deviations from none, corrected for continuity."""
    p: float
    """Chance, 0..1, of a rise as strong as this where there is no trend; 0.5 where `s` is 0, above it for a fall."""


class Slope(NamedTuple):
    """A line through a series, and how sure its slope is."""

    slope: float
    """Change of the value in one unit of time."""
    low: float
    """The lower end of the slope's confidence interval."""
    high: float
    """The upper end of it."""
    intercept: float
    """The value of the line at time 0."""


def mann_kendall(values: Sequence[float]) -> Kendall:
    """Test for a trend by the order of the values alone.

    The chance is exact for up to 8 values of which no two are equal, else that of the normal distribution. `tau` is 0
    where all values are equal.

    Raises:
        ValueError: fewer than 2 values.
    """
    count = _counted(values)
    ordered: list[float] = []
    s = 0
    for i, value in enumerate(values):
        below = bisect_left(ordered, value)
        not_above = bisect_right(ordered, value, below)
        s += below + not_above - i
        ordered.insert(not_above, value)
    repeats = Counter(ordered).values()
    pairs = _pairs(count)
    unequal = pairs - sum(map(_pairs, repeats))
    if not unequal:
        return Kendall(0, 0.0, 0.0, 0.5)
    tau = s / sqrt(pairs * unequal)
    z = (s - (s > 0) + (s < 0)) / sqrt((_spread(count) - sum(map(_spread, repeats))) / 18)
    if count > _EXACT or unequal < pairs or not s:
        return Kendall(s, tau, z, erfc(z / sqrt(2)) / 2)
    # A fall mirrors the rise that is as strong, as it does in the normal distribution.
    chance = sum(_inversions(count)[: (pairs - abs(s)) // 2 + 1]) / factorial(count)
    return Kendall(s, tau, z, chance if s > 0 else 1 - chance)


def theil_sen(times: Sequence[float], values: Sequence[float], confidence: float = 0.95) -> Slope:
    """Median of the slopes between all pairs of points; pairs at one time have none and are skipped.

    Args:
        times: in any unit and order.
        values: as many.
        confidence: share, above 0 and below 1, of cases in which the interval holds the true slope.

    Raises:
        ValueError: fewer than 2 values, not as many times as values, all times equal, or no such confidence.
    """
    count = _counted(values)
    if not 0 < confidence < 1:
        raise ValueError(f"confidence {confidence} is not between 0 and 1")
    points = list(zip(times, values, strict=True))
    slopes = [(value - v) / (time - t) for i, (time, value) in enumerate(points) for t, v in points[:i] if time != t]
    if not slopes:
        raise ValueError("all times are equal")
    slopes.sort()
    slope = median(slopes)
    # Sen (1968), 2.6: how far Kendall's S strays by chance is how many slopes the interval reaches to either side.
    variance = _spread(count) - sum(_spread(n) for xs in (times, values) for n in Counter(xs).values())
    last = len(slopes) - 1
    low, high = 0, last
    if variance >= 0:  # below it so many times and values repeat that the formula says nothing: all slopes are in it
        reach = NormalDist().inv_cdf((1 + confidence) / 2) * sqrt(variance / 18)
        low = max(round((len(slopes) - reach) / 2) - 1, 0)
        high = min(round((len(slopes) + reach) / 2), last)
    return Slope(slope, slopes[low], slopes[high], median(values) - slope * median(times))


def floor_rises(values: Sequence[float], parts: int) -> float | None:
    """Share, 0..1, of steps from one span's minimum to the next span's that rise.

    A sawtooth that is freed to one level gives 0 to about 0.5, a leak under a sawtooth nearly 1.

    Args:
        values: evenly spaced.
        parts: how many spans, 2 or more, of nearly equal length the series is split into.

    Returns:
        None when a span would have fewer than 2 values.

    Raises:
        ValueError: fewer than 2 values, or fewer than 2 parts.
    """
    spans = _split(values, parts)
    if len(values) < 2 * parts:
        return None
    return sum(after > before for before, after in pairwise(map(min, spans))) / (parts - 1)


def largest_step_share(values: Sequence[float], parts: int) -> float:
    """How much of the growth from the first span's median to the last one's came in the largest step between two spans.

    A single step gives 1, a steady rise 1 / (parts - 1); above 1 where part of the step was given back.

    Args:
        values: evenly spaced.
        parts: how many spans, 2 or more, of nearly equal length the series is split into; as many as there are values
            where these are fewer.

    Returns:
        The share, or infinity where the series did not grow.

    Raises:
        ValueError: fewer than 2 values, or fewer than 2 parts.
    """
    medians = [median(span) for span in _split(values, parts)]
    growth = medians[-1] - medians[0]
    if growth <= 0:
        return inf
    return max(after - before for before, after in pairwise(medians)) / growth


def _counted(values: Sequence[float]) -> int:
    """How many values there are, if they are enough."""
    if len(values) < 2:
        raise ValueError(f"{len(values)} values, where 2 are the least")
    return len(values)


def _split(values: Sequence[float], parts: int) -> list[Sequence[float]]:
    """The series in spans whose lengths differ by 1 at most, none of them empty."""
    count = _counted(values)
    if parts < 2:
        raise ValueError(f"{parts} parts, where 2 are the least")
    parts = min(parts, count)
    return [values[i * count // parts : (i + 1) * count // parts] for i in range(parts)]


def _pairs(n: int) -> int:
    return n * (n - 1) // 2


def _spread(n: int) -> int:
    """18 times the variance of S that n values give, and that n equal values take away."""
    return n * (n - 1) * (2 * n + 5)


@cache
def _inversions(n: int) -> list[int]:
    """How many orders of n values have 0, 1, 2... pairs that fall."""
    counts = [1]
    for size in range(2, n + 1):
        # The value that comes last falls below 0 to size - 1 of those before it, whatever their own order.
        counts = [sum(counts[max(k - size + 1, 0) : k + 1]) for k in range(_pairs(size) + 1)]
    return counts
