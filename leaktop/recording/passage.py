"""What the passage from one chapter to the next says that no event does: gaps, other boots."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leaktop.model.sample import Event

if TYPE_CHECKING:
    from collections.abc import Iterator

    from leaktop.recording.layout import Signpost


def between(before: Signpost, after: Signpost, interval: float) -> Iterator[Event]:
    """The reboot or the gap between two chapters, where there was one that no event tells of.

    Args:
        before: the chapter before.
        after: the chapter after.
        interval: seconds between ticks.
    """
    mono, wall = after.first
    passed = mono - before.last.mono
    if passed < 0 or (before.boot != after.boot and before.boot is not None and after.boot is not None):
        away = wall - before.last.wall
        yield Event(mono, wall, "reboot", "another boot, or another machine", away if away > 0 else None)
    elif passed > gap_from(interval) and not any(event.kind in {"gap", "suspend"} for event in after.events[:2]):
        yield Event(mono, wall, "gap", "", passed)


def gap_from(interval: float) -> float:
    """Seconds without a tick from which on that is a gap."""
    return 3 * interval + 1
