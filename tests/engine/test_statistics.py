"""Trend tests against scipy, against every order of few values, and on the shapes that memory takes."""

from __future__ import annotations

import math
import random
import warnings
from itertools import combinations, permutations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import kendalltau, norm, theilslopes

from leaktop.engine import statistics
from leaktop.engine.statistics import floor_rises, largest_step_share, mann_kendall, theil_sen

FEW = st.integers(-3, 3).map(float)
"""So few different values that most of them are tied."""
MANY = st.floats(-1e12, 1e12, allow_subnormal=False)
SERIES = st.lists(FEW, min_size=2, max_size=70) | st.lists(MANY | FEW, min_size=2, max_size=70)
CONFIDENCES = st.sampled_from([0.8, 0.9, 0.95, 0.99])
MINUTES = [60.0 * i for i in range(61)]


def noisy(rise: float, noise: float = 1.0, seed: int = 7) -> list[float]:
    """An hour of a figure that rises by `rise` a minute under noise of its own size."""
    source = random.Random(seed)
    return [1e6 + rise * i + source.gauss(0, noise) for i in range(61)]


def sawtooth(teeth: int, length: int, height: float, leak: float) -> list[float]:
    """Grows and is freed again, each time to a level that is higher by `leak`."""
    return [tooth * leak + i * height for tooth in range(teeth) for i in range(length)]


def sign(x: float) -> int:
    return (x > 0) - (x < 0)


@given(SERIES)
def test_s_counts_the_pairs_that_rise(values: list[float]) -> None:
    assert mann_kendall(values).s == sum(sign(after - before) for before, after in combinations(values, 2))


@given(SERIES)
def test_tau_is_that_of_scipy(values: list[float]) -> None:
    assume(len(set(values)) > 1)
    assert mann_kendall(values).tau == pytest.approx(kendalltau(range(len(values)), values).statistic, rel=1e-9)


@given(SERIES)
def test_the_variance_is_that_of_scipy(values: list[float]) -> None:
    found = mann_kendall(values)
    assume(found.s > 1)
    other = kendalltau(range(len(values)), values, method="asymptotic", alternative="greater")
    # scipy does not correct for continuity: its z is s where ours is s - 1.
    assert found.z * found.s / (found.s - 1) == pytest.approx(norm.isf(other.pvalue), rel=1e-7)


@given(SERIES)
def test_p_follows_from_z_unless_it_is_counted(values: list[float]) -> None:
    found = mann_kendall(values)
    assume(len(values) > 8 or len(set(values)) < len(values) or not found.s)
    assert found.p == pytest.approx(norm.sf(found.z), rel=1e-9, abs=0)


@pytest.mark.parametrize("count", range(2, 8))
def test_p_of_few_values_is_the_share_of_their_orders(count: int) -> None:
    found = [mann_kendall(order) for order in permutations(range(count))]
    scores = [each.s for each in found]
    for each in set(found):
        at_least = sum(s >= each.s for s in scores) / len(scores)
        above = sum(s > each.s for s in scores) / len(scores)
        expected = at_least if each.s > 0 else above if each.s < 0 else 0.5
        assert each.p == pytest.approx(expected, rel=1e-12)


@given(st.permutations(range(8)))
def test_p_of_eight_values_is_that_of_scipy(order: list[int]) -> None:
    found = mann_kendall(order)
    assume(found.s > 0)
    other = kendalltau(range(8), order, method="exact", alternative="greater")
    assert found.p == pytest.approx(other.pvalue, rel=1e-12)


def test_the_counted_chance_goes_over_into_the_normal_one() -> None:
    [eight, nine] = [mann_kendall(range(count)) for count in (8, 9)]
    assert eight.p == 1 / math.factorial(8)
    assert 0 < nine.p < 1e-3


