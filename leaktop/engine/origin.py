"""Where the growth of a row began."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leaktop.engine.beginning import session_start
from leaktop.engine.engine import Engine
from leaktop.engine.sections import SECTIONS
from leaktop.model.sample import Tick
from leaktop.recording.reader import Place

if TYPE_CHECKING:
    from collections.abc import Callable

    from leaktop.model.frame import Key
    from leaktop.recording.reader import Recording

_MOMENTS = 64
"""Moments of the recording that are looked at first; between two of them the beginning is then found by halving."""
_SHARE = 0.05
"""Share of the whole growth below which a row has not yet begun to grow."""


def find_origin(recording: Recording, section: str, key: Key, here: Place) -> Place | None:
    """The last tick of this boot at which the row had not yet grown; None where it has not grown at all.

    Args:
        recording: the ticks.
        section: the row's section.
        key: the row.
        here: growth up to this tick is looked at.
    """
    first = session_start(recording, here)
    values: dict[Place, int | None] = {}

    def value(place: Place) -> int | None:
        if place not in values:
            values[place] = _size(recording, section, key, place)
        return values[place]

    moments = [place for place in _moments(recording, first, here) if value(place) is not None]
    known = [value(place) or 0 for place in moments]
    if not known or moments[-1] < here:
        return None
    threshold = min(known) + (known[-1] - min(known)) * _SHARE
    low = [at for at, size in enumerate(known) if size <= threshold]
    if low[-1] + 1 == len(known):
        return None
    return _between(recording, moments[low[-1]], moments[low[-1] + 1], value, threshold)


def _moments(recording: Recording, first: Place, here: Place) -> list[Place]:
    """Evenly spaced places, both ends among them."""
    places: list[Place] = []
    stretches = [s for s in recording.stretches if first.chapter <= s.number <= here.chapter and s.signpost.ticks]
    each = max(_MOMENTS // max(len(stretches), 1), 1)
    some = stretches[:: max(len(stretches) // _MOMENTS, 1)]
    for stretch in some:
        count = len(recording.chapter(stretch.number))
        places += [Place(stretch.number, count * i // each) for i in range(min(each, count))]
    return [*(place for place in places if first <= place < here), here]


def _between(
    recording: Recording, low: Place, high: Place, value: Callable[[Place], int | None], threshold: float
) -> Place:
    """The last place that is low, where `low` is and `high` is not."""
    steps = 1
    while recording.step(low, steps) < high:
        steps *= 2
    while steps > 1:
        steps //= 2
        middle = recording.step(low, steps)
        size = value(middle) if middle < high else None
        if size is not None and size <= threshold:
            low = middle
    return low


def _size(recording: Recording, section: str, key: Key, place: Place) -> int | None:
    """Bytes of the row at a tick, 0 where there is no such row; None where the section was not read, or in vain."""
    rule = next(rule for rule in SECTIONS if rule.name == section)
    state = recording.state(place)
    samples = tuple(sample for sample in state.samples if sample.probe in rule.probes)
    found = Engine(recording.header_at(place).machine).feed(Tick(state.mono, state.wall, samples)).sections[section]
    if found.mono is None or found.fault is not None:
        return None
    return next((row.size.value or 0 for row in found.rows if row.key == key), 0)
