"""A recording as the one Frame that is judged: all its ticks where they are few, else a choice spread over its length.

What is judged is one session, since nothing can have grown from one boot to the next.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from leaktop.engine.beginning import is_break, session_start
from leaktop.engine.engine import Engine
from leaktop.recording.passage import between
from leaktop.recording.reader import Place
from leaktop.units import human_duration

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from leaktop.model.frame import Frame
    from leaktop.model.sample import Event, Tick
    from leaktop.recording.layout import Moment, Stretch
    from leaktop.recording.lines import Header
    from leaktop.recording.reader import Recording

_ALL = 2000
"""Ticks up to which all are fed."""
_FIRST = 5
"""Ticks at the beginning of a longer session that are fed one by one: slower probes come after the first."""
_SPREAD = 160
"""Moments of it that are fed: 40 of them make a curve, and finding one costs a chapter."""
_TAIL = (*range(600, 60, -60), *range(60, 0, -5))
"""Seconds before its end at which it is looked at more closely: slopes are of the last minute. Few, since a curve that
is dense at its end would say little of the rest."""
_SHORTEST = 60.0
"""Seconds of history that are kept at least."""


class Digest(NamedTuple):
    """What a recording comes to."""

    frame: Frame
    header: Header
    first: Moment
    last: Moment
    ticks: int
    """Of the session."""
    fed: int
    """Of them, how many the Frame is made of."""
    events: tuple[Event, ...]
    """What happened meanwhile, gaps among them."""
    damage: tuple[str, ...]
    notes: tuple[str, ...]
    """What to know about the span that is judged."""


def digest(
    recording: Recording, first: Place, last: Place, progress: Callable[[float], None] = lambda _: None
) -> Digest:
    """Feed an engine with the last session of a span.

    Args:
        recording: the ticks.
        first: the earliest tick that may be judged.
        last: the tick that is judged.
        progress: called with the share that is done, now and then.
    """
    start = max(session_start(recording, last), first)
    begin, end = recording.moment(start), recording.moment(last)
    header = recording.header_at(last)
    ticks = _count(recording, start, last)
    engine = Engine(header.machine, max(end.mono - begin.mono, _SHORTEST))
    frame = engine.feed(recording.state(start))
    fed = 1
    for tick in _every(recording, start, last) if ticks <= _ALL else _spread(recording, start, last):
        frame = engine.feed(tick)
        fed += 1
        progress(fed / (ticks if ticks <= _ALL else _SPREAD))
    return Digest(
        frame,
        header,
        begin,
        end,
        ticks,
        fed,
        tuple(event for event in _events(recording, start, last) if begin.mono <= event.mono <= end.mono),
        tuple(
            f"at byte {d.offset}: {d.reason}" + (f", {d.ticks} ticks lost" if d.ticks else "") for d in recording.damage
        ),
        tuple(_notes(recording, first, start, last, ticks, fed)),
    )


def _count(recording: Recording, start: Place, last: Place) -> int:
    """Ticks from one place to another, by what the chapters' signposts say."""
    whole = sum(s.signpost.ticks for s in recording.stretches if start.chapter <= s.number < last.chapter)
    return whole - start.ordinal + last.ordinal + 1


def _events(recording: Recording, start: Place, last: Place) -> Iterator[Event]:
    """What happened in the session's chapters, and the gaps between them; told apart by no clock that can be set."""
    interval = recording.header.interval if recording.header else 1.0
    before: Stretch | None = None
    for stretch in recording.stretches:
        if start.chapter <= stretch.number <= last.chapter:
            if before is not None:
                yield from between(before.signpost, stretch.signpost, interval)
            yield from stretch.signpost.events
            before = stretch


def _every(recording: Recording, start: Place, last: Place) -> Iterator[Tick]:
    """Every tick after the first."""
    here = start
    while here < last and (there := recording.step(here, 1)) > here:
        here = there
        yield recording.tick(here)


def _spread(recording: Recording, start: Place, last: Place) -> Iterator[Tick]:
    """Some moments after the first, all of the session evenly, and more of its last minutes."""
    for number in range(1, _FIRST):
        yield recording.tick(recording.step(start, number))
    chapters = [s for s in recording.stretches if start.chapter <= s.number <= last.chapter and s.signpost.ticks]
    each = max(_SPREAD // len(chapters), 1)
    step = max(len(chapters) / _SPREAD, 1.0)
    chosen = {
        Place(chapter.number, i * chapter.signpost.ticks // each)
        for chapter in (chapters[int(number * step)] for number in range(min(len(chapters), _SPREAD)))
        for i in range(each)
    }
    end = recording.moment(last).mono
    for before in _TAIL:
        chapter = next((c for c in reversed(chapters) if c.signpost.first.mono <= end - before), chapters[0])
        chosen.add(recording.at_mono(chapter.number, end - before) or last)
    begun = recording.step(start, _FIRST - 1)
    for place in sorted(place for place in chosen | {last} if begun < place <= last):
        yield recording.state(place)


def _notes(recording: Recording, first: Place, start: Place, last: Place, ticks: int, fed: int) -> Iterator[str]:
    within = [s for s in recording.stretches if first.chapter <= s.number <= last.chapter and s.signpost.ticks]
    sessions = 1 + sum(is_break(before, after) for before, after in pairwise(within))
    if sessions > 1:
        yield f"The recording holds {sessions} sessions, of other boots or machines; the last one is judged."
    if fed < ticks:
        span = human_duration(recording.moment(last).mono - recording.moment(start).mono)
        yield (
            f"Of {ticks:,} ticks over {span}, {fed:,} were looked at, spread evenly; "
            "--from -30m judges the last half hour tick by tick."
        )