@given(SERIES)
def test_a_fall_mirrors_a_rise(values: list[float]) -> None:
    rise, fall = mann_kendall(values), mann_kendall([-value for value in values])
    assert (fall.s, fall.tau, fall.z) == (-rise.s, -rise.tau, -rise.z)
    assert rise.p + fall.p == pytest.approx(1)
    assert (rise.p < 0.5) <= (rise.s > 0)
    assert -1 <= rise.tau <= 1


@pytest.mark.parametrize("count", [2, 8, 9, 61])
def test_a_plateau_has_no_trend(count: int) -> None:
    assert mann_kendall([4096.0] * count) == (0, 0.0, 0.0, 0.5)
    assert theil_sen(range(count), [4096.0] * count) == (0.0, 0.0, 0.0, 4096.0)


@pytest.mark.parametrize("count", [2, 3, 8, 9, 61, 500])
def test_a_monotone_rise(count: int) -> None:
    found = mann_kendall([i * i for i in range(count)])
    assert (found.s, found.tau) == (count * (count - 1) // 2, 1.0)
    assert found.p <= 0.5 if count == 2 else found.p < 0.2
    assert theil_sen(range(count), [3 + 2 * i for i in range(count)]) == (2.0, 2.0, 2.0, 3.0)


def test_noise_has_no_trend_and_a_leak_under_it_has() -> None:
    assert sum(mann_kendall(noisy(0, seed=seed)).p < 0.05 for seed in range(200)) < 25
    assert all(mann_kendall(noisy(0.05, seed=seed)).p < 0.05 for seed in range(200))


def test_the_interval_holds_the_true_slope_as_often_as_it_says() -> None:
    found = [theil_sen(range(61), noisy(2, 40, seed), 0.9) for seed in range(200)]
    assert 165 <= sum(each.low <= 2 <= each.high for each in found) <= 195


def compare(times: list[float], values: list[float], confidence: float) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the root of a variance below 0
        other = theilslopes(values, times, confidence, method="separate")
    assume(not math.isnan(other.low_slope))
    expected = (other.slope, other.low_slope, other.high_slope, other.intercept)
    assert theil_sen(times, values, confidence) == pytest.approx(expected, rel=1e-9, abs=0)


@given(SERIES, CONFIDENCES, st.data())
def test_the_slope_is_that_of_scipy(values: list[float], confidence: float, data: st.DataObject) -> None:
    pauses = data.draw(st.lists(st.integers(1, 40), min_size=len(values), max_size=len(values)))
    compare([sum(pauses[:i]) / 10 for i in range(len(values))], values, confidence)


@given(st.lists(st.tuples(st.integers(0, 9).map(float), MANY | FEW), min_size=2, max_size=40), CONFIDENCES)
def test_times_in_any_order_that_repeat(points: list[tuple[float, float]], confidence: float) -> None:
    times, values = [time for time, _ in points], [value for _, value in points]
    assume(len(set(times)) > 1)
    compare(times, values, confidence)


def test_where_ties_leave_no_variance_the_interval_is_all_slopes() -> None:
    found = theil_sen([0] * 5 + [1], [4, 5, 5, 5, 5, 5])
    assert found == (0.0, 0.0, 1.0, 5.0)


@given(SERIES, CONFIDENCES)
def test_the_slope_lies_in_its_interval(values: list[float], confidence: float) -> None:
    found = theil_sen(range(len(values)), values, confidence)
    assert found.low <= found.slope <= found.high


@pytest.mark.parametrize("at", [0, 1, 30, 59, 60])
@pytest.mark.parametrize("height", [1e9, -1e9])
def test_one_spike_moves_little(at: int, height: float) -> None:
    plain = noisy(10, 20)
    spiked = [*plain]
    spiked[at] += height
    assert theil_sen(MINUTES, spiked).slope == pytest.approx(theil_sen(MINUTES, plain).slope, rel=0.05)
    assert mann_kendall(spiked).p < 1e-6
    assert theil_sen(MINUTES, [height if i == at else 5.0 for i in range(61)]).slope == 0


def test_a_step_at_the_start_has_no_slope() -> None:
    values = [0.0] * 4 + [1e9] * 57
    assert theil_sen(MINUTES, values) == (0.0, 0.0, 0.0, 1e9)
    assert largest_step_share(values, 6) == math.inf, "the step is over within the first span"
    assert largest_step_share([0.0] * 10 + [1e9] * 51, 6) == 1.0
    assert floor_rises([0.0] * 10 + [1e9] * 51, 6) == 0.2


@pytest.mark.parametrize("length", [2, 3, 7, 13])
def test_a_sawtooth_that_is_freed_to_one_level(length: int) -> None:
    share = floor_rises(sawtooth(12, length, 5, 0), 6)
    assert share is not None
    assert share <= 0.5


@pytest.mark.parametrize("length", [2, 3, 7])
def test_a_leak_under_a_sawtooth(length: int) -> None:
    values = sawtooth(12, length, 50, 1)
    assert floor_rises(values, 6) == 1
    assert theil_sen(range(len(values)), values).high > 0


def test_a_steady_rise_has_no_large_step() -> None:
    assert floor_rises(MINUTES, 6) == 1
    assert largest_step_share([float(i) for i in range(60)], 6) == pytest.approx(1 / 5)
    assert largest_step_share(noisy(10, 20), 6) == pytest.approx(1 / 5, abs=0.1)


def test_what_fell_back_after_a_step_makes_the_share_larger() -> None:
    assert largest_step_share([0, 0, 8, 8, 4, 4], 3) == 2.0


@pytest.mark.parametrize("values", [[5.0] * 12, [float(-i) for i in range(12)], [0, 0, 9, 9, 0, 0]])
def test_the_share_of_no_growth_is_infinite(values: list[float]) -> None:
    assert largest_step_share(values, 3) == math.inf


@given(SERIES, st.integers(2, 12))
def test_shares_are_in_bounds(values: list[float], parts: int) -> None:
    rises = floor_rises(values, parts)
    assert (rises is None) == (len(values) < 2 * parts)
    assert rises is None or 0 <= rises <= 1
    assert largest_step_share(values, parts) >= (1 - 1e-9) / (parts - 1)


@given(st.integers(2, 70), st.integers(2, 12))
def test_spans_are_nearly_equal_and_leave_nothing_out(count: int, parts: int) -> None:
    spans = statistics._split(range(count), parts)
    assert [i for span in spans for i in span] == list(range(count))
    lengths = [len(span) for span in spans]
    assert max(lengths) - min(lengths) <= 1
    assert len(spans) == min(parts, count)


def test_fewer_values_than_parts_are_a_span_each() -> None:
    assert largest_step_share([0, 1, 4], 6) == 0.75
    assert floor_rises([0, 1, 4], 6) is None


@pytest.mark.parametrize("values", [[], [1.0]])
def test_fewer_than_two_values_are_refused(values: list[float]) -> None:
    with pytest.raises(ValueError, match="2 are the least"):
        mann_kendall(values)
    with pytest.raises(ValueError, match="2 are the least"):
        theil_sen(values, values)
    with pytest.raises(ValueError, match="2 are the least"):
        floor_rises(values, 2)
    with pytest.raises(ValueError, match="2 are the least"):
        largest_step_share(values, 2)


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(ValueError, match="times are equal"):
        theil_sen([3, 3, 3], [1, 2, 3])
    with pytest.raises(ValueError, match="zip"):
        theil_sen([1, 2, 3], [1, 2])
    for confidence in (0, 1, 95):
        with pytest.raises(ValueError, match="confidence"):
            theil_sen([1, 2], [1, 2], confidence)
    for parts in (0, 1):
        with pytest.raises(ValueError, match="parts"):
            floor_rises([1, 2, 3], parts)
        with pytest.raises(ValueError, match="parts"):
            largest_step_share([1, 2, 3], parts)
