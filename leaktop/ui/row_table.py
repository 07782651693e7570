"""The table behind every pane: a cursor that stays on its row's key, and repaints of changed cells only."""

from __future__ import annotations

from contextlib import suppress
from textwrap import wrap
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message

from leaktop.ui.painted import Line, Painted, padded
from leaktop.view.columns import fit
from leaktop.view.pane import marker

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual import events

    from leaktop.model.frame import Frame, Key, Row
    from leaktop.view.arranging import PlaceOf
    from leaktop.view.columns import Column
    from leaktop.view.pane import PaneView

_MARGIN = 2
"""Cells for the marker before each row."""
_NEAR = 500
"""Rows around the cursor among which its row is looked for first."""


class RowTable(Painted, can_focus=True):
    """Rows of one pane.

    The cursor is on a key, not on a line: when sorting moves the row, the cursor goes with it. Until it has been moved
    it rests on the first line.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("pageup,ctrl+b", "page(-1.0)", "Page up", show=False),
        Binding("pagedown,ctrl+f", "page(1.0)", "Page down", show=False),
        Binding("ctrl+u", "page(-0.5)", "Half a page up", show=False),
        Binding("ctrl+d", "page(0.5)", "Half a page down", show=False),
        Binding("home,g", "edge(False)", "First", show=False),
        Binding("end,G", "edge(True)", "Last", show=False),
        Binding("enter", "open", "Drill down", show=False),
    ]

    class Opened(Message):
        """The user wants to see the row under the cursor."""

        def __init__(self, table: RowTable, row: Row) -> None:
            super().__init__()
            self.table = table
            self.row = row

    class Scrolled(Message):
        """Another part of the rows is in view, or the cursor is on another row."""

        def __init__(self, table: RowTable) -> None:
            super().__init__()
            self.table = table

    def __init__(self, pane: PaneView) -> None:
        super().__init__()
        self.pane = pane
        self.is_followed = False
        self._rows: Sequence[Row] = ()
        self.frame: Frame | None = None
        """What the rows are of, or a later one while nobody sees them."""
        self._sort: tuple[str, bool] = ("", False)
        self._message: tuple[tuple[str, str], ...] = ()
        self._columns: list[tuple[Column, int]] = []
        self._fitted = 0
        self._top = 0
        self._key: Key | None = None
        self._index = 0

    @property
    def current(self) -> Row | None:
        """The row under the cursor."""
        return self._rows[self._index] if 0 <= self._index < len(self._rows) else None

    @property
    def has_moved(self) -> bool:
        """Whether the cursor was moved, and so is on a row rather than on the first line."""
        return self._key is not None

    @property
    def place(self) -> str:
        """Which rows are in view: "12-40 of 237"; empty while all are."""
        body = self._body_height()
        if len(self._rows) <= body:
            return ""
        return f"{self._top + 1}-{min(self._top + body, len(self._rows))} of {len(self._rows)}"

    def show(
        self,
        frame: Frame,
        rows: Sequence[Row],
        sort: str,
        is_reversed: bool,
        place_of: PlaceOf | None = None,
    ) -> None:
        """Show these rows, in this order.

        Args:
            frame: what they are of.
            rows: all of them.
            sort: the column that they are sorted by.
            is_reversed: whether the other way round.
            place_of: tells where one of them stands, where that is quick; else the row of the cursor is looked for.
        """
        self.frame, self._rows, self._sort, self._message = frame, rows, (sort, is_reversed), ()
        self._find_cursor(place_of)
        self._lay_out()

    def show_message(self, *lines: tuple[str, str]) -> None:
        """Show words in place of rows: (text, tone), wrapped to the width."""
        self._rows, self._message = (), lines
        self._lay_out()

    def column_at(self, x: int) -> str | None:
        """The name of the column whose heading is at this cell."""
        left = _MARGIN
        for column, width in self._columns:
            if left <= x <= left + width:
                return column.name
            left += width + 1
        return None

    def columns_shown(self) -> list[str]:
        """Names of the columns in view, from left to right."""
        return [column.name for column, _ in self._columns]

    def on_resize(self) -> None:
        """Fit the columns to the new width."""
        self._lines = []
        self._scroll_to_cursor()
        self._lay_out()

    def watch_has_focus(self, has_focus: bool) -> None:
        """Show the cursor, or hide it. (on_focus and on_blur come before has_focus changes.)"""
        super().watch_has_focus(has_focus)
        self._lay_out()

    def action_move(self, lines: int) -> None:
        """Move the cursor by some rows."""
        self._go(self._index + lines)

    def action_page(self, pages: float) -> None:
        """Move the cursor by a share of the height."""
        self._go(self._index + int(pages * max(self._body_height() - 1, 1)))

    def action_edge(self, is_last: bool) -> None:
        """Move the cursor to the first or the last row."""
        self._go(len(self._rows) - 1 if is_last else 0)

    def action_open(self) -> None:
        """Ask for the drill-down of the row under the cursor."""
        row = self.current
        if row is not None:
            self.post_message(self.Opened(self, row))

    def on_click(self, event: events.Click) -> None:
        """Put the cursor there; a second click on the same row opens it."""
        if event.y == 0:
            return
        index = self._top + event.y - 1
        if index >= len(self._rows):
            return
        was_there = self._key == self._rows[index].key
        self._go(index)
        if was_there or event.chain > 1:
            self.action_open()

    def on_mouse_scroll_down(self) -> None:
        """Scroll without moving the cursor's row out of reach."""
        self._scroll(3)

    def on_mouse_scroll_up(self) -> None:
        """Scroll back."""
        self._scroll(-3)

    def _scroll(self, lines: int) -> None:
        self._top = max(0, min(self._top + lines, len(self._rows) - self._body_height()))
        self._lay_out()
        self.post_message(self.Scrolled(self))

    def _go(self, index: int) -> None:
        if not self._rows:
            return
        self._index = max(0, min(index, len(self._rows) - 1))
        self._key = self._rows[self._index].key
        self._scroll_to_cursor()
        self._lay_out()
        self.post_message(self.Scrolled(self))

    def _find_cursor(self, place_of: PlaceOf | None) -> None:
        if self._key is None:
            self._index = 0
        else:
            # A row that left keeps the cursor where it was, on whatever stands there now.
            found = (place_of or self._index_of)(self._key)
            self._index = min(self._index, len(self._rows) - 1) if found is None else found
        self._index = max(self._index, 0)
        if self.is_followed:
            self._scroll_to_cursor()
        self._top = max(0, min(self._top, len(self._rows) - self._body_height()))

    def _index_of(self, key: Key) -> int | None:
        """Where a row is, looked for around where it was first: among a hundred thousand most move little."""
        start = max(self._index - _NEAR, 0)
        for some, begins in ((self._rows[start : self._index + _NEAR], start), (self._rows, 0)):
            with suppress(ValueError):
                return begins + [row.key for row in some].index(key)
        return None

    def _scroll_to_cursor(self) -> None:
        body = self._body_height()
        if self._index < self._top:
            self._top = self._index
        elif self._index >= self._top + body:
            self._top = self._index - body + 1

    def _body_height(self) -> int:
        return max(self.size.height - 1, 1)

    def _lay_out(self) -> None:
        width, height = self.size
        if width <= 0 or height <= 0:
            return
        if width != self._fitted:
            self._fitted, self._columns = width, fit(self.pane.in_view, width - _MARGIN)
        frame = self.frame
        if self._message or frame is None:
            lines = self._words(width)
        else:
            shown = self._rows[self._top : self._top + self._body_height()]
            lines = [self._heading(), *(self._line(frame, row, self._top + y) for y, row in enumerate(shown))]
        self.paint(lines[:height])

    def _heading(self) -> Line:
        pieces = [(" " * _MARGIN, "heading")]
        for column, width in self._columns:
            title = column.title
            if column.name == self._sort[0] and len(title) < width:
                title += "↑" if column.ascending != self._sort[1] else "↓"
            pieces.append((padded(title, width, column.align) + " ", "heading"))
        return tuple(pieces)

    def _line(self, frame: Frame, row: Row, index: int) -> Line:
        has_cursor = index == self._index and self.has_focus
        mark = marker(self.pane, row)
        here = "›" if has_cursor else " "  # a ground alone does not show to everybody
        pieces = [(f"{mark}{here}", {"▲": "growth", "~": "cache"}.get(mark, ""))]
        for column, width in self._columns:
            cell = column.cell(row, frame)
            pieces.append((padded(cell.text, width, column.align) + " ", cell.tone))
        if has_cursor:
            pieces = [(text, f"{tone} cursor".strip()) for text, tone in pieces]
        return tuple(pieces)

    def _words(self, width: int) -> list[Line]:
        lines: list[Line] = []
        for text, tone in self._message:
            for part in wrap(text, max(width - 2 * _MARGIN, 8), break_long_words=False, break_on_hyphens=False):
                lines.append(((" " * _MARGIN, ""), (part, tone)))
        return lines
