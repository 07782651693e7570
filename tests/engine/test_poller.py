"""The poller against a source that can be slow, stuck, or broken."""

from __future__ import annotations

import asyncio
import threading
import time
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from leaktop.engine.backlog import backlogged
from leaktop.engine.budget import DUTY, LONGEST_BEAT
from leaktop.engine.engine import Engine
from leaktop.engine.poller import Poller
from leaktop.engine.reading import read_everything
from leaktop.model.sample import Machine, Probe, RawSample
from leaktop.sources.text_form import encode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from leaktop.model.frame import Frame, ProbeState
    from leaktop.model.sample import Tick

INTERVAL = 0.05
MACHINE = Machine("6.12.0", "host", 4096, None, "x86_64", None, None, is_live=False)
MEMINFO = b"MemTotal: 100 kB\nMemFree: 50 kB\n"
SLABINFO = b"slabinfo - version: 2.1\n# name\na 1 1 8 1 1 : tunables 0 0 0 : slabdata 1 1 0\n"
PROBES = (
    Probe("meminfo", "memory", 1, "proc/meminfo"),
    Probe("slabinfo", "slab", 1, "proc/slabinfo"),
    Probe("vmstat", "memory", 4, "proc/vmstat"),
    Probe("kmemleak", "kmemleak", None, "sys/kernel/debug/kmemleak"),
)


class FakeSource:
    """Answers from a table, and waits where it is told to."""

    def __init__(self, probes: tuple[Probe, ...] = PROBES, contents: dict[str, bytes] | None = None) -> None:
        self.machine = MACHINE
        self.probes = probes
        self.contents = {"meminfo": MEMINFO, "slabinfo": SLABINFO, "vmstat": b"nr_free_pages 1\n", "kmemleak": b""}
        self.contents |= contents or {}
        self.reads: dict[str, list[float]] = {probe.name: [] for probe in probes}
        self.wanted: list[frozenset[int] | None] = []
        self.gates: dict[str, threading.Event] = {}
        self.costs: dict[str, float] = {}
        self.burns: dict[str, float] = {}
        """CPU seconds that a read takes in truth."""
        self.errors: dict[str, Exception] = {}

    def read(self, probe: Probe, wanted: frozenset[int] | None = None) -> RawSample | None:
        mono = time.monotonic()
        self.reads[probe.name].append(mono)
        if probe.name == "socket_owners":
            self.wanted.append(wanted)
        if probe.name in self.gates:
            self.gates[probe.name].wait(20)
        end = time.thread_time() + self.burns.get(probe.name, 0.0)
        while time.thread_time() < end:
            pass
        if probe.name in self.errors:
            raise self.errors[probe.name]
        return RawSample(probe.name, self.contents[probe.name], None, mono, 1e9, self.costs.get(probe.name, 0.0))

    def inspect(self, subject: str, name: str) -> RawSample:
        raise NotImplementedError

    def close(self) -> None:
        pass


class Run:
    """A poller with all the frames that it gave, and when."""

    def __init__(self, source: FakeSource, interval: float = INTERVAL, at_start: tuple[str, ...] = ()) -> None:
        self.source = source
        self.frames: list[Frame] = []
        self.times: list[float] = []
        self.lost: list[str] = []
        self._engine = Engine(source.machine)
        self.poller = Poller(source, self._take, self.lost.append, interval, at_start)

    def _take(self, tick: Tick, states: Mapping[str, ProbeState]) -> frozenset[int]:
        frame = self._engine.feed(tick, states)
        self.frames.append(frame)
        self.times.append(time.monotonic())
        return backlogged(frame)

    def until(self, condition: Callable[[], object], seconds: float = 8.0) -> None:
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, "it did not come to pass"
            time.sleep(0.005)


