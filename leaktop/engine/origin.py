"""Where the growth of a row began."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
    """The last tick up to here at which the row had not yet grown; None where it has not grown at all.

    Args:
        recording: the ticks.
        section: the row's section.
        key: the row.
        here: growth up to this tick is looked at.
    """
    first = recording.first()
    if first is None or first >= here:
        return None
    values: dict[Place, int] = {}

    def value(place: Place) -> int:
        if place not in values:
            values[place] = _size(recording, section, key, place)
        return values[place]

    moments = _moments(recording, first, here)
    lowest = min(map(value, moments))
    threshold = lowest + (value(here) - lowest) * _SHARE
    low = [place for place in moments if value(place) <= threshold]
    if not low or low[-1] >= here:
        return None
    return _between(recording, low[-1], next(place for place in moments if place > low[-1]), value, threshold)


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


def _between(recording: Recording, low: Place, high: Place, value: Callable[[Place], int], threshold: float) -> Place:
    """The last place that is low, where `low` is and `high` is not."""
    steps = 1
    while recording.step(low, steps) < high:
        steps *= 2
    while steps > 1:
        steps //= 2
        middle = recording.step(low, steps)
        if middle < high and value(middle) <= threshold:
            low = middle
    return low


def _size(recording: Recording, section: str, key: Key, place: Place) -> int:
    """Bytes of the row at a tick; 0 where there is no such row."""
    rule = next(rule for rule in SECTIONS if rule.name == section)
    state = recording.state(place)
    samples = tuple(sample for sample in state.samples if sample.probe in rule.probes)
    engine = Engine(recording.header_at(place).machine)
    rows = engine.feed(Tick(state.mono, state.wall, samples)).sections[section].rows
    return next((row.size.value or 0 for row in rows if row.key == key), 0)
