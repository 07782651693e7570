"""Trends of several rows as one, for panes that sum their rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from leaktop.model.frame import Trend

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def sum_trends(trends: Sequence[Trend]) -> Trend:
    """The trend of a sum. Peaks and shares do not add up, so they are not known."""
    return Trend(
        sum(trend.value or 0 for trend in trends),
        _total(trend.delta for trend in trends),
        _total(trend.rate for trend in trends),
        _total(trend.growth for trend in trends),
        _total(trend.slope for trend in trends),
        None,
        None,
    )


def _total(figures: Iterable[Any]) -> Any:
    known = [figure for figure in figures if figure is not None]
    return sum(known) if known else None
