"""History of one figure against a list that forgets nothing."""

from __future__ import annotations

import sys
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from leaktop.engine.series import HORIZON, LEAST_SPAN, WINDOW, Series, buckets

if TYPE_CHECKING:
    from collections.abc import Callable

Points = list[tuple[float, float]]

STEPS = st.tuples(st.integers(1, 40).map(lambda tenths: tenths / 10), st.integers(0, 3))
"""Seconds since the sample before, and the value: few values, so that plateaus are common."""


def points(steps: list[tuple[float, int]]) -> Points:
    time = 100.0
    out = []
    for pause, value in steps:
        time += pause
        out.append((time, float(value)))
    return out


def filled(samples: Points, limit: int = 10_000) -> Series:
    series = Series(limit)
    for time, value in samples:
        series.append(time, value)
    return series


def between(samples: Points, time: float) -> float:
    """The value at a moment on the lines that join the samples."""
    for (start, first), (end, last) in pairwise(samples):
        if start <= time <= end:
            return first + (last - first) * (time - start) / (end - start)
    return samples[0][1] if time < samples[0][0] else samples[-1][1]


def least_squares(samples: Points, start: float, end: float, count: int = 4001) -> float:
    """The slope of the line that fits the joined samples best."""
    moments = [start + (end - start) * i / (count - 1) for i in range(count)]
    values = [between(samples, moment) for moment in moments]
    middle, mean = sum(moments) / count, sum(values) / count
    covariance = sum((m - middle) * (v - mean) for m, v in zip(moments, values, strict=True))
    return covariance / sum((m - middle) ** 2 for m in moments)


@given(st.lists(STEPS, min_size=1, max_size=80), st.floats(0, 1))
def test_a_plateau_keeps_the_value_at_any_moment(steps: list[tuple[float, int]], share: float) -> None:
    samples = points(steps)
    series = filled(samples)
    moment = samples[0][0] + share * (samples[-1][0] - samples[0][0])
    assert series.value_at(moment) == pytest.approx(between(samples, moment), abs=1e-9)
    for time, value in samples:
        assert series.value_at(time) == pytest.approx(value, abs=1e-9)


@given(st.lists(STEPS, min_size=1, max_size=80))
def test_only_the_ends_of_a_plateau_are_kept(steps: list[tuple[float, int]]) -> None:
    series = filled(points(steps))
    values = list(series.values)
    assert all(len(set(values[i : i + 3])) > 1 for i in range(len(values) - 2))
    assert list(series.times) == sorted(set(series.times))


@given(st.lists(STEPS, min_size=1, max_size=200), st.integers(4, 20))
def test_thinning_bounds_the_length_and_leaves_the_newest_alone(steps: list[tuple[float, int]], limit: int) -> None:
    samples = points(steps)
    series = filled(samples, limit)
    assert len(series.times) == len(series.values) <= limit
    exact = filled(samples)
    newest = limit // 2 - 1
    assert list(series.times)[-newest:] == list(exact.times)[-newest:]
    assert list(series.values)[-newest:] == list(exact.values)[-newest:]
    assert series.times[0] == samples[0][0]


def test_an_hour_stays_in_view_and_no_more() -> None:
    series = Series(3600)
    for second in range(10_000):
        series.append(float(second), float(second % 7))
    assert HORIZON <= series.times[-1] - series.times[0] <= HORIZON * 1.11
    assert len(series.times) <= 3600
    assert [series.value_at(9999 - back) for back in range(1700)] == [(9999 - back) % 7 for back in range(1700)]


def test_a_figure_that_stood_still_for_hours_still_has_its_hour() -> None:
    series = filled([(float(second), 42.0) for second in range(3 * 3600)])
    end = series.times[-1]
    assert len(series.times) == 2
    assert end - series.times[0] >= HORIZON
    assert buckets(series.times.tolist(), series.values.tolist(), end - 900, 300.0, 3) == [42.0, 42.0, 42.0]
    assert series.slope(0.0) == 0.0
    series.append(end + 1, 99.0)
    assert buckets(series.times.tolist(), series.values.tolist(), end - 899, 300.0, 3) == [42.0, 42.0, 99.0]


def test_a_line_that_crosses_the_horizon_is_cut_there() -> None:
    series = filled([(0.0, 0.0), (10.0, 10.0), (7000.0, 7000.0), (7010.0, 7010.0)])
    assert list(series.times) == [7000.0 - HORIZON, 7000.0, 7010.0]
    assert list(series.values) == pytest.approx([7000.0 - HORIZON, 7000.0, 7010.0])


def test_memory_does_not_grow() -> None:
    series = Series(720)

    def size() -> int:
        return sys.getsizeof(series.times) + sys.getsizeof(series.values)

    for tick in range(5_000):
        series.append(float(tick), float(tick % 1000))
    early = size()
    for tick in range(5_000, 30_000):
        series.append(float(tick), float(tick % 1000))
    assert size() <= early * 1.2
    assert size() < 720 * 8 * 2 * 1.6


def ramp(second: int) -> float:
    return 4096.0 * second


def flat(_second: int) -> float:
    return 7e9


def step(second: int) -> float:
    return 0.0 if second < 70 else 1e6


def sawtooth(second: int) -> float:
    return float(second % 10) * 1000


def steep_end(second: int) -> float:
    return 0.0 if second < 90 else (second - 90) * 5e5


@pytest.mark.parametrize(
    ("shape", "share"), [(ramp, 1e-6), (flat, 0), (step, 0.12), (sawtooth, 0.3), (steep_end, 0.12)]
)
@pytest.mark.parametrize("since", [0.0, 75.0])
def test_the_slope_is_near_least_squares(shape: Callable[[int], float], share: float, since: float) -> None:
    # A sawtooth may beat with the moments at which the slope looks, so that more of its height shows.
    samples = [(float(second), shape(second)) for second in range(101)]
    found = filled(samples).slope(since)
    start = max(100.0 - WINDOW, since)
    exact = least_squares(samples, start, 100.0)
    spread = max(v for _, v in samples) - min(v for _, v in samples)
    assert found == pytest.approx(exact, abs=share * spread / (100.0 - start) + 1e-9)


@given(st.floats(-1e6, 1e6), st.floats(0.1, 90), st.integers(3, 60))
def test_the_slope_of_a_line_is_exact_whatever_the_pace(rate: float, pause: float, count: int) -> None:
    samples = [(1000 + i * pause, 5e8 + rate * i * pause) for i in range(count)]
    assume(samples[-1][0] - samples[0][0] >= LEAST_SPAN)
    assert filled(samples).slope(0.0) == pytest.approx(rate, rel=1e-6, abs=1e-4)


def test_no_slope_from_one_sample_or_a_few_seconds() -> None:
    assert filled([(1.0, 5.0)]).slope(0.0) is None
    assert filled([(1.0, 5.0), (5.9, 9.0)]).slope(0.0) is None
    assert filled([(1.0, 5.0), (9.0, 9.0)]).slope(5.0) is None
    assert filled([(1.0, 5.0), (9.0, 9.0)]).slope(0.0) == pytest.approx(0.5)


def test_the_slope_looks_back_no_further_than_the_baseline() -> None:
    series = filled([(float(second), 0.0 if second < 50 else 1e6 + second) for second in range(101)])
    assert series.slope(51.0) == pytest.approx(1.0)


def test_a_bucket_holds_the_last_value_that_was_known() -> None:
    times, values = [12.0, 18.0, 41.0], [1.0, 2.0, 3.0]
    assert buckets(times, values, 0.0, 10.0, 6) == [None, 2.0, 2.0, 2.0, 3.0, 3.0]
