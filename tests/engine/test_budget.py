"""The budget, with machines that are made up: what they cost, and what is made of that."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leaktop.engine.budget import DUTY, LONGEST_BEAT, Budget, Load, level, needed, split, steadied

COSTS = st.floats(1e-6, 2.0)
PERIODS = st.sampled_from([0.25, 1.0, 2.0, 5.0, 60.0])
LOADS = st.lists(st.tuples(COSTS, PERIODS).map(lambda pair: Load(*pair)), min_size=1, max_size=20)
BOUND = st.lists(
    st.builds(lambda cost, period, times: Load(cost, period, period * times), COSTS, PERIODS, st.floats(1.0, 9.0)),
    min_size=1,
    max_size=20,
)
BUDGETS = st.floats(0.001, 0.5)


def paced(loads: list[Load], share: float) -> list[float]:
    return [max(needed(load, share), load.period) for load in loads]


@given(LOADS, BUDGETS)
def test_all_of_it_together_is_within_the_budget_and_uses_it(loads: list[Load], budget: float) -> None:
    periods = paced(loads, level(loads, budget))
    taken = sum(load.cost / period for load, period in zip(loads, periods, strict=True))
    wanted = sum(load.cost / load.period for load in loads)
    assert taken == pytest.approx(min(wanted, budget), rel=1e-6)


@given(LOADS, BUDGETS)
def test_what_is_cheap_is_never_stretched_before_what_is_expensive(loads: list[Load], budget: float) -> None:
    periods = paced(loads, level(loads, budget))
    after = [load.cost / period for load, period in zip(loads, periods, strict=True)]
    stretched = [
        share for share, load, period in zip(after, loads, periods, strict=True) if period > load.period * 1.000001
    ]
    if stretched:
        assert max(after) <= min(stretched) * 1.000001


@given(BOUND, BUDGETS)
def test_nothing_is_slower_than_its_bound(loads: list[Load], budget: float) -> None:
    periods = paced(loads, level(loads, budget))
    assert all(period <= load.longest * 1.000001 for load, period in zip(loads, periods, strict=True))
    taken = sum(load.cost / period for load, period in zip(loads, periods, strict=True))
    least = sum(load.cost / load.longest for load in loads)
    assert taken <= max(budget, least) * 1.000001


@given(LOADS, BUDGETS, st.floats(1.01, 4.0))
def test_more_room_makes_nothing_slower(loads: list[Load], budget: float, times: float) -> None:
    before, after = paced(loads, level(loads, budget)), paced(loads, level(loads, budget * times))
    assert all(later <= earlier * 1.000001 for earlier, later in zip(before, after, strict=True))


@given(st.floats(0.01, 1e4), PERIODS, st.floats(0, 1e4))
def test_a_pace_is_enough_and_not_much_more(wanted: float, period: float, before: float) -> None:
    chosen = steadied(wanted, period, before)
    assert chosen >= period
    assert chosen >= wanted * 0.999999
    assert chosen <= max(period, wanted * 1.3334)
    assert steadied(wanted, period, chosen) == chosen


class Imagined:
    """A machine of which every cost is known, with leaktop on it."""

    def __init__(self, share: float | None, costs: dict[str, float], screen: float, interval: float = 1.0) -> None:
        self.budget = Budget(share)
        self.costs = costs
        self.screen = screen
        self.interval = interval
        self.cadences = {"meminfo": 1.0, "slabinfo": 1.0, "vmallocinfo": 2.0, "processes": 4.0}
        self.now = 0.0
        self.read_at = dict.fromkeys(costs, -math.inf)
        self.cpu: list[tuple[float, float]] = []
        self.stretches: list[float] = []
        self.periods: list[dict[str, float]] = []

    def run(self, seconds: float, noise: tuple[float, ...] = (1.0,)) -> float:
        """The share of a core that it took in the last half."""
        begin, end = self.now, self.now + seconds
        planned = {name: self.cadences[name] * self.interval for name in self.costs}
        plan = self.budget.plan(self.interval, planned)
        while self.now < end:
            factor = noise[len(self.stretches) % len(noise)]
            spent = self.screen * factor
            beat = self.interval * plan.stretch
            self.budget.beat(spent)
            for name, cost in self.costs.items():
                if self.now >= self.read_at[name] + plan.periods[name] - beat / 10:
                    self.read_at[name] = self.now
                    self.budget.read(name, cost * factor, cost * factor)
                    spent += cost * factor
            self.cpu.append((self.now, spent))
            plan = self.budget.plan(self.interval, planned)
            self.stretches.append(plan.stretch)
            self.periods.append(dict(plan.periods))
            self.now += self.interval * plan.stretch
        half = (begin + end) / 2
        return sum(spent for at, spent in self.cpu if at >= half) / (self.now - half)


def machine(share: float | None = 0.02, **costs: float) -> Imagined:
    usual = {"meminfo": 0.0005, "slabinfo": 0.002, "vmallocinfo": 0.002, "processes": 0.004}
    return Imagined(share, {**usual, **costs}, screen=0.005)


def test_where_there_is_room_nothing_is_stretched() -> None:
    imagined = machine()
    imagined.run(120)
    assert set(imagined.stretches) == {1.0}
    assert imagined.periods[-1] == {"meminfo": 1.0, "slabinfo": 1.0, "vmallocinfo": 2.0, "processes": 4.0}


def test_what_costs_most_pays_for_it_alone() -> None:
    imagined = machine(slabinfo=0.1)
    assert 0.01 < imagined.run(600) <= 0.0202
    assert imagined.stretches[-1] == 1.0
    assert imagined.periods[-1].pop("slabinfo") > 8
    assert imagined.periods[-1] == {"meminfo": 1.0, "vmallocinfo": 2.0, "processes": 4.0}


def test_where_the_screen_costs_most_ticks_are_further_apart_within_their_bound() -> None:
    imagined = machine()
    imagined.screen = 0.03
    assert imagined.run(600) <= 0.0202
    assert 1.0 < imagined.stretches[-1] < LONGEST_BEAT
    imagined.screen = 0.5  # no cadence helps here
    imagined.run(600)
    assert imagined.stretches[-1] == LONGEST_BEAT
    assert imagined.periods[-1]["meminfo"] <= LONGEST_BEAT
    assert sum(imagined.costs[name] / period for name, period in imagined.periods[-1].items()) >= 0.004


@given(
    st.fixed_dictionaries({name: st.floats(0, 3.0) for name in ("meminfo", "slabinfo", "vmallocinfo", "processes")}),
    st.floats(0, 1.0),
    st.sampled_from([0.25, 1.0, 5.0, 60.0]),
    st.floats(0.0001, 0.1),
)
def test_the_gauges_of_memory_are_never_slower_than_three_intervals(
    costs: dict[str, float], screen: float, interval: float, share: float
) -> None:
    budget = Budget(share)
    for _ in range(30):
        budget.beat(screen)
        for name, cost in costs.items():
            budget.read(name, cost, 0.0)
    plan = budget.plan(interval, {"meminfo": interval, "slabinfo": interval, "vmallocinfo": 2 * interval})
    assert 1 <= plan.stretch <= LONGEST_BEAT
    assert interval <= plan.periods["meminfo"] <= LONGEST_BEAT * interval


def test_it_recovers_when_there_is_room_again() -> None:
    imagined = machine(slabinfo=0.1)
    imagined.run(200)
    imagined.costs["slabinfo"] = 0.002
    imagined.run(200)
    assert imagined.periods[-1]["slabinfo"] == 1.0


@settings(max_examples=50)
@given(
    st.fixed_dictionaries(
        {"meminfo": st.floats(1e-5, 0.002)}
        | {name: st.floats(1e-5, 0.3) for name in ("slabinfo", "vmallocinfo", "processes")}
    ),
    st.floats(0.0005, 0.027),
    st.lists(st.floats(0.9, 1.1), min_size=3, max_size=11),
)
def test_a_steady_load_comes_to_a_steady_pace_within_the_budget(
    costs: dict[str, float], screen: float, noise: list[float]
) -> None:
    imagined = Imagined(0.02, costs, screen)
    imagined.run(300)
    settled = len(imagined.periods)
    # What is read once in minutes is one read more or less in the span; the plan is what is judged.
    imagined.run(300, tuple(noise))
    plan, stretch = imagined.periods[-1], imagined.stretches[-1]
    taken = screen / stretch + sum(costs[name] / max(plan[name], stretch) for name in costs)
    assert taken <= 0.02 * 1.12
    for name in costs:
        changes = sum(a[name] != b[name] for a, b in pairwise(imagined.periods[settled:]))
        assert changes <= 4, name


def test_without_a_budget_only_reads_that_take_long_are_rarer() -> None:
    imagined = machine(share=None, slabinfo=1.0)
    imagined.run(100)
    assert imagined.periods[-1]["slabinfo"] == pytest.approx(1.0 / DUTY)
    assert imagined.periods[-1]["meminfo"] == 1.0
    assert set(imagined.stretches) == {1.0}


def test_the_first_read_is_no_measure_of_the_others() -> None:
    budget = Budget(0.02)
    periods = {"allocinfo": 5.0}
    budget.read("allocinfo", 1.2, 0.001)
    assert budget.plan(1.0, periods).periods["allocinfo"] > 50
    budget.read("allocinfo", 0.02, 0.001)
    assert budget.plan(1.0, periods).periods["allocinfo"] == 5.0


def test_what_has_no_pace_rests_as_long_as_half_the_budget_wants() -> None:
    budget = Budget(0.02)
    assert budget.pause("kmemleak") == 0
    budget.read("kmemleak", 1.4, 1.5)
    assert budget.pause("kmemleak") == pytest.approx(140)
    budget.share = None
    assert budget.pause("kmemleak") == 0


def test_what_is_held_back_is_told_from_what_is_slow_by_itself() -> None:
    budget = Budget(0.02)
    for _ in range(3):
        budget.read("slabinfo", 0.1, 0.1)
        budget.read("vmallocinfo", 0.0001, 3.0)
    plan = budget.plan(1.0, {"slabinfo": 1.0, "vmallocinfo": 2.0})
    assert plan.held_back == {"slabinfo"}
    assert plan.periods["vmallocinfo"] == 3.0 / DUTY


@given(st.just(0.0) | st.floats(1e-9, 10), st.lists(st.integers(0, 1 << 30), max_size=30))  # the clock's nanosecond
def test_the_work_on_a_tick_is_split_by_size_and_what_no_size_explains_is_the_ticks(
    cpu: float, sizes: list[int]
) -> None:
    shares = split(cpu, sizes)
    assert sum(shares) <= cpu * 1.000001
    for (size, share), (other, its) in pairwise(zip(sizes, shares, strict=True)):
        assert (size <= other) == (share <= its) or size == other or share == pytest.approx(its)
    assert split(1.0, [1000]) == [pytest.approx(0.0004, rel=0.1)]
    assert split(0.001, [60_000, 60_000]) == [0.0005, 0.0005]
