"""Several rows as one, for panes that sum their rows by module."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from leaktop.model.frame import Row, Trend

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

KERNEL = "(kernel)"
"""Stands for the module of what is in none."""


def by_module(rows: Sequence[Row], sum_records: Callable[[str, Sequence[Any]], Any]) -> list[Row]:
    """A row for each module, keyed ("module", name).

    Args:
        rows: whose records have a `module`.
        sum_records: makes the record of a module out of its name and the records in it.
    """
    members: dict[str, list[Row]] = {}
    for row in rows:
        members.setdefault(row.record.module or KERNEL, []).append(row)
    return [
        Row(
            ("module", module),
            sum_records(module, [row.record for row in group]),
            sum_trends([row.size for row in group]),
            sum_trends(numbers) if (numbers := [row.number for row in group if row.number is not None]) else None,
        )
        for module, group in members.items()
    ]


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
