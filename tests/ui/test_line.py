"""How much is under way to a terminal: simulated lines of any speed and length, and terminals that never answer."""

from __future__ import annotations

import math
import os
import threading
import time
from collections import deque

from hypothesis import given, settings
from hypothesis import strategies as st

from leaktop.ui.line import ASK_EVERY, Line
from leaktop.ui.outlet import Outlet

ROOM = 1536
FRAMES = st.lists(st.integers(1, 20_000), min_size=1, max_size=60)


class Far:
    """A terminal at the end of a line, in simulated time."""

    def __init__(self, line: Line, rate: float, delay: float) -> None:
        self.line, self.rate, self.delay = line, rate, delay
        self.now = 0.0
        self._free_at = 0.0
        self._answers: deque[float] = deque()
        self.most = 0.0
        self._sent = self._drawn = 0
        self._arrivals: deque[tuple[float, int]] = deque()

    def send(self, count: int) -> None:
        self.line.send(count)
        self._sent += count
        self._free_at = max(self._free_at, self.now) + count / self.rate
        self._arrivals.append((self._free_at + self.delay, self._sent))
        self.line.take(count, self.now, self.now, was_full=False)
        if self.line.ask(self.now):
            self._answers.append(self._free_at + 2 * self.delay)

    def wait(self, seconds: float) -> None:
        self.now += seconds
        while self._answers and self._answers[0] <= self.now:
            self._answers.popleft()
            self.line.answer()
        while self._arrivals and self._arrivals[0][0] <= self.now:
            _, self._drawn = self._arrivals.popleft()

    @property
    def under_way(self) -> int:
        return self._sent - self._drawn


@settings(max_examples=60, deadline=None)
@given(FRAMES, st.floats(960, 1e6), st.floats(0, 0.6))
def test_no_more_is_under_way_than_one_frame_and_a_little(frames: list[int], rate: float, delay: float) -> None:
    far = Far(Line(0.0), rate, delay)
    far.send(8)  # the first question goes out before anything else
    far.wait(2 * delay + 1)
    for frame in frames:
        waited = 0.0
        while not far.line.is_free(far.now):
            far.wait(0.05)
            waited += 0.05
            assert waited <= (20_000 + 1_024) / rate + 2 * delay + 1, "it waits for what has come"
        assert far.under_way <= ROOM + ASK_EVERY
        far.send(frame)


def test_a_terminal_that_never_answers_and_takes_everything_is_never_waited_for() -> None:
    line = Line(0.0)
    for second in range(100):
        assert line.is_free(float(second))
        line.send(10_000)
        line.ask(float(second))
        line.take(10_000, float(second), second + 0.001, was_full=False)


def test_a_terminal_that_stops_answering_is_waited_for_half_a_minute() -> None:
    line = Line(0.0)
    line.send(8)
    line.ask(0.0)
    line.answer()
    line.send(5000)
    line.ask(1.0)
    assert not line.is_free(30.0)
    assert line.is_free(31.5)


@given(st.floats(0.06, 600))
def test_a_slow_terminal_that_never_answers_is_left_to_empty_its_buffers(took: float) -> None:
    line, now = Line(0.0), 0.0
    for _ in range(max(math.ceil(1 / took) + 1, 2)):
        line.take(512, now, now + took, was_full=True)
        now += took
    assert not line.is_free(now + 0.1)
    assert line.is_free(now + 26)


@given(st.floats(0.06, 600), st.integers(0, 40))
def test_a_terminal_that_hesitates_once_is_not_slow(took: float, more: int) -> None:
    line, now = Line(0.0), took
    line.take(512, 0.0, took, was_full=True)
    for _ in range(more):
        line.take(512, now, now + 0.001, was_full=False)
        now += 0.001
    assert line.is_free(now)


def test_a_thread_that_waits_for_its_turn_is_no_slow_line() -> None:
    line = Line(0.0)
    for second in range(20):
        line.take(512, float(second), second + 0.2, was_full=False)
        assert line.is_free(second + 0.21)


def test_an_answer_that_nobody_asked_for_changes_nothing() -> None:
    line = Line(0.0)
    line.answer()
    assert line.is_free(0.0)
    assert not line.is_answer_due


def test_the_outlet_never_waits_and_keeps_no_more_than_it_may() -> None:
    reading, writing = os.pipe()
    outlet = Outlet(writing, lambda *_, **__: None, lambda: None)
    outlet.start()
    try:
        began = time.monotonic()
        for _ in range(3000):
            outlet.write("x" * 1000)
        assert time.monotonic() - began < 1, "nobody reads, and nobody waits"
        assert outlet.unsent <= (1 << 20) + 2000
        outlet.discard()
        assert outlet.unsent <= 512
        os.set_blocking(reading, False)
        end = time.monotonic() + 5
        outlet.write("the end")
        seen = b""
        while not seen.endswith(b"the end") and time.monotonic() < end:
            try:
                seen += os.read(reading, 1 << 16)
            except BlockingIOError:
                time.sleep(0.005)
        assert seen.endswith(b"the end")
        outlet.stop()
        assert not outlet.is_alive()
    finally:
        os.close(reading)
        os.close(writing)


def test_the_outlet_says_once_that_the_terminal_is_gone() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    gone = threading.Semaphore(0)
    outlet = Outlet(writing, lambda *_, **__: None, gone.release)
    outlet.start()
    outlet.write("x")
    assert gone.acquire(timeout=5)
    outlet.join(5)
    outlet.write("y")
    assert outlet.unsent == 0
    assert not gone.acquire(timeout=0.05)
    os.close(writing)
