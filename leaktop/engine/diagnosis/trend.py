"""Whether a figure rises, and whether it does so as a leak does: all along, and still.

A random walk, a step, a spike and a sawtooth can all end higher than they began. A leak differs in what it never does:
give back. So the floor of every part of the span has to be above the floor of the part before.
"""

from __future__ import annotations

from itertools import pairwise
from math import inf
from typing import TYPE_CHECKING, NamedTuple

from leaktop.engine.diagnosis.staircase import is_staircase
from leaktop.engine.statistics import floor_rises, largest_step_share, mann_kendall, theil_sen
from leaktop.model.diagnosis import Rise

if TYPE_CHECKING:
    from collections.abc import Sequence

    from leaktop.engine.statistics import Kendall

LEAST_SAMPLES, LEAST_SECONDS = 5, 20.0
"""Below either, any rise may be chance or a start-up."""
_CHANCE = 0.01
_FLOORS = 0.75
_STEP = 0.5
_RECENT = 0.25
_PARTS = 8
_FEW = 20


class Curve(NamedTuple):
    """A figure at the moments at which it was read."""

    times: Sequence[float]
    values: Sequence[float]

    @property
    def seconds(self) -> float:
        """From the first sample to the last."""
        return self.times[-1] - self.times[0] if self.times else 0.0


def measure(curve: Curve) -> Rise | None:
    """How a curve moves; None where it is too short to tell."""
    if len(curve.values) < LEAST_SAMPLES or curve.seconds < LEAST_SECONDS:
        return None
    times, values = curve
    shape = _shape(curve)
    slope = theil_sen(times, values) if shape.is_rising else theil_sen(*_thinned(curve))
    may_last = shape.is_rising and slope.low > 0
    recent = _recent(times, values) / slope.slope if may_last else 0.0
    if may_last and recent < _RECENT and shape.is_staircase:
        recent = 1.0  # the next step is not overdue
    return Rise(
        times[0], curve.seconds, len(values), values[-1] - values[0], slope.slope, slope.low, slope.high,
        shape.kendall.tau, shape.kendall.p, shape.floors, shape.step, recent, may_last and recent >= _RECENT,
    )  # fmt: skip


def _thinned(curve: Curve) -> Curve:
    """Half of the samples, the last among them: where nothing rises, the rate need not be known so well."""
    return curve if len(curve.values) <= _FEW else Curve(curve.times[::-2][::-1], curve.values[::-2][::-1])


def parts_of(samples: int) -> int:
    """Into how many parts a span of so many samples is divided; a handful of samples are a part each."""
    return samples if samples < 2 * LEAST_SAMPLES else min(_PARTS, samples // 2)


def may_rise(curve: Curve) -> bool:
    """Whether measuring a curve can find a steady rise: the cheap half of the question."""
    return len(curve.values) >= LEAST_SAMPLES and curve.seconds >= LEAST_SECONDS and _shape(curve).is_rising


class _Shape(NamedTuple):
    kendall: Kendall
    floors: float
    step: float
    is_staircase: bool
    is_rising: bool


def _shape(curve: Curve) -> _Shape:
    times, values = curve
    count = len(values)
    kendall = mann_kendall(values)
    parts = parts_of(count)
    floors = floor_rises(values, parts) or 0.0 if parts <= count // 2 else _rises(values)
    step = largest_step_share(_evenly(curve), parts)
    in_steps = is_staircase(times, values)
    is_rising = kendall.p < _CHANCE and (floors >= _FLOORS or in_steps) and step <= max(_STEP, 2 / (parts - 1))
    return _Shape(kendall, floors, step, in_steps, is_rising)


def _evenly(curve: Curve) -> list[float]:
    """As many values, evenly spaced in time: a slow probe leaves gaps, and what grew in one is no step."""
    times, values = curve
    last = len(times) - 1
    evenly, right = [], 1
    for i in range(last + 1):
        moment = times[0] + (times[-1] - times[0]) * i / last
        while right < last and times[right] < moment:
            right += 1
        share = (moment - times[right - 1]) / (times[right] - times[right - 1])
        evenly.append(values[right - 1] + (values[right] - values[right - 1]) * share)
    return evenly


def _rises(values: Sequence[float]) -> float:
    """Of a handful of samples, each is a part of its own."""
    return sum(after > before for before, after in pairwise(values)) / (len(values) - 1)


def _recent(times: Sequence[float], values: Sequence[float]) -> float:
    start = min(2 * len(values) // 3, len(values) - 3)
    return theil_sen(times[start:], values[start:]).slope


def are_in_step(one: Curve, other: Curve, tolerance: float = 0.06) -> bool:
    """Whether two curves over the same moments have one shape: at any of them, the same share of their growth."""
    return distance(one, other) <= tolerance


def distance(one: Curve, other: Curve) -> float:
    """How far the shapes of two curves over the same moments are apart, as a share of their growth.

    At nine moments of ten; infinite where one of them does not grow.
    """
    growths = [curve.values[-1] - curve.values[0] if curve.values else 0.0 for curve in (one, other)]
    if min(growths) <= 0 or len(one.values) != len(other.values):
        return inf
    shares = [[(v - c.values[0]) / growth for v in c.values] for c, growth in zip((one, other), growths, strict=True)]
    apart: list[float] = sorted(abs(a - b) for a, b in zip(*shares, strict=True))
    return apart[int(0.9 * (len(apart) - 1))]


def line(curve: Curve) -> Curve:
    """The even rise over the same moments."""
    return Curve(curve.times, [time - curve.times[0] for time in curve.times])


def is_straight(curve: Curve) -> bool:
    """Whether a curve rises so evenly that any other even rise has its shape."""
    return are_in_step(curve, line(curve), 0.15)
