"""Columns: what a table shows of a row, how it sorts, and which columns give way when the terminal is narrow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from leaktop.units import human_bytes, human_count, human_delta, human_rate
from leaktop.view.cells import Cell, Tone, sanitise

if TYPE_CHECKING:
    from leaktop.model.frame import Frame, Row, Trend

Align = Literal["left", "right"]


_WIDEST = 56
"""Characters of the flexible column: further, the eye loses the line on its way to the figures."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table."""

    name: str
    """The key by which `--sort` and `<` `>` choose it."""
    title: str
    width: int
    """Characters; of the flexible column, the least it can live with."""
    value: Callable[[Row], Any]
    """What to sort by; None sorts last, whichever way."""
    cell: Callable[[Row, Frame], Cell]
    hint: str
    """For the help screen: what the figure is."""
    align: Align = "right"
    rank: int = 1
    """Columns of the highest rank go first when there is no room; rank 0 always stays."""
    is_flexible: bool = False
    """Takes the room that is left; one a table."""
    ascending: bool = False
    """Names sort from A, figures from the largest."""
    unit: str = ""
    """For the help screen: what the figure is counted in; empty for words."""
    source: str = ""
    """For the help screen: the file and field that it is read from, where it is not the pane's own file."""


def name_column(
    name: str, title: str, text: Callable[[Row], str], hint: str, width: int = 16, source: str = ""
) -> Column:
    """The flexible column that names the row."""

    def cell(row: Row, _frame: Frame) -> Cell:
        return Cell(sanitise(text(row)))

    return Column(name, title, width, text, cell, hint, "left", 0, is_flexible=True, ascending=True, source=source)


def text_column(
    name: str, title: str, width: int, text: Callable[[Row], str | None], hint: str, rank: int = 2, source: str = ""
) -> Column:
    """A column of words; "-" where they are not known."""

    def cell(row: Row, _frame: Frame) -> Cell:
        words = text(row)
        return Cell("-", "dim") if words is None else Cell(sanitise(words))

    return Column(name, title, width, text, cell, hint, "left", rank, ascending=True, source=source)


def count_column(
    name: str,
    title: str,
    width: int,
    count: Callable[[Row], int | float | None],
    hint: str,
    rank: int = 2,
    source: str = "",
) -> Column:
    """A column of plain numbers."""

    def cell(row: Row, _frame: Frame) -> Cell:
        return Cell(human_count(count(row)))

    return Column(name, title, width, count, cell, hint, "right", rank, unit="count", source=source)


def bytes_column(
    name: str, title: str, width: int, size: Callable[[Row], int | None], hint: str, rank: int = 1, source: str = ""
) -> Column:
    """A column of sizes."""

    def cell(row: Row, _frame: Frame) -> Cell:
        return Cell(human_bytes(size(row)))

    return Column(name, title, width, size, cell, hint, "right", rank, unit="bytes", source=source)


def size_column(title: str = "size", hint: str = "memory it holds", source: str = "") -> Column:
    """The bytes of memory that a row holds."""
    return bytes_column("size", title, 6, lambda row: row.size.value, hint, rank=0, source=source)


def growth_column() -> Column:
    """Bytes since the baseline: what every pane sorts by unless told otherwise."""

    def cell(row: Row, _frame: Frame) -> Cell:
        return Cell(human_delta(row.size.growth), tone_of(row.size))

    hint = "what came since the baseline, which is the start until one is marked"
    return Column("growth", "growth", 7, lambda row: row.size.growth, cell, hint, rank=0, unit="bytes")


def rate_column() -> Column:
    """The slope over the last minute, in bytes a minute."""

    def cell(row: Row, _frame: Frame) -> Cell:
        return Cell(human_rate(row.size.slope), _tone(row.size.slope))

    hint = "the slope over the last minute, or since the baseline where that is later"
    return Column("rate", "rate", 8, lambda row: row.size.slope, cell, hint, unit="bytes a minute")


def rose_column() -> Column:
    """How steadily it rose."""

    def cell(row: Row, _frame: Frame) -> Cell:
        share = row.size.rose
        # In steps of five: the last digit says nothing, and would repaint every row every second.
        return Cell("-" if share is None else f"{round(share * 20) * 5}%", "dim")

    hint = "how many of the reads since the baseline were above the one before"
    return Column("rose", "rose", 4, lambda row: row.size.rose, cell, hint, rank=3, unit="share")


def peak_column() -> Column:
    """The high-water mark."""
    return bytes_column(
        "peak", "peak", 6, lambda row: row.size.high_water, "the most that it held since the baseline", rank=4
    )


def in_words(trend: Trend) -> str:
    """Size, growth and rate in one clause, for the drill-down."""
    return f"{human_bytes(trend.value)}, {human_delta(trend.growth)} since the baseline, {human_rate(trend.slope)}"


def tone_of(trend: Trend) -> Tone:
    """Growing, shrinking, or neither."""
    return _tone(trend.growth)


def _tone(change: float | None) -> Tone:
    return "growth" if (change or 0) > 0 else "shrink" if (change or 0) < 0 else "dim"


def fit(columns: tuple[Column, ...], width: int) -> list[tuple[Column, int]]:
    """The columns that fit a width, in order, each with the characters it gets; one space parts them."""
    chosen = list(columns)
    while len(chosen) > 1 and _needed(chosen) > width:
        worst = max(chosen, key=lambda column: (column.rank, chosen.index(column)))
        if worst.rank == 0:
            break
        chosen.remove(worst)
    spare = max(width - _needed(chosen), 0)
    shrink = max(_needed(chosen) - width, 0)
    return [
        (column, max(min(column.width + spare, _WIDEST) - shrink, 1) if column.is_flexible else column.width)
        for column in chosen
    ]


def _needed(columns: list[Column]) -> int:
    return sum(column.width for column in columns) + len(columns) - 1