@pytest.fixture
def run_of() -> Iterator[Callable[..., Run]]:
    """Starts pollers, and ends them and what they are stuck in."""
    runs: list[Run] = []

    def start(source: FakeSource, interval: float = INTERVAL, at_start: tuple[str, ...] = ()) -> Run:
        run = Run(source, interval, at_start)
        runs.append(run)
        run.poller.start()
        return run

    yield start
    for run in runs:
        run.poller.stop()
        for gate in run.source.gates.values():
            gate.set()


def test_each_probe_is_read_at_its_own_pace(run_of: Callable[..., Run]) -> None:
    source = FakeSource()
    run = run_of(source)
    run.until(lambda: len(run.frames) >= 25)
    counts = {name: len(times) for name, times in source.reads.items()}
    assert counts["meminfo"] == pytest.approx(25, abs=4)
    assert counts["slabinfo"] == pytest.approx(25, abs=4)
    assert counts["kmemleak"] == 0
    gaps = [later - earlier for earlier, later in pairwise(source.reads["vmstat"])]
    assert 3 <= len(gaps) <= 8
    assert min(gaps) > 3 * INTERVAL
    beats = [later - earlier for earlier, later in pairwise(run.times)]
    assert 0.8 * INTERVAL < sum(beats) / len(beats) < 3 * INTERVAL
    assert run.frames[-1].sections["memory"].fault is None


def test_a_probe_without_a_pace_is_read_at_the_start_and_on_request(run_of: Callable[..., Run]) -> None:
    source = FakeSource()
    run = run_of(source, at_start=("kmemleak",))
    run.until(lambda: len(run.frames) >= 4)
    assert len(source.reads["kmemleak"]) == 1
    run.poller.request("kmemleak")
    run.until(lambda: len(source.reads["kmemleak"]) == 2)


def test_a_slow_probe_is_read_less_often_and_says_so(run_of: Callable[..., Run]) -> None:
    source = FakeSource()
    source.costs["slabinfo"] = 200 * INTERVAL * DUTY
    run = run_of(source)
    run.until(lambda: len(run.frames) >= 15)
    assert len(source.reads["slabinfo"]) <= 2
    assert len(source.reads["meminfo"]) >= 10
    slow, quick = run.frames[-1].probes["slabinfo"], run.frames[-1].probes["meminfo"]
    assert (slow.is_slow, quick.is_slow) == (True, False)
    assert slow.cadence == pytest.approx(200 * INTERVAL)
    assert slow.bytes == len(SLABINFO)


def test_one_slow_read_among_quick_ones_changes_nothing(run_of: Callable[..., Run]) -> None:
    source = FakeSource()
    run = run_of(source)
    run.until(lambda: len(source.reads["slabinfo"]) >= 3)
    source.costs["slabinfo"] = 9.0
    seen = len(source.reads["slabinfo"])
    run.until(lambda: len(source.reads["slabinfo"]) > seen)
    source.costs["slabinfo"] = 0.0
    run.until(lambda: len(source.reads["slabinfo"]) > seen + 4)
    assert not run.frames[-1].probes["slabinfo"].is_slow


def test_a_stuck_probe_holds_up_nothing_else_and_shows(run_of: Callable[..., Run]) -> None:
    source = FakeSource()
    source.gates["slabinfo"] = threading.Event()
    run = run_of(source)
    run.until(lambda: run.frames and run.frames[-1].probes["slabinfo"].is_waiting)
    frame = run.frames[-1]
    assert not frame.probes["meminfo"].is_waiting
    assert len(source.reads["meminfo"]) >= 5
    assert len(source.reads["slabinfo"]) == 1
    assert frame.sections["slab"].mono is None
    source.gates["slabinfo"].set()
    run.until(lambda: run.frames[-1].sections["slab"].rows)
    run.until(lambda: not run.frames[-1].probes["slabinfo"].is_waiting)


