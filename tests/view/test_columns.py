"""Which columns give way, and what a cell says."""

from __future__ import annotations

import pytest

from leaktop.model.frame import Row, Trend
from leaktop.view.columns import Column, fit, in_words, peak_column, rate_column, rose_column, size_column, tone_of
from leaktop.view.pane import PaneView, marker
from leaktop.view.panes import PANES

TREND = Trend(4096, 5, 5.0, 2048, 10.0, 8192, 0.52)
each_pane = pytest.mark.parametrize("pane", PANES, ids=lambda pane: pane.name)


def row(size: Trend = TREND) -> Row:
    return Row(("a",), None, size, None)


def text(column: Column, given: Row) -> str:
    return column.cell(given, None).text  # type: ignore[arg-type]  # less than the real thing will do here


@each_pane
def test_columns_fit_every_width(pane: PaneView) -> None:
    always = [column for column in pane.columns if column.rank == 0]
    least = sum(1 if column.is_flexible else column.width for column in always) + len(always) - 1
    for width in range(1, 201):
        layout = fit(pane.columns, width)
        used = sum(given for _, given in layout) + len(layout) - 1
        assert layout
        assert all(given >= 1 for _, given in layout)
        assert used <= max(width, least)
        assert [column for column, _ in layout] == [column for column in pane.columns if column in dict(layout)]
        assert {column.name for column in always} <= {column.name for column, _ in layout}
        assert all(given == column.width for column, given in layout if not column.is_flexible)


@each_pane
def test_more_room_never_hides_a_column(pane: PaneView) -> None:
    shown: set[str] = set()
    for width in range(1, 201):
        now = {column.name for column, _ in fit(pane.columns, width)}
        assert shown <= now
        shown = now


@each_pane
def test_the_least_important_go_first(pane: PaneView) -> None:
    for width in range(1, 201):
        kept = [column for column, _ in fit(pane.columns, width)]
        gone = [column.rank for column in pane.columns if column not in kept]
        assert not gone or min(gone) >= max(column.rank for column in kept)


@each_pane
def test_a_pane_names_its_columns_once(pane: PaneView) -> None:
    names = [column.name for column in pane.columns]
    assert len(names) == len(set(names))
    assert sum(column.is_flexible for column in pane.columns) == 1
    assert pane.sort in names
    assert set(pane.letters.values()) <= set(names)
    assert all(len(column.title) <= column.width for column in pane.columns if not column.is_flexible)
    assert all(column.hint for column in pane.columns)


def test_cells_of_a_row() -> None:
    given = row()
    assert [text(column, given) for column in (size_column(), peak_column(), rate_column(), rose_column())] == [
        "4.00K",
        "8.00K",
        "+600/m",
        "50%",
    ]
    unknown = row(Trend(None, None, None, None, None, None, None))
    assert {text(column, unknown) for column in (size_column(), peak_column(), rate_column(), rose_column())} == {"-"}


def test_growth_has_a_tone() -> None:
    tones = [tone_of(TREND._replace(growth=growth)) for growth in (5, -5, 0, None)]
    assert tones == ["growth", "shrink", "dim", "dim"]
    assert in_words(TREND) == "4.00K, +2.00K since the baseline, +600/m"


def test_a_mark_for_what_grows() -> None:
    tmpfs = next(pane for pane in PANES if pane.name == "tmpfs")
    cases = [(5, 1.0, 1.0), (5, -1.0, 1.0), (5, None, -1.0), (5, None, None), (0, 1.0, 1.0), (None, 1.0, 1.0)]
    trends = [TREND._replace(growth=growth, slope=slope, rate=rate) for growth, slope, rate in cases]
    assert [marker(tmpfs, row(trend)) for trend in trends] == ["▲", " ", " ", "▲", " ", " "]
