"""A leak in bursts: steps of like height and spacing, none of which is given back.

Something that is lost once every half minute stands still most of the time, so that neither the floor of every part of
the span rises nor the slope of its end.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_FEWEST = 4
_ALIKE = 2.0
"""How many times as high, or as far apart, the largest may be as the smallest."""
_NOISE = 0.05
"""Of the growth: less is no step, and so much may be given back."""
_MOST = 0.8
"""Of the growth has to come in steps."""
_OVERDUE = 1.5
"""Times the longest pause, after which the steps have ended."""


def is_staircase(times: Sequence[float], values: Sequence[float]) -> bool:
    """Whether a series rises by four steps or more of like height and spacing, and the next is not overdue."""
    growth = values[-1] - values[0]
    if growth <= 0 or _given_back(values) > _NOISE * growth:
        return False
    steps = _steps(times, values, _NOISE * growth)
    if len(steps) < _FEWEST:
        return False
    heights = [height for _, height in steps]
    pauses = [after - before for (before, _), (after, _) in pairwise(steps)]
    are_alike = max(heights) <= _ALIKE * min(heights) and max(pauses) <= _ALIKE * min(pauses)
    return are_alike and sum(heights) > _MOST * growth and times[-1] - steps[-1][0] <= _OVERDUE * max(pauses)


def _given_back(values: Sequence[float]) -> float:
    """The deepest fall below what was reached."""
    top, fall = values[0], 0.0
    for value in values:
        top = max(top, value)
        fall = max(fall, top - value)
    return fall


def _steps(times: Sequence[float], values: Sequence[float], least: float) -> list[tuple[float, float]]:
    """When each step began, and its height; one that takes several samples is one."""
    steps: list[tuple[float, float]] = []
    is_rising = False
    for (time, before), after in zip(zip(times, values, strict=True), values[1:], strict=False):
        height = after - before
        if height <= least:
            is_rising = False
        elif is_rising:
            steps[-1] = steps[-1][0], steps[-1][1] + height
        else:
            steps.append((time, height))
            is_rising = True
    return steps