def test_a_request_is_served_at_once(run_of: Callable[..., Run]) -> None:
    source = FakeSource()
    run = run_of(source, interval=30.0)
    run.until(lambda: len(run.frames) == 1)
    begin = time.monotonic()
    run.poller.request()
    run.until(lambda: len(run.frames) == 2)
    assert time.monotonic() - begin < 15
    assert {name: len(times) for name, times in source.reads.items()} == {
        "meminfo": 2,
        "slabinfo": 2,
        "vmstat": 2,
        "kmemleak": 0,
    }


def test_a_request_in_the_middle_of_a_tick_is_not_lost(run_of: Callable[..., Run]) -> None:
    source = FakeSource()
    source.gates["slabinfo"] = threading.Event()
    run = run_of(source, interval=30.0)
    run.until(lambda: len(source.reads["slabinfo"]) == 1)
    run.poller.request("meminfo", "slabinfo")
    run.until(lambda: len(source.reads["meminfo"]) == 2)
    assert len(source.reads["slabinfo"]) == 1
    source.gates["slabinfo"].set()
    run.until(lambda: len(source.reads["slabinfo"]) == 2)
    run.until(lambda: run.frames[-1].sections["slab"].rows)


def test_a_request_for_a_stuck_probe_leaves_the_beat_alone(run_of: Callable[..., Run]) -> None:
    source = FakeSource()
    source.gates["slabinfo"] = threading.Event()
    run = run_of(source, interval=0.4)
    run.until(lambda: run.frames)
    run.poller.request("slabinfo")
    begin, seen = time.monotonic(), len(run.frames)
    run.until(lambda: time.monotonic() - begin > 2.0)
    assert 3 <= len(run.frames) - seen <= 7
    source.gates["slabinfo"].set()
    free, seen = time.monotonic(), len(run.frames)
    run.until(lambda: len(run.frames) >= seen + 3)
    assert time.monotonic() - free < 8


@pytest.mark.parametrize("interval", [0.05, 30.0])
def test_stopping_does_not_wait_for_a_stuck_read(interval: float) -> None:
    source = FakeSource()
    source.gates["slabinfo"] = threading.Event()
    poller = Poller(source, lambda _tick, _states: frozenset(), print, interval)
    thread = threading.Thread(target=lambda: asyncio.run(poller.run()), daemon=True)
    thread.start()
    try:
        while not source.reads["slabinfo"]:
            time.sleep(0.005)
        begin = time.monotonic()
        poller.stop()
        thread.join(5)
        assert not thread.is_alive()
        assert time.monotonic() - begin < 4
    finally:
        source.gates["slabinfo"].set()
    poller.request()
    poller.stop()


def test_what_the_source_did_not_foresee_is_a_fault(run_of: Callable[..., Run]) -> None:
    source = FakeSource()
    source.errors["slabinfo"] = RuntimeError("cosmic ray")
    run = run_of(source)
    run.until(lambda: run.frames and run.frames[-1].sections["slab"].fault)
    fault = run.frames[-1].sections["slab"].fault
    assert fault is not None
    assert (fault.kind, "RuntimeError: cosmic ray" in fault.reason) == ("failed", True)
    assert run.frames[-1].sections["memory"].fault is None
    del source.errors["slabinfo"]
    run.until(lambda: run.frames[-1].sections["slab"].rows)


def test_what_cannot_even_be_said_ends_nothing() -> None:
    source, ticks = FakeSource(), []

    def take(tick: Tick, _states: Mapping[str, ProbeState]) -> frozenset[int]:
        ticks.append(tick)
        raise MemoryError

    def say(_why: str) -> None:
        raise MemoryError

    poller = Poller(source, take, say, INTERVAL)
    poller.start()
    end = time.monotonic() + 8
    while len(ticks) < 3 and time.monotonic() < end:
        time.sleep(0.005)
    poller.stop()
    assert len(ticks) >= 3


