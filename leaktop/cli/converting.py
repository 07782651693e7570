"""A series of captures, turned into a recording."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import leaktop
from leaktop.model.sample import Event
from leaktop.recording.encoder import Encoder
from leaktop.recording.lines import Header
from leaktop.recording.passage import gap_from
from leaktop.sources.series import FORMS, SeriesError

if TYPE_CHECKING:
    from collections.abc import Callable

    from leaktop.recording.recorder import Sink
    from leaktop.sources.series import Series, Session


class Converted(NamedTuple):
    """What became a recording."""

    ticks: int
    seconds: float
    """From the first tick of each session to its last, summed."""
    sessions: int


def convert(series: Series, make_sink: Callable[[], Sink]) -> Converted:
    """Record every tick of a series.

    Args:
        series: what is to be recorded.
        make_sink: gives the place where it goes; asked for when there is a tick to be written.

    Raises:
        SeriesError: there is no tick in it.
        OSError: as `make_sink` does.
    """
    sink: Sink | None = None
    ticks, seconds, sessions = 0, 0.0, 0
    for session in series.sessions:
        encoder: Encoder | None = None
        begin = before = 0.0
        for step in session.steps():
            if encoder is None:
                sink = sink or make_sink()
                encoder = Encoder(_header(session), sink.piece, sink.chapter)
                begin = before = step.mono
                sessions += 1
            if isinstance(step, Event):
                encoder.event(step)
                continue
            if step.mono - before > gap_from(session.interval):
                encoder.event(Event(step.mono, step.wall, "gap", "", round(step.mono - before, 3)))
            encoder.tick(step)
            before = step.mono
            ticks += 1
        if encoder is not None:
            encoder.close_chapter()
            seconds += before - begin
    if not ticks:
        raise SeriesError(f"not one capture can be read: {'; '.join(series.notes) or FORMS}")
    return Converted(ticks, seconds, sessions)


def _header(session: Session) -> Header:
    return Header(session.machine, session.interval, session.probes, leaktop.__version__, session.origin)
