from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from leaktop.engine.oom import OomWatch
from leaktop.kernel_log import PATH, KernelLog
from leaktop.model.oom import LogRecord
from leaktop.parsers.kernel_log import parse_kernel_log, parse_kmsg

if TYPE_CHECKING:
    from collections.abc import Iterator

CAPTURE = (Path(__file__).parents[1] / "data" / "oom" / "vm-6.1b-oom_user.txt").read_text()
RECORDS = [f"4,{at},{at * 1000},-;{line}\n".encode() for at, line in enumerate(CAPTURE.strip().splitlines())]
JUDGED = "killing helper (2126) freed 425M of the 466M in use: so it was that process"
OTHER = b"6,1,1,-;usb 1-1: new device\n SUBSYSTEM=usb\n"


class FakeLog(KernelLog):
    """A log of what the test puts into it."""

    def __init__(self) -> None:
        self.records: list[bytes] = []
        self.broken = False

    def read(self) -> Iterator[bytes]:
        if self.broken:
            raise OSError(5, "broken")
        while self.records:
            yield self.records.pop(0)


@pytest.fixture
def log() -> FakeLog:
    return FakeLog()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr("leaktop.engine.oom.time.monotonic", lambda: now[0])
    return now


def test_a_report_becomes_one_event(log: FakeLog, clock: list[float]) -> None:
    watch = OomWatch(log)
    assert watch.poll() == ()
    log.records = [OTHER, *RECORDS, OTHER]
    [event] = watch.poll()
    assert (event.kind, event.text, event.mono) == ("oom", JUDGED, 100.0)
    assert watch.poll() == ()


def test_what_a_program_writes_into_the_log_is_not_believed(log: FakeLog, clock: list[float]) -> None:
    watch = OomWatch(log)
    log.records = [b"1" + record for record in RECORDS]  # facility 1 and above
    assert watch.poll() == ()
    clock[0] += 100
    assert watch.poll() == ()


@pytest.mark.parametrize("cut", [1, 20, len(RECORDS) - 1])
def test_a_report_that_is_still_being_written_is_waited_for(log: FakeLog, clock: list[float], cut: int) -> None:
    watch = OomWatch(log)
    log.records = RECORDS[:cut]
    assert watch.poll() == ()
    log.records = RECORDS[cut:]
    assert [event.text for event in watch.poll()] == [JUDGED]


def test_a_report_that_never_ends_is_told_as_it_is(log: FakeLog, clock: list[float]) -> None:
    watch = OomWatch(log)
    log.records = RECORDS[:-1]
    assert watch.poll() == ()
    clock[0] += 31
    [event] = watch.poll()
    assert event.text.startswith("whether anything was killed is not in the report")
    assert watch.poll() == ()


def test_two_reports_at_once_of_which_one_goes_on(log: FakeLog, clock: list[float]) -> None:
    watch = OomWatch(log)
    log.records = [*RECORDS, *RECORDS, *RECORDS[:5]]
    assert [event.text for event in watch.poll()] == [JUDGED, JUDGED]
    log.records = RECORDS[5:]
    assert [event.text for event in watch.poll()] == [JUDGED]


def test_a_log_that_cannot_be_read_tells_nothing(log: FakeLog, clock: list[float]) -> None:
    watch = OomWatch(log)
    log.broken = True
    assert watch.poll() == ()


readable = pytest.mark.skipif(not os.access(PATH, os.R_OK), reason=f"no {PATH} that we may read")


@readable
def test_this_machines_log_is_read_from_its_start_and_from_its_end() -> None:
    whole = KernelLog(from_start=True)
    raw = list(whole.read())
    found = [parse_kmsg(record) for record in raw]
    assert None not in found
    numbers = [record.sequence or 0 for record in found if record]
    assert numbers == sorted(set(numbers))
    whole.close()
    # What was read record by record is the same log as what `cat /dev/kmsg > FILE` makes.
    assert parse_kernel_log(b"".join(raw)) == found
    newest = KernelLog(from_start=False)
    assert [record for record in newest.read() if (parse_kmsg(record) or LogRecord("")).sequence in numbers] == []
    newest.close()


@readable
def test_nothing_of_the_past_is_told() -> None:
    watch = OomWatch()
    assert watch.poll() == ()
    watch.close()
