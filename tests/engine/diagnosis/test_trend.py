"""What rises as a leak does, and what only ends higher than it began."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leaktop.engine.diagnosis.trend import Curve, are_in_step, is_straight, measure

SECONDS = list(range(61))


def curve(values: list[float], times: list[float] | None = None) -> Curve:
    return Curve(list(SECONDS[: len(values)]) if times is None else times, values)


def is_steady(values: list[float]) -> bool:
    rise = measure(curve(values))
    assert rise is not None
    return rise.is_steady


@settings(max_examples=60, deadline=None)
@given(
    rate=st.floats(1.0, 1e6),
    noise=st.floats(0.0, 2.0),
    seed=st.integers(0, 10**6),
)
def test_a_steady_rise_under_noise_is_found_with_its_rate(rate: float, noise: float, seed: int) -> None:
    chance = random.Random(seed)
    rise = measure(curve([rate * second + chance.uniform(-noise, noise) * rate for second in SECONDS]))
    assert rise is not None
    assert rise.is_steady
    assert rise.slope == pytest.approx(rate, rel=0.1)
    assert rise.low <= rise.slope <= rise.high
    assert (rise.seconds, rise.samples) == (60.0, 61)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_noise_alone_is_no_rise(seed: int) -> None:
    chance = random.Random(seed)
    assert not is_steady([chance.gauss(1e6, 1e4) for _ in SECONDS])


@pytest.mark.parametrize("at", [0, 1, 30, 59, 60])
def test_one_spike_makes_no_rise_and_hides_none(at: int) -> None:
    still = [1000.0] * 61
    still[at] = 1e9
    assert not is_steady(still)
    climbing = [float(second) for second in SECONDS]
    climbing[at] = 1e9 if at not in {60, 0} else climbing[at]
    assert is_steady(climbing)


@pytest.mark.parametrize("at", [1, 5, 20, 30, 50])
def test_a_step_is_no_rise(at: int) -> None:
    assert not is_steady([0.0 if second < at else 5e8 for second in SECONDS])


@pytest.mark.parametrize("period", [4, 7, 10, 15, 20, 30])
def test_what_is_given_back_again_and_again_is_no_rise(period: int) -> None:
    assert not is_steady([float(second % period) for second in SECONDS])
    assert not is_steady([float(period - second % period) for second in SECONDS])


@pytest.mark.parametrize("period", [4, 6, 7])
def test_a_leak_under_a_sawtooth_is_found(period: int) -> None:
    assert is_steady([3.0 * second + 10 * (second % period) for second in SECONDS])


def test_what_has_found_its_level_is_no_leak() -> None:
    assert not is_steady([1e6 * (1 - 0.85**second) for second in SECONDS])


def test_a_leak_in_bursts_is_found() -> None:
    assert is_steady([float(second // 6) for second in SECONDS])


def test_steps_far_apart_are_a_leak_while_the_next_is_not_overdue() -> None:
    seconds = [float(second) for second in range(0, 157, 3)]
    rise = measure(Curve(seconds, [700.0 * min(second // 30, 5) for second in seconds]))
    assert rise is not None
    assert rise.is_steady
    ended = measure(Curve(seconds, [700.0 * min(second // 15, 5) for second in seconds]))
    assert ended is not None
    assert not ended.is_steady
    uneven = measure(Curve(seconds, [700.0 * sum(second > at for at in (10, 16, 90, 96, 150)) for second in seconds]))
    assert uneven is not None
    assert not uneven.is_steady


def test_what_grew_while_nobody_read_is_no_step() -> None:
    kept = [float(second) for second in SECONDS if not 10 < second < 45]
    rise = measure(Curve(kept, [9.0 * second for second in kept]))
    assert rise is not None
    assert rise.is_steady
    assert rise.step < 0.2


def test_missing_ticks_change_nothing() -> None:
    kept = [second for second in SECONDS if not 20 <= second < 38 and second % 5 != 3]
    rise = measure(curve([7.0 * second for second in kept], [float(second) for second in kept]))
    assert rise is not None
    assert rise.is_steady
    assert rise.slope == pytest.approx(7.0)


def test_five_samples_in_order_are_enough_and_four_are_not() -> None:
    times = [0.0, 30.0, 60.0, 90.0, 120.0]
    rise = measure(Curve(times, [0.0, 3.0, 6.0, 9.0, 12.0]))
    assert rise is not None
    assert rise.is_steady
    assert measure(Curve(times[:4], [0.0, 3.0, 6.0, 9.0])) is None
    assert measure(Curve([0.0, 1.0, 2.0, 3.0, 4.0], [0.0, 3.0, 6.0, 9.0, 12.0])) is None
    disordered = measure(Curve(times, [0.0, 6.0, 3.0, 9.0, 12.0]))
    assert disordered is not None
    assert not disordered.is_steady


def test_shapes_are_compared_whatever_the_scale() -> None:
    bent = [float(second**2) for second in SECONDS]
    assert are_in_step(curve(bent), curve([37 * value + 5000 for value in bent]))
    assert not are_in_step(curve(bent), curve([float(second) for second in SECONDS]))
    assert not are_in_step(curve(bent), curve([0.0] * 61))
    assert is_straight(curve([5.0 * second for second in SECONDS]))
    assert not is_straight(curve(bent))
