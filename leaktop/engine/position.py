"""What the player tells beside each Frame."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from leaktop.engine.survey import Survey
    from leaktop.recording.reader import Place
    from leaktop.recording.timeline import Timeline


class Position(NamedTuple):
    """Where the player is."""

    place: Place
    at: float
    """Seconds on the timeline."""
    since: float
    """Likewise, of the tick before: what lies between the two happened here."""
    speed: int
    is_playing: bool
    is_following: bool
    """Shows what comes as it comes."""
    is_last: bool
    timeline: Timeline
    survey: Survey
