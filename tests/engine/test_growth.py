"""What the delta engine claims about figures that rise, fall, vanish, return, and are not read."""

from __future__ import annotations

import sys
import threading
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaktop.engine.growth import UNKNOWN, Ledger
from leaktop.engine.sections import Entry
from leaktop.model.frame import Trend

KEY = ("kmalloc-64",)


class Reads:
    """A ledger that is read once a second."""

    def __init__(self) -> None:
        self.ledger = Ledger()
        self.mono = 1000.0
        self._is_first = True

    def read(self, values: dict[str, int | None], pause: float = 1.0) -> dict[str, Trend]:
        self.mono += pause
        self.ledger.begin(len(values), self.mono, is_first=self._is_first)
        self._is_first = False
        return {name: self.ledger.observe((name,), "size", self.mono, value) for name, value in values.items()}

    def fail(self) -> None:
        self.mono += 1
        self.ledger.generation += 1


def trends(*values: int | None) -> list[Trend]:
    reads = Reads()
    return [reads.read({"a": value})["a"] for value in values]


def test_the_first_sample_claims_nothing() -> None:
    assert trends(500) == [Trend(500, None, None, 0, None, 500, None)]


def test_delta_rate_growth_and_peak() -> None:
    reads = Reads()
    reads.read({"a": 100})
    up = reads.read({"a": 160}, pause=4)["a"]
    assert (up.delta, up.rate, up.growth, up.high_water, up.rose) == (60, 15.0, 60, 160, 1.0)
    down = reads.read({"a": 130}, pause=2)["a"]
    assert (down.delta, down.rate, down.growth, down.high_water, down.rose) == (-30, -15.0, 30, 160, 0.5)


def test_a_counter_that_went_back_shrank() -> None:
    assert trends(1000, 10)[-1][:4] == (10, -990, -990.0, -990)


@given(st.lists(st.integers(0, 2**53), min_size=2, max_size=30))
def test_growth_is_the_sum_of_the_deltas(values: list[int]) -> None:
    found = trends(*values)
    assert found[-1].growth == sum(trend.delta or 0 for trend in found) == values[-1] - values[0]
    assert found[-1].high_water == max(values)
    rises = sum(b > a for a, b in pairwise(values))
    assert found[-1].rose == pytest.approx(rises / (len(values) - 1))


@given(
    st.lists(
        st.tuples(st.sampled_from([*"vvvvvv", "gap", "mark"]), st.sampled_from([0, 0, 0, 4096, 8192])), max_size=40
    )
)
def test_any_course_of_events_against_a_plain_account(events: list[tuple[str, int]]) -> None:
    reads = Reads()
    baseline: int | None = None
    before: int | None = None
    last = peak = 0
    deltas: list[int] = []
    for event, value in events:
        if event == "gap":
            reads.fail()
            before = None
        elif event == "mark":
            reads.ledger.mark(reads.mono)
            if baseline is not None:
                baseline = peak = last
            deltas = []
        else:
            found = reads.read({"a": value})["a"]
            baseline = value if baseline is None else baseline
            delta = None if before is None else value - before
            deltas += [] if delta is None else [delta]
            peak = max(peak, value)
            before = last = value
            rose = sum(d > 0 for d in deltas) / len(deltas) if deltas else None
            assert (found.value, found.delta, found.growth, found.high_water) == (value, delta, value - baseline, peak)
            assert found.rose == (None if rose is None else pytest.approx(rose))
            assert reads.ledger.points(("a",), "size", 1e9)[1][-1] == value
            assert reads.ledger.points(("a",), "size", 1e9)[0][-1] == reads.mono


_ROWS = st.dictionaries(
    st.sampled_from("abc"), st.tuples(st.sampled_from([None, 0, 64, 64, 64, 128]), st.sampled_from([1, 1, 1, 2]))
)


