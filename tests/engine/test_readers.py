"""The threads that read: how many there are, and what becomes of jobs behind one that is stuck."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from leaktop.engine.readers import Readers
from leaktop.model.sample import RawSample

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from leaktop.engine.readers import Reads


class Jobs:
    """Jobs that say in which thread they were done, and may be stuck until they are freed."""

    def __init__(self) -> None:
        self.announced = threading.Semaphore(0)
        self.readers = Readers(self.announced.release)
        self.threads: dict[str, int] = {}
        self.gates: dict[str, threading.Event] = {}
        self.done: dict[str, Reads] = {}
        self._others = set(threading.enumerate())

    @property
    def count(self) -> int:
        """Of its threads."""
        return len(set(threading.enumerate()) - self._others)

    def submit(self, *lanes: str) -> None:
        self.readers.submit({lane: self._job(lane) for lane in lanes})

    def _job(self, lane: str) -> Callable[[], Reads]:
        def job() -> Reads:
            self.threads[lane] = threading.get_ident()
            if lane in self.gates:
                self.gates[lane].wait(20)
            return [(RawSample(lane, b"", None, 0.0, 0.0), 0.0)]

        return job

    def until(self, condition: Callable[[], object]) -> None:
        end = time.monotonic() + 8
        while not condition():
            assert time.monotonic() < end, "it did not come to pass"
            self.done |= self.readers.take()
            time.sleep(0.002)

    def stuck(self, lane: str) -> None:
        self.gates[lane] = threading.Event()


@pytest.fixture
def jobs() -> Iterator[Jobs]:
    made = Jobs()
    yield made
    made.readers.end()
    for gate in made.gates.values():
        gate.set()


def test_one_thread_does_everything_while_nothing_is_stuck(jobs: Jobs) -> None:
    for _ in range(5):
        jobs.submit("a", "b", "c")
        assert jobs.announced.acquire(timeout=8)
        jobs.done |= jobs.readers.take()
        assert list(jobs.done) == ["a", "b", "c"]
    assert len(set(jobs.threads.values())) == 1
    assert jobs.count == 1
    jobs.readers.end()
    jobs.until(lambda: jobs.count == 0)


def test_what_waits_behind_a_stuck_read_is_done_by_another(jobs: Jobs) -> None:
    jobs.stuck("a")
    jobs.stuck("b")
    jobs.submit("a", "b", "c")
    jobs.until(lambda: "a" in jobs.threads)
    assert jobs.readers.assist()
    jobs.until(lambda: "b" in jobs.threads)
    assert jobs.readers.assist()
    assert jobs.announced.acquire(timeout=8)
    jobs.until(lambda: "c" in jobs.done)
    assert not jobs.readers.assist()
    jobs.submit("d")
    jobs.until(lambda: "d" in jobs.done)
    assert set(jobs.done) == {"c", "d"}
    jobs.gates["a"].set()
    jobs.gates["b"].set()
    jobs.until(lambda: len(jobs.done) == 4)
    jobs.until(lambda: jobs.count == 1)


def test_where_no_thread_can_be_had_reads_come_to_nothing(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        jobs.submit("a", "b")
    assert jobs.readers.take() == {"a": [], "b": []}
    jobs.submit("a")
    jobs.until(lambda: jobs.done.get("a"))
