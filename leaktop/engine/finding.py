"""Where to: moments as people name them, events, shares of the timeline, as ticks of a recording."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leaktop.recording.when import resolve

if TYPE_CHECKING:
    from leaktop.recording.reader import Place, Recording
    from leaktop.recording.timeline import Timeline

EVENTS = {"mark": ("mark", "baseline"), "gap": ("gap", "suspend", "reboot")}
"""What a user may name, and the kinds of events that are meant."""
_EXACT = 0.0005
"""Seconds: half of what clocks are kept to."""
_NEAR = 60.0
"""Seconds by which a time may miss the recording without a word."""


def previous(recording: Recording, timeline: Timeline, here: Place) -> float:
    """Where the tick before lies on the line; before the line's beginning where there is none."""
    before = recording.step(here, -1)
    return timeline.position(before, recording.moment(before).mono) if before < here else -1.0


def at_position(recording: Recording, timeline: Timeline, position: float) -> Place | None:
    """The first tick at or after a position on the line; else the last."""
    found = timeline.place_near(position + _EXACT)
    return None if found is None else recording.at_mono(found[0], found[1] - 2 * _EXACT)


def at_event(
    recording: Recording, timeline: Timeline, here: Place, kinds: tuple[str, ...], direction: int
) -> Place | None:
    """The tick at which the next event of these kinds shows, or the one before; None where there is none.

    An event shows at the first tick at or after it, as `Position.since` has it.
    """
    at = timeline.position(here, recording.moment(here).mono)
    since = previous(recording, timeline, here)
    events = [position for position, event in timeline.events if not kinds or event.kind in kinds]
    if direction > 0:
        events = [position for position in events if position > at + _EXACT]
    else:
        events = [position for position in events if position <= since + _EXACT][::-1]
    return at_position(recording, timeline, events[0]) if events else None


def at_wish(recording: Recording, timeline: Timeline, wish: str, here: float | None) -> tuple[Place | None, str | None]:
    """The tick at a time as people write it, and what they should know about it.

    Args:
        recording: the ticks.
        timeline: of it.
        wish: the time.
        here: what "+30s" counts from, and "-5m"; None: from the start, and before the end.

    Raises:
        ValueError: it is no time; the message says what may be written.
    """
    start, end = timeline.start.wall, timeline.end.wall
    if here is None:
        here = end if wish.strip().startswith("-") else start
    wall = resolve(wish, here=here, start=start, end=end)
    is_near = start - _NEAR <= wall <= end + _NEAR
    return recording.at(wall), None if is_near else "The recording does not reach there: this is the nearest tick."
