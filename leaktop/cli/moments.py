"""Moments of a recording on the command line: as they are written, and as programs read them."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from leaktop.recording.when import resolve

if TYPE_CHECKING:
    import argparse

    from leaktop.recording.layout import Moment
    from leaktop.recording.reader import Place, Recording

FORMS = "14:02, 2026-11-21T14:02, +30s from the start, -5m before the end, start, end"


class Span(NamedTuple):
    """The ticks that were asked for, the last one included."""

    first: Place
    last: Place
    since: float
    """When it was to begin, in seconds since the epoch; however early, where it is all from the start."""
    until: float


def take_moments(parser: argparse.ArgumentParser) -> None:
    """Let "-5m" be a moment and not an option."""
    parser._negative_number_matcher = re.compile(r"-\d")


def add_span(parser: argparse.ArgumentParser, what: str) -> None:
    """The options --from and --to.

    Args:
        parser: takes them.
        what: is done with the ticks between: "cut", "export".
    """
    take_moments(parser)
    parser.add_argument("--from", dest="begin", default="start", metavar="T", help=f"{what} from here: {FORMS}")
    parser.add_argument("--to", dest="end", default="end", metavar="T", help=f"{what} up to here")


def span(recording: Recording, begin: str, end: str) -> Span:
    """The ticks from the first at or after a moment to the last at or before another.

    Raises:
        ValueError: one of them is no time, or no tick lies between; the message says so.
    """
    since, until = _wall(recording, begin), _wall(recording, end)
    first, last = recording.at(since), recording.at(until)
    if first is None or last is None:
        raise ValueError("no tick can be read")
    if recording.moment(last).wall > until:
        last = recording.step(last, -1)
    if last < first or recording.moment(first).wall < since:
        raise ValueError(f"no tick lies between {begin} and {end}: {extent(recording)}")
    return Span(
        first,
        last,
        float("-inf") if begin == "start" else since,
        float("inf") if end == "end" else until,
    )


def nearest(recording: Recording, wish: str) -> tuple[Place, str | None]:
    """The tick nearest to a moment, and a note where the moment lies outside the recording.

    Raises:
        ValueError: it is no time, or there is no tick; the message says so.
    """
    wall = _wall(recording, wish)
    after = recording.at(wall)
    if after is None:
        raise ValueError("no tick can be read")
    before = recording.step(after, -1)
    place = min((after, before), key=lambda place: abs(recording.moment(place).wall - wall))
    start, end = _ends(recording)
    note = None
    if not start.wall - 0.5 <= wall <= end.wall + 0.5:
        side = "begins" if wall < start.wall else "ends"
        taken = local(recording.moment(place).wall)
        note = f"{wish} lies outside: the recording {side} at {taken}, which is taken instead"
    return place, note


def extent(recording: Recording) -> str:
    """From when to when the recording goes, in words."""
    start, end = _ends(recording)
    return f"the recording goes from {local(start.wall)} to {local(end.wall)}"


def iso(wall: float | None) -> str | None:
    """UTC, to the millisecond; None for no time, and for one that no calendar reaches."""
    if wall is None:
        return None
    try:
        return datetime.fromtimestamp(wall, UTC).isoformat(timespec="milliseconds")
    except (ValueError, OverflowError, OSError):
        return None


def local(wall: float | None) -> str:
    """Local time to the second, as a moment may be written, too; "-" for none."""
    if wall is None:
        return "-"
    try:
        return datetime.fromtimestamp(wall, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    except (ValueError, OverflowError, OSError):
        return "-"


def _wall(recording: Recording, wish: str) -> float:
    start, end = _ends(recording)
    return resolve(wish, here=None, start=start.wall, end=end.wall)


def _ends(recording: Recording) -> tuple[Moment, Moment]:
    first, last = recording.first(), recording.last()
    if first is None or last is None:
        raise ValueError("no tick can be read")
    return recording.moment(first), recording.moment(last)
