"""The sequence of scans: in which order, how far it is, and how it is cancelled."""

from __future__ import annotations

import threading
import time

import pytest

from leaktop.control.kmemleak import KmemleakError
from leaktop.engine.kmemleak.confirming import WAIT, Confirming, Phase


class Scanner:
    """Scans that end when a test says so."""

    def __init__(self) -> None:
        self.began = [threading.Semaphore(0), threading.Semaphore(0)]
        self.may_end = [threading.Event(), threading.Event()]
        self.count = 0

    def __call__(self) -> float:
        number = self.count
        self.count += 1
        self.began[number].release()
        assert self.may_end[number].wait(10)
        return 1.5 + number


def started(confirming: Confirming) -> tuple[threading.Thread, list[float | None]]:
    outcome: list[float | None] = []
    thread = threading.Thread(target=lambda: outcome.append(confirming.run()), daemon=True)
    thread.start()
    return thread, outcome


def waited_for(confirming: Confirming, step: str) -> Phase:
    end = time.monotonic() + 10
    while confirming.phase.step != step:
        assert time.monotonic() < end, confirming.phase
        time.sleep(0.001)
    return confirming.phase


def test_two_scans_with_a_wait_past_the_least_age_between_them() -> None:
    assert WAIT > 5.0
    scanner = Scanner()
    confirming = Confirming(scanner, wait=60.0)
    assert confirming.phase.step == "ready"
    assert confirming.phase.words == ""
    _thread, _ = started(confirming)
    assert scanner.began[0].acquire(timeout=10)
    assert confirming.phase.words == "scan 1 of 2, 0s"
    assert confirming.phase.remaining is None
    scanner.may_end[0].set()
    phase = waited_for(confirming, "waiting")
    assert phase.remaining is not None
    assert 0 < phase.remaining <= 60
    assert phase.words in {"waiting 1m00s for the second scan", "waiting 59s for the second scan"}
    assert confirming.cancel()


def test_both_scans_are_counted() -> None:
    scanner = Scanner()
    for event in scanner.may_end:
        event.set()
    confirming = Confirming(scanner, wait=0.0)
    assert confirming.run() == 4.0
    assert (scanner.count, confirming.phase.step, confirming.phase.words) == (2, "done", "")


def test_cancelled_while_it_waits_it_ends_at_once() -> None:
    scanner = Scanner()
    scanner.may_end[0].set()
    confirming = Confirming(scanner, wait=3600.0)
    thread, outcome = started(confirming)
    waited_for(confirming, "waiting")
    assert confirming.cancel()
    thread.join(10)
    assert outcome == [None]
    assert (scanner.count, confirming.phase.step, confirming.is_cancelled) == (1, "cancelled", True)


def test_cancelled_in_the_first_scan_there_is_no_second() -> None:
    scanner = Scanner()
    confirming = Confirming(scanner, wait=3600.0)
    thread, outcome = started(confirming)
    assert scanner.began[0].acquire(timeout=10)
    assert confirming.cancel()
    scanner.may_end[0].set()
    thread.join(10)
    assert (outcome, scanner.count) == ([None], 1)


def test_the_second_scan_cannot_be_called_back() -> None:
    scanner = Scanner()
    scanner.may_end[0].set()
    confirming = Confirming(scanner, wait=0.0)
    thread, outcome = started(confirming)
    assert scanner.began[1].acquire(timeout=10)
    assert not confirming.cancel()
    assert confirming.phase.words == "scan 2 of 2, 0s"
    scanner.may_end[1].set()
    thread.join(10)
    assert outcome == [4.0]
    assert not confirming.cancel()


def test_a_refusal_ends_it() -> None:
    def refuse() -> float:
        raise KmemleakError("no")

    confirming = Confirming(refuse, wait=3600.0)
    with pytest.raises(KmemleakError):
        confirming.run()
    assert confirming.phase.step == "done"
