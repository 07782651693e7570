"""Captures in the order of time, parted into sessions: one machine from one boot to the next."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median

from leaktop.model.sample import Event, Fault, Machine, Probe, RawSample, Tick

_OTHER_MEMORY = 1.25
"""MemTotal of a machine changes by less: reserved memory, hotplug, a balloon that is being filled."""
_OTHER_BOOT = 120.0
"""Seconds; what NTP moves the time of the boot by is less."""
_HEAD = 4096
"""Bytes of a sample that are looked at to see whether it says anything."""
_SELDOM = 60.0
"""Seconds from one read of a probe to the next where it is read live: links of merged caches."""
_MOST_NAMED = 3
"""Captures that a note names, of however many it counts."""


class SeriesError(Exception):
    """Nothing can be read; the message says what and why, for people."""


@dataclass(frozen=True, slots=True)
class Capture:
    """What was captured at one moment, not read yet."""

    name: str
    """For people: where it lies."""
    wall: float
    """Seconds since the epoch, as the capture says."""
    steady: float
    """The same, but on a clock that nobody set back in between: what captures are sorted by."""
    machine: Machine
    probes: tuple[Probe, ...]
    read: Callable[[], Iterable[RawSample]]
    """Gives a sample of each probe that has something to say; their times do not count."""
    memory: int | None = None
    """MemTotal in kB."""
    booted: float | None = None
    """Seconds since the epoch."""
    event: Event | None = None
    """What happened just before; its times do not count."""


class Session:
    """The captures of one machine, as ticks.

    Args:
        captures: in the order of time, at least one.
        origin: what they were made from, for people.
        begin: what the first one's monotonic time is to be, in seconds.
        notes: takes a sentence for whatever could not be read.
    """

    def __init__(self, captures: list[Capture], origin: str, begin: float, notes: list[str]) -> None:
        self._captures = captures
        self._begin = begin
        self._notes = notes
        self.origin = origin
        self.machine: Machine = captures[0].machine
        self.probes: tuple[Probe, ...] = captures[0].probes

    @property
    def interval(self) -> float:
        """Seconds from one capture to the next, the median; 1 where there is but one."""
        times = [capture.steady for capture in self._captures]
        return round(median([b - a for a, b in pairwise(times)] or [1.0]), 3)

    def steps(self) -> Iterator[Tick | Event]:
        """The ticks, read one by one as they are asked for, and the events, each before the tick that it goes before.

        A probe's fault is given once, not again at every tick that it lasts. What changes seldom may be in one capture
        only, and holds for those that follow.
        """
        start = self._captures[0].steady
        seldom = {probe.name for probe in self.probes if (probe.cadence or 0) >= _SELDOM}
        lasting: set[str] = set()
        faults: dict[str, Fault] = {}
        unread = []
        for capture in self._captures:
            mono, wall = round(self._begin + capture.steady - start, 3), round(capture.wall, 3)
            samples = [replace(sample, mono=mono, wall=wall, cost=0.0) for sample in capture.read()]
            if not any(map(_says_something, samples)):
                unread.append(capture.name)
                continue
            if capture.event is not None:
                yield replace(capture.event, mono=mono, wall=wall)
            samples = [sample for sample in samples if sample.fault is None or sample.probe not in lasting]
            lasting |= {sample.probe for sample in samples if sample.fault is None} & seldom
            told = [s for s in samples if s.fault is None or faults.get(s.probe) != s.fault]
            faults = {sample.probe: sample.fault for sample in samples if sample.fault is not None}
            yield Tick(mono, wall, tuple(told))
        if unread:
            self._notes.append(f"{counted(len(unread), 'capture')} could not be read: {some(unread)}")


def part(captures: list[Capture], origin: str, notes: list[str]) -> list[Session]:
    """Sessions, each with its captures in the order of time, in the order in which they began."""
    groups: list[list[Capture]] = []
    repeated = []
    for capture in sorted(captures, key=lambda capture: capture.steady):
        group = next((group for group in reversed(groups) if _is_same_boot(group[-1], capture)), None)
        if group is None:
            groups.append([capture])
        elif round(group[-1].steady, 3) == round(capture.steady, 3):
            repeated.append(capture.name)
        else:
            group.append(capture)
    if repeated:
        notes.append(f"{counted(len(repeated), 'capture')} left out, of the same moment as another: {some(repeated)}")
    # A monotonic clock that goes back is how whoever reads the recording tells that another session has begun.
    last = len(groups) - 1
    return [Session(group, origin, (last - number) / 1000, notes) for number, group in enumerate(groups)]


def counted(number: int, noun: str) -> str:
    """ "1 capture", "3 captures"."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def some(names: list[str]) -> str:
    """The first few names."""
    return ", ".join(names[:_MOST_NAMED]) + (", ..." if len(names) > _MOST_NAMED else "")


def _says_something(sample: RawSample) -> bool:
    """Whether there is more than the heading that a list has even where there was nothing to be listed."""
    return any(line[:1] not in {b"", b"#", b"="} for line in (sample.content or b"")[:_HEAD].split(b"\n"))


def _is_same_boot(one: Capture, other: Capture) -> bool:
    """Whether two captures can be of one machine that was not booted in between; what is unknown does not tell."""
    mine, its = one.machine, other.machine
    if mine.boot_id and its.boot_id:
        return mine.boot_id == its.boot_id
    if _differ(mine.hostname, its.hostname) or _differ(mine.release, its.release):
        return False
    if one.booted is not None and other.booted is not None and abs(one.booted - other.booted) > _OTHER_BOOT:
        return False
    if one.memory and other.memory and not (mine.hostname and its.hostname):
        return max(one.memory, other.memory) <= _OTHER_MEMORY * min(one.memory, other.memory)
    return True


def _differ(one: str | None, other: str | None) -> bool:
    return one is not None and other is not None and one != other