@given(st.lists(st.one_of(_ROWS, st.sampled_from(["gap", "mark", "again", "again", "again"])), max_size=40))
def test_rows_that_stand_still_say_what_each_figure_by_itself_would(
    events: list[dict[str, tuple[int, int]] | str],
) -> None:
    at_once, one_by_one = Ledger(), Ledger()
    rows: dict[str, tuple[int, int]] = {}
    for mono, event in enumerate(events):
        rows = event if isinstance(event, dict) else rows
        if event == "mark":
            at_once.mark(mono)
            one_by_one.mark(mono)
        elif event == "gap":
            at_once.generation += 1
            one_by_one.generation += 1
        else:
            for ledger in (at_once, one_by_one):
                ledger.begin(len(rows), mono, is_first=mono == 0)
            entries = [Entry((name,), name, *figures) for name, figures in rows.items()]
            for row in at_once.rows(entries, mono, counts=True):
                size, number = rows[row.record]
                assert row.size == one_by_one.observe(row.key, "size", mono, size)
                assert row.number == one_by_one.observe(row.key, "number", mono, number)
            if mono % 5 == 0:
                at_once.forget_gone(mono)
                one_by_one.forget_gone(mono)
    for name in "abc":
        for measure in ("size", "number"):
            assert at_once.points((name,), measure, 1e9) == one_by_one.points((name,), measure, 1e9)
            assert at_once.unbroken_since((name,), measure) == one_by_one.unbroken_since((name,), measure)


def test_a_failed_read_is_a_gap_over_which_nothing_is_claimed() -> None:
    reads = Reads()
    reads.read({"a": 100})
    reads.read({"a": 110})
    reads.fail()
    after = reads.read({"a": 900})["a"]
    assert (after.delta, after.rate, after.growth, after.rose) == (None, None, 800, 1.0)
    assert reads.read({"a": 905})["a"].delta == 5


def test_the_slope_does_not_look_back_over_a_gap() -> None:
    reads = Reads()
    for _ in range(10):
        reads.read({"a": 0})
    reads.fail()
    slopes = [reads.read({"a": 10**9 + i * 8})["a"].slope for i in range(12)]
    assert slopes[-1] == pytest.approx(8.0)


def test_an_unknown_value_is_no_zero() -> None:
    reads = Reads()
    assert reads.read({"a": None})["a"] == UNKNOWN
    first = reads.read({"a": 7_000})["a"]
    assert (first.value, first.delta, first.growth) == (7_000, None, 0)
    reads.read({"a": None})
    assert reads.read({"a": 7_100})["a"][:4] == (7_100, None, None, 100)


def test_a_row_that_comes_later_grew_from_nothing() -> None:
    reads = Reads()
    reads.read({"a": 1})
    new = reads.read({"a": 1, "b": 4096})["b"]
    assert (new.delta, new.growth) == (None, 4096)


def test_a_row_that_returns_is_compared_with_its_baseline() -> None:
    reads = Reads()
    reads.read({"a": 1, "b": 100})
    reads.read({"a": 1})
    back = reads.read({"a": 1, "b": 130})["b"]
    assert (back.delta, back.growth) == (None, 30)
    assert reads.read({"a": 1, "b": 131})["b"].delta == 1


def test_what_is_read_for_the_first_time_is_not_new() -> None:
    ledger = Ledger()
    ledger.begin(1, 0.0, is_first=True)
    ledger.observe(("mount",), "size", 1.0, 5)
    ledger.begin(2, 1.0, is_first=True)
    assert ledger.observe(("memfd",), "size", 2.0, 900).growth == 0


def test_marking_moves_the_baseline() -> None:
    reads = Reads()
    for value in (100, 900, 400):
        reads.read({"a": value})
    reads.ledger.mark(reads.mono)
    after = reads.read({"a": 450})["a"]
    assert (after.delta, after.growth, after.high_water, after.rose) == (50, 50, 450, 1.0)
    assert reads.read({"a": 450, "b": 9})["b"].growth == 9