def test_owners_are_asked_of_sockets_that_hold_memory(run_of: Callable[..., Run]) -> None:
    rows = [
        f"udp\t127.0.0.1:{inode}\t\tUNCONN\t{size}\t0\t{size}\t0\t0\t{inode}\t0\t-\t-\tc"
        for inode, size in ((50, 0), (51, 768), (0, 512))
    ]
    probes = (
        Probe("sock_diag", "sockets", 1, "NETLINK_SOCK_DIAG"),
        Probe("socket_owners", "sockets", 1, "proc/PID/fd"),
    )
    contents = {
        "sock_diag": encode("sock_diag", [*rows, "=\tudp\t3"]),
        "socket_owners": encode("socket_owners", ["51\t9\t3\tx"]),
    }
    source = FakeSource(probes, contents)
    run = run_of(source)
    run.until(lambda: len(source.wanted) >= 3)
    assert source.wanted[0] == frozenset()
    assert source.wanted[2] == frozenset({51}) == backlogged(run.frames[-1])


def test_a_budget_makes_what_costs_most_rare_and_leaves_the_rest(run_of: Callable[..., Run]) -> None:
    source = FakeSource()
    source.burns["slabinfo"] = 0.02
    run = run_of(source, interval=0.1)
    run.poller.budget.share = 0.1
    run.until(lambda: len(run.frames) >= 25)
    assert len(source.reads["slabinfo"]) < 0.75 * len(source.reads["meminfo"])
    slab, meminfo = run.frames[-1].probes["slabinfo"], run.frames[-1].probes["meminfo"]
    assert (slab.is_slow, slab.is_held_back) == (True, True)
    assert (meminfo.is_slow, meminfo.is_held_back) == (False, False)
    assert slab.planned == 0.1
    assert slab.cadence is not None
    assert slab.cadence > 0.1
    assert slab.cpu is not None
    assert 0.02 <= slab.cpu < 0.04
    assert meminfo.cpu is not None
    assert meminfo.cpu < 0.01
    seen = len(source.reads["slabinfo"])
    run.poller.request("slabinfo")  # whatever it costs: somebody asked
    run.until(lambda: len(source.reads["slabinfo"]) > seen, seconds=0.15)
    source.burns.clear()
    run.until(lambda: not run.frames[-1].probes["slabinfo"].is_slow)


def test_a_budget_that_the_frames_exceed_puts_ticks_further_apart(run_of: Callable[..., Run]) -> None:
    source = FakeSource()
    run = Run(source, 0.05)
    run.poller.budget.share = 0.02
    busy = threading.Event()

    def burn() -> None:  # what a screen costs: in another thread, and once a tick
        seen = 0
        while not busy.wait(0.005):
            if len(run.frames) > seen:
                seen = len(run.frames)
                end = time.thread_time() + 0.004
                while time.thread_time() < end:
                    pass

    thread = threading.Thread(target=burn, daemon=True)
    thread.start()
    try:
        run.poller.start()
        run.until(lambda: run.poller.beat > 0.1)
        seen, began = len(run.frames), time.monotonic()
        run.until(lambda: len(run.frames) >= seen + 5)
        assert time.monotonic() - began > 5 * 0.1 * 0.8
        assert run.poller.beat <= LONGEST_BEAT * 0.05 + 1e-9
    finally:
        busy.set()
        run.poller.stop()
        thread.join()


def test_beats_in_which_keys_are_pressed_do_not_count(run_of: Callable[..., Run]) -> None:
    run = run_of(FakeSource())
    run.poller.budget.share = 0.5
    end = time.monotonic() + 1.0
    while time.monotonic() < end:  # all of a core
        run.poller.excuse()
    assert run.poller.beat == INTERVAL


def test_everything_is_read_once_and_in_order() -> None:
    source = FakeSource()
    source.errors["vmstat"] = OSError("gone")
    tick = read_everything(source)
    assert [sample.probe for sample in tick.samples] == [probe.name for probe in PROBES]
    assert [sample.probe for sample in tick.samples if sample.fault] == ["vmstat"]
    assert {name: len(times) for name, times in source.reads.items()} == dict.fromkeys(source.reads, 1)
