"""What a report of kmemleak tells beside the one before: what is new in it, and since when each group is seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from leaktop.model.records import KmemleakGroup
    from leaktop.model.sample import RawSample

Identity = tuple[str, int]
"""Address and time of allocation: an address alone is used again."""


class Sighting(NamedTuple):
    """One group, as it was met in our own reads."""

    first_mono: float
    """Monotonic seconds of the first read that had it."""
    first_wall: float
    is_from_start: bool
    """The first read of all had it: it may be older."""
    new: int | None
    """Objects that the scan before had not found; None in the first read."""


class Sightings:
    """Remembers what was read before. Reads of one and the same scan tell the same."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, ...], Sighting] = {}
        self._objects: dict[tuple[str, ...], frozenset[Identity]] = {}
        self._newest: RawSample | None = None

    def take(self, sample: RawSample, groups: Sequence[KmemleakGroup]) -> dict[tuple[str, ...], Sighting]:
        """The sighting of each group in a report, by its backtrace.

        Args:
            sample: what was read.
            groups: its content.
        """
        if sample is self._newest:
            return self._seen
        objects = {
            found.backtrace: frozenset((member.address, member.jiffies) for member in found.objects) for found in groups
        }
        is_first = self._newest is None
        if not is_first and objects == self._objects:
            return self._seen  # the same scan, read again: what it brought is still what is new
        self._newest, before = sample, self._objects
        now: dict[tuple[str, ...], Sighting] = {}
        for backtrace, members in objects.items():
            known = self._seen.get(backtrace)
            new = None if is_first else len(members - before.get(backtrace, frozenset()))
            now[backtrace] = (
                Sighting(sample.mono, sample.wall, is_first, new) if known is None else known._replace(new=new)
            )
        # What is gone is remembered too: an object may vanish for a scan, while some register holds its address.
        self._seen = {**self._seen, **now}
        self._objects = objects
        return self._seen
