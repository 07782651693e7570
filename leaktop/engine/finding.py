"""Where to: moments as people name them, events, shares of the timeline, as ticks of a recording."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leaktop.recording.when import resolve

if TYPE_CHECKING:
    from leaktop.recording.reader import Place, Recording
    from leaktop.recording.timeline import Timeline

Found = tuple["Place | None", str | None]
"""A tick, None where there is none; and what the user should know."""
EVENTS = {"mark": ("mark", "baseline", "experiment", "allocations", "oom"), "gap": ("gap", "suspend", "reboot")}
"""What a user may name, and the kinds of events that are meant."""
_TOLD = {"experiment", "allocations", "oom"}
"""Kinds whose text is the finding itself."""
_EXACT = 0.0005
"""Seconds: half of what clocks are kept to."""
_NEAR = 60.0
"""Seconds by which a time may miss the recording without a word."""

_NOT_THERE = "The recording does not reach there: this is the nearest tick."


def previous(recording: Recording, timeline: Timeline, here: Place) -> float:
    """Where the tick before lies on the line; before the line's beginning where there is none."""
    before = recording.step(here, -1)
    return timeline.position(before, recording.moment(before).mono) if before < here else -1.0


def at_position(recording: Recording, timeline: Timeline, position: float) -> Place | None:
    """The first tick at or after a position on the line; else the last."""
    found = timeline.place_near(max(position, 0.0) + _EXACT)
    return None if found is None else recording.at_mono(found[0], found[1] - 2 * _EXACT)


def at_event(
    recording: Recording, timeline: Timeline, here: Place | None, kinds: tuple[str, ...], direction: int
) -> Found:
    """The tick at which the next event of these kinds shows, or the one before.

    An event shows at the first tick at or after it, as `Position.since` has it. What an experiment found, who
    allocates, and what the kernel killed are told in full: the header has no room for all of it.
    """
    if here is None:
        return None, None
    at = timeline.position(here, recording.moment(here).mono)
    since = previous(recording, timeline, here)
    events = [position for position, event in timeline.events if not kinds or event.kind in kinds]
    if direction > 0:
        events = [position for position in events if position > at + _EXACT]
    else:
        events = [position for position in events if position <= since + _EXACT][::-1]
    if not events:
        what, where = " or ".join(kinds) or "event", "after" if direction > 0 else "before"
        return None, f"There is no {what} {where} this."
    found = [event.text for position, event in timeline.events if position == events[0] and event.kind in _TOLD]
    return at_position(recording, timeline, events[0]), "; ".join(found) or None


def at_wish(recording: Recording, timeline: Timeline, wish: str, here: Place | None) -> Found:
    """The tick at a time as people write it; "mark" and "gap" are the next of these.

    Args:
        recording: the ticks.
        timeline: of it.
        wish: the time.
        here: what "+30s" counts from, and "-5m"; None: from the start, and before the end.
    """
    event = EVENTS.get(wish.strip().lower())
    if event is not None:
        return at_event(recording, timeline, here, event, 1)
    start, end = timeline.start.wall, timeline.end.wall
    now = None if here is None else recording.moment(here).wall
    try:
        wall = resolve(wish, here=now, start=start, end=end)
    except ValueError as error:
        return None, str(error)
    if now is not None and here is not None and wish.strip()[:1] in {"+", "-"} and _was_set(timeline):
        at = timeline.position(here, recording.moment(here).mono) + wall - now
        is_near = -_NEAR <= at <= timeline.length + _NEAR
        found = at_position(recording, timeline, at) or recording.last()
        return found, None if is_near else _NOT_THERE
    is_near = start - _NEAR <= wall <= end + _NEAR
    return recording.at(wall), None if is_near else _NOT_THERE


def _was_set(timeline: Timeline) -> bool:
    """Whether the clock was set meanwhile: then times of day do not tell how much time lies between two ticks."""
    return any(event.kind == "clock" for _, event in timeline.events)