def test_no_slope_below_three_samples_and_none_from_before_the_mark() -> None:
    reads = Reads()
    slopes = [reads.read({"a": i * 30}, pause=3)["a"].slope for i in range(3)]
    assert slopes == [None, None, pytest.approx(10.0)]
    reads.ledger.mark(reads.mono)
    assert [reads.read({"a": 60 + i * 9}, pause=3)["a"].slope for i in (1, 2)] == [None, pytest.approx(3.0)]


def test_two_reads_at_one_moment_have_no_rate() -> None:
    reads = Reads()
    reads.read({"a": 1})
    assert reads.read({"a": 5}, pause=0.0)["a"][:3] == (5, 4, None)


def test_a_short_lived_row_is_forgotten_soon() -> None:
    reads = Reads()
    reads.read({"a": 1, "gone": 77})
    reads.read({"a": 1}, pause=9)
    reads.ledger.forget_gone(reads.mono)
    assert reads.ledger.points(("gone",), "size", reads.mono)[1] == [77.0]
    reads.read({"a": 1}, pause=2)
    reads.ledger.forget_gone(reads.mono)
    assert reads.ledger.points(("gone",), "size", reads.mono) == ([], [])


def test_a_row_that_was_there_for_long_is_forgotten_two_minutes_after_it_went() -> None:
    reads = Reads()
    reads.read({"a": 1, "gone": 77})
    reads.read({"a": 1, "gone": 77}, pause=500)
    reads.read({"a": 1}, pause=119)
    reads.ledger.forget_gone(reads.mono)
    assert reads.ledger.points(("gone",), "size", reads.mono)[1] == [77.0, 77.0]
    reads.read({"a": 1}, pause=2)
    reads.ledger.forget_gone(reads.mono)
    assert reads.ledger.points(("gone",), "size", reads.mono) == ([], [])
    assert reads.ledger.points(("a",), "size", reads.mono)[1] == [1.0, 1.0]
    assert reads.read({"a": 1, "gone": 78})["gone"].growth == 78


def test_a_row_without_a_value_is_not_forgotten_while_it_is_there() -> None:
    reads = Reads()
    for _ in range(3):
        reads.read({"a": 1, "b": None}, pause=400)
        reads.ledger.forget_gone(reads.mono)
    assert reads.read({"a": 1, "b": 50})["b"].growth == 0


def test_points_end_at_the_moment_that_is_shown() -> None:
    reads = Reads()
    for value in (1, 2, 3, 4):
        reads.read({"a": value})
    assert reads.ledger.points(("a",), "size", 1002.5) == ([1001.0, 1002.0], [1.0, 2.0])
    assert reads.ledger.points(("a",), "number", 1002.5) == ([], [])


def test_points_are_whole_while_another_thread_reads() -> None:
    ledger = Ledger()
    stop = threading.Event()

    def read() -> None:
        for tick in range(1, 60_000):
            if stop.is_set():
                return
            ledger.begin(200, float(tick), is_first=True)
            ledger.observe(KEY, "size", float(tick), tick)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    thread = threading.Thread(target=read)
    thread.start()
    try:
        while thread.is_alive():
            times, values = ledger.points(KEY, "size", float("inf"))
            assert times == values
    finally:
        stop.set()
        thread.join()
        sys.setswitchinterval(interval)


def test_whoever_draws_a_chart_does_not_wait_for_a_tick_of_many_rows() -> None:
    class Watched(list[Entry]):
        """Entries that look, whenever some of them are taken, whether a chart could be drawn."""

        waited = 0

        def __getitem__(self, part: Any) -> Any:
            drawn = threading.Thread(target=ledger.points, args=(("row", 0), "size", 10.0), daemon=True)
            drawn.start()
            drawn.join(10)
            self.waited += drawn.is_alive()
            return super().__getitem__(part)

    ledger = Ledger()
    entries = Watched(Entry(("row", number), None, number, None) for number in range(2_000))
    for second in range(2):
        ledger.begin(len(entries), float(second), is_first=second == 0)
        assert len(ledger.rows(entries, float(second), counts=False)) == 2_000
    assert entries.waited == 0
