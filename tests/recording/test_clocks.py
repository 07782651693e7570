"""What the clocks did between two ticks, and what is made of it."""

from __future__ import annotations

import pytest

from leaktop.model.sample import Event, Tick
from leaktop.recording.reader import Recording, TapedChapters
from leaktop.recording.recorder import ClockWatch, Recorder, header_for, seconds_suspended
from leaktop.recording.redact import Redactor
from leaktop.recording.tape import Tape
from tests.recording.recordings import HEADER, MACHINE, PROBES, tick


@pytest.mark.parametrize(("mono", "wall", "slept", "expected"), [
    (1.0, 1.0, 0.0, []),
    (4.0, 4.0, 0.0, []),
    (4.1, 4.1, 0.0, [("gap", 4.1)]),
    (1.0, 3601.0, 3600.0, [("suspend", 3600.0)]),
    (9.0, 3609.0, 3600.0, [("suspend", 3600.0), ("gap", 9.0)]),
    (1.0, 61.0, 0.0, [("clock", 60.0)]),
    (1.0, -3599.0, 0.0, [("clock", -3600.0)]),
    (1.0, 2.9, 0.0, []),
    (1.0, 101.0, 40.0, [("suspend", 40.0), ("clock", 60.0)]),
])  # fmt: skip
def test_what_passed(mono: float, wall: float, slept: float, expected: list[tuple[str, float]]) -> None:
    suspended = [0.0]
    watch = ClockWatch(lambda: suspended[0])
    assert watch.events(Tick(100.0, 1e9, ()), 1.0) == []
    suspended[0] = slept
    events = watch.events(Tick(100.0 + mono, 1e9 + wall, ()), 1.0)
    assert [(event.kind, event.seconds) for event in events] == expected
    assert all((event.mono, event.wall) == (100.0 + mono, 1e9 + wall) for event in events)


def test_recorded_in_order() -> None:
    """Events stand before the tick that they led to; a change of the interval is no gap."""
    tape = Tape()
    taking = Recorder(header_for(MACHINE, PROBES, 1.0), tape, lambda: 0.0)
    taking.take(tick(1.0, meminfo=b"a"))
    taking.event(Event(1.5, 1e9 + 1.5, "mark", "here"))
    taking.take(tick(9.0, meminfo=b"b"))
    taking.interval = 10.0
    taking.take(tick(19.0, meminfo=b"c"))
    recording = Recording(TapedChapters(tape))
    assert [(event.kind, event.mono, event.text) for event in recording.events()] == [
        ("mark", 1.5, "here"),
        ("gap", 9.0, ""),
    ]
    assert recording.ticks == 3


def test_ticks_and_events_are_redacted_before_they_are_recorded() -> None:
    tape = Tape()
    redactor = Redactor()
    taking = Recorder(redactor.header(HEADER), tape, lambda: 0.0, redactor)
    taking.event(Event(0.5, 1e9, "mark", "start: sh secret.sh"))
    taking.take(tick(1.0, meminfo=b"MemTotal: 1 kB\n", unheard_of=b"secret"))
    recording = Recording(TapedChapters(tape))
    assert [event.text for event in recording.events()] == ["mark 1"]
    [(_, found)] = recording.walk()
    assert {s.probe: s.content for s in found.samples} == {"meminfo": b"MemTotal: 1 kB\n", "unheard_of": None}


def test_this_machine_has_slept_no_negative_time() -> None:
    assert seconds_suspended() > -1.0
