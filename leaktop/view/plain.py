"""The screen as sentences: what changed since one was told last, for screen readers, logs and dumb terminals."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from leaktop.units import human_bytes, human_delta, human_duration, human_rate, time_of_day
from leaktop.view.cells import safe, sanitise
from leaktop.view.pane import is_offered
from leaktop.view.panes import PANES
from leaktop.view.report.wording import KINDS, VERDICTS
from leaktop.view.timeline import words_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from leaktop.model.diagnosis import Case
    from leaktop.model.frame import Frame, Key, Suspect
    from leaktop.model.sample import Event

EVERY = 5.0
"""Seconds between two looks: a sentence takes that long to be read aloud."""
SUMMARY_EVERY = 300.0
"""Seconds between two summaries."""
_TOP = 5
"""Of what grows without being accused, the largest that are told of."""
_LEAST = 1 << 20
"""Bytes that have to be gained before growth is told of; from then on, every doubling."""
_STANDS = 10.0
"""Seconds that something has to be accused no more before that is said: what flickers tires."""
_LONGEST_NAME = 80
_Subject = tuple[str, str, "Key"]


class _Accused(NamedTuple):
    """A leak that was told of."""

    name: str
    bytes: int
    """That it had gained when it was told of last."""
    seen: float
    """Monotonic time at which it was accused last."""


@dataclass(slots=True)
class _Told:
    """What was said so far about one session of a machine."""

    began: float
    """Monotonic time of the first look."""
    looked: float
    summed: float
    day: str = ""
    verdict: str = ""
    faults: dict[str, str] = field(default_factory=dict)
    """Titles of panes to why they could not be read; empty once they could."""
    accused: dict[_Subject, _Accused] = field(default_factory=dict)
    baseline: float | None = None
    steps: dict[_Subject, int] = field(default_factory=dict)
    """Bytes that something had gained when it was told of last."""


class Narrator:
    """Keeps in mind what it told, and tells what is new. Every line is a whole sentence or two, and safe to print."""

    def __init__(self) -> None:
        self._told: _Told | None = None

    def tell(self, frame: Frame) -> list[str]:
        """What is new in this moment; nothing where the last look was a moment ago."""
        told = self._told
        if told is not None and 0 <= frame.mono - told.looked < EVERY:
            return []
        sentences = []
        if told is None or frame.mono < told.looked:  # the first, or another boot
            told = self._told = _Told(frame.mono, frame.mono, frame.mono, _date(frame.wall))
            sentences.append(_greeting(frame))
        elif (day := _date(frame.wall)) != told.day:
            told.day = day
            sentences.append(f"It is {day} now.")
        if frame.baseline_mono != told.baseline:
            told.baseline = frame.baseline_mono
            told.steps.clear()
        told.looked = frame.mono
        for tellers in (_readable, _judgement, _leaks, _growth, _summary):
            sentences += tellers(told, frame)
        return [self._line(frame.wall, sentence) for sentence in sentences]

    def event(self, event: Event) -> str:
        """Something that happened: a mark, a gap, what the kernel killed."""
        words = safe(words_of(event)).rstrip(".")
        return self._line(event.wall, f"{words[:1].upper()}{words[1:]}.")

    def notice(self, wall: float, words: str) -> str:
        """Something that leaktop says of itself."""
        return self._line(wall, safe(words))

    def end(self, frame: Frame) -> list[str]:
        """The last words."""
        lasted = human_duration(frame.mono - (self._told.began if self._told else frame.mono))
        return [self._line(frame.wall, f"The end, after {lasted}. {_standing(frame)}")]

    def _line(self, wall: float, sentence: str) -> str:
        return f"{time_of_day(wall)} {sentence}"


def _greeting(frame: Frame) -> str:
    machine = frame.machine
    host = sanitise(machine.hostname or "a machine without a name")
    release = sanitise(machine.release or "of unknown release")
    return f"On {_date(frame.wall)}, watching {host}, Linux {release}. {_memory(frame)}"


def _readable(told: _Told, frame: Frame) -> Iterator[str]:
    """What cannot be read, and what can again."""
    for pane in PANES:
        section = frame.sections.get(pane.section)
        if section is None or section.mono is None:
            continue
        fault = section.fault if is_offered(pane, frame) else None
        reason = fault.reason if fault else ""
        if reason == told.faults.get(pane.title, ""):
            continue
        told.faults[pane.title] = reason
        if fault is None:
            yield f"{pane.title} can be read again."
        else:
            helps = f" What helps: {safe(fault.remedy)}." if fault.remedy else ""
            yield f"{pane.title} cannot be read: {safe(fault.reason)}.{helps}"


def _judgement(told: _Told, frame: Frame) -> Iterator[str]:
    verdict = frame.diagnosis.verdict
    if verdict.name != told.verdict:
        now = " now" if told.verdict else ""
        told.verdict = verdict.name
        yield f"Verdict{now}: {VERDICTS[verdict.name]}. {safe(verdict.summary)}"


def _leaks(told: _Told, frame: Frame) -> Iterator[str]:
    """Who is accused newly, whose growth doubled, and who is accused no more."""
    for case in frame.diagnosis.cases:
        if not case.is_leak:
            continue
        subject = case.section, case.kind, case.key
        before = told.accused.get(subject)
        size = case.bytes if before is None else before.bytes
        if before is None:
            yield f"New leak: {_case(case)}."
        elif case.bytes >= 2 * max(before.bytes, _LEAST // 2):
            size = case.bytes
            yield f"Worse: {_case(case)}."
        told.accused[subject] = _Accused(_name(case), size, frame.mono)
    for subject, before in list(told.accused.items()):
        if frame.mono - before.seen >= _STANDS:
            del told.accused[subject]
            yield f"No longer accused: {before.name}."


def _growth(told: _Told, frame: Frame) -> Iterator[str]:
    """Every doubling of what grew most, where it is not accused."""
    for suspect in frame.suspects[:_TOP]:
        subject = suspect.section, suspect.kind, suspect.key
        growth = suspect.size.growth or 0
        if growth >= max(2 * told.steps.get(subject, 0), _LEAST):
            told.steps[subject] = growth
            if subject not in told.accused:
                yield f"{_grown(suspect)}."


def _summary(told: _Told, frame: Frame) -> Iterator[str]:
    """How things stand, now and then."""
    if frame.mono - told.summed >= SUMMARY_EVERY:
        told.summed = frame.mono
        yield f"Summary after {human_duration(frame.mono - told.began)}. {_standing(frame)}"


def _case(case: Case) -> str:
    gone = f", and memory is gone in {human_duration(case.eta)}" if case.eta is not None else ""
    return (
        f"{_name(case)}, {_rate(case.rate)}, {human_delta(case.bytes)} since the baseline, "
        f"{case.confidence:.0%} sure{gone}"
    )


def _name(case: Case | Suspect) -> str:
    name = sanitise(case.name)
    name = name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}..."
    return f"{KINDS.get(case.kind, case.kind)} {name}"


def _grown(suspect: Suspect) -> str:
    what = "Growing, but reclaimable" if suspect.is_cache else "Growing"
    size = suspect.size
    return f"{what}: {_name(suspect)}, {human_delta(size.growth)} since the baseline, {human_bytes(size.value)} now"


def _rate(bytes_per_second: float | None) -> str:
    return "at a rate not known yet" if bytes_per_second is None else f"{human_rate(bytes_per_second)[:-2]} a minute"


def _memory(frame: Frame) -> str:
    amounts = {row.record.name: row.size for row in frame.sections["memory"].rows}
    total, available = amounts.get("MemTotal"), amounts.get("MemAvailable")
    if total is None or available is None:
        return "How much memory there is cannot be read."
    change = f", {human_delta(available.growth)} since the baseline" if available.growth else ""
    return f"Of {human_bytes(total.value)} memory {human_bytes(available.value)} are available{change}."


def _standing(frame: Frame) -> str:
    """How things stand, in some sentences."""
    diagnosis = frame.diagnosis
    leaks = [case for case in diagnosis.cases if case.is_leak]
    listed = "; ".join(map(_case, leaks[:_TOP]))
    named = f" Leaks: {listed}." if leaks else ""
    return f"{_memory(frame)} Verdict: {VERDICTS[diagnosis.verdict.name]}.{named}"


def _date(wall: float) -> str:
    """ "2026-11-21", local; "an unknown day" for a clock that no calendar reaches."""
    try:
        return datetime.fromtimestamp(wall, UTC).astimezone().strftime("%Y-%m-%d")
    except (ValueError, OverflowError, OSError):
        return "an unknown day"
