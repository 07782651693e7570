"""Sparklines: the last minutes of a figure in one line of text."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from leaktop.engine.series import buckets

if TYPE_CHECKING:
    from leaktop.model.frame import Frame, Key

GLYPHS = "▁▂▃▄▅▆▇█"
_SECONDS_PER_GLYPH = 15.0
_LEAST_SPAN = 0.02
"""Share of the largest value that the whole height stands for at least, so that noise does not look like a mountain."""


def sparkline(frame: Frame, section: str, key: Key, width: int) -> str:
    """One glyph for each 15 seconds, the newest last; spaces before the first sample.

    The spans are aligned to the clock, so that from one second to the next only the last glyph can change.
    """
    last = math.floor(frame.mono / _SECONDS_PER_GLYPH)
    start = (last - width + 1) * _SECONDS_PER_GLYPH
    times, values = frame.history.points(section, key, "size", frame.mono, start)
    if not times:
        return " " * width
    levels = buckets(times, values, start, _SECONDS_PER_GLYPH, width)
    known = [level for level in levels if level is not None]
    if not known:
        return " " * width
    low, high = min(known), max(known)
    span = max(high - low, abs(high) * _LEAST_SPAN, 1.0)
    return "".join(" " if level is None else _glyph((level - low) / span) for level in levels)


def _glyph(share: float) -> str:
    return GLYPHS[min(int(share * len(GLYPHS)), len(GLYPHS) - 1)]
