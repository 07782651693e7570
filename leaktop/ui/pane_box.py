"""A bordered pane: its title, its table, its notes, and what it says when there is nothing to show."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from rich.text import Text
from textual import on
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widgets import Button

from leaktop.ui.arranging import Arranging, is_large
from leaktop.ui.painted import ASCII, Painted, padded
from leaktop.ui.plotting import plot_series
from leaktop.ui.row_table import RowTable
from leaktop.view.cells import sanitise
from leaktop.view.emptiness import why_empty
from leaktop.view.pane import Choice

if TYPE_CHECKING:
    from textual import events
    from textual.app import ComposeResult
    from textual.timer import Timer

    from leaktop.model.frame import Frame, Row
    from leaktop.ui.arranging import ArrangingThread
    from leaktop.view.arranging import Arrangement
    from leaktop.view.emptiness import Words
    from leaktop.view.pane import PaneView

_CHART_HEIGHT = 12
_ROOM_FOR_CHART = 30
_CHART_SECONDS = 3.0
_CHART_REST = 0.1
"""Seconds that the cursor rests before the chart follows it: a chart takes longer than a key may."""
_HEADLINE_SECONDS = 5.0


class _Below(Painted):
    """Chart or notes: what they show depends on a width that they have only once they are shown."""

    class Resized(Message):
        """There is room now, or another amount of it."""

    def on_resize(self) -> None:
        """Ask to be filled again."""
        self.post_message(self.Resized())


class PaneBox(Vertical):
    """One pane on the dashboard, or alone on the screen."""

    class Acted(Message):
        """A button of the pane was pressed: "scan" or "clear"."""

        def __init__(self, action: str) -> None:
            super().__init__()
            self.action = action

    class Arranged(Message):
        """Rows were put in order in another thread, or could not be."""

        def __init__(self, found: Arrangement | Exception) -> None:
            super().__init__()
            self.found = found

    class Charted(Message):
        """A chart was drawn in another thread."""

        def __init__(self, name: str, lines: list[str]) -> None:
            super().__init__()
            self.name = name
            self.lines = lines

    def __init__(self, pane: PaneView, thread: ArrangingThread, *, is_ascii: bool = False) -> None:
        super().__init__(id=f"pane-{pane.name}", classes="pane")
        self.pane = pane
        self._thread = thread
        self._arranging = Arranging(pane, thread, self._hand_over)
        self._arranged: Arrangement | None = None
        self.choice = Choice(sort=pane.sort, is_reversed=pane.is_reversed)
        self.table = RowTable(pane)
        self.frame: Frame | None = None
        self._is_ascii = is_ascii
        self.status = ""
        """A word on something under way in this pane, shown in its title: "scanning 12s"."""
        self._notes = _Below(classes="notes")
        self._chart = _Below(classes="chart")
        self._chart_drawn = 0.0
        self._chart_timer: Timer | None = None
        self._titles = ("", "")
        self._headline = ("", float("-inf"))

    def compose(self) -> ComposeResult:
        """The table, then chart and notes below; the kmemleak pane has its buttons on top."""
        if self.pane.name == "kmemleak":
            with Horizontal(classes="buttons"):
                yield Button("Scan", id="scan", compact=True)
                yield Button("Clear", id="clear", compact=True)
        yield self.table
        yield self._chart
        yield self._notes

    def show(self, frame: Frame) -> None:
        """Show this moment, once its rows are in order. Whatever goes wrong in here is said in the pane."""
        self.frame = frame
        try:
            found = self._arranging.wish(frame, self.choice, finds=self.table.has_moved)
            if found is not None:
                self._show(found)
        except Exception as error:
            self._fail(error)

    def keep_up(self, frame: Frame) -> None:
        """Out of sight: show nothing, but hold no older moment either, which on a big machine is much memory."""
        if self.frame is not None:
            self.frame = self.table.frame = frame
            self._arranged = None
            self._arranging.forget_words()

    @property
    def is_arranging(self) -> bool:
        """Whether rows are being put in order in another thread."""
        return self._arranging.is_busy

    def _hand_over(self, found: Arrangement | Exception) -> None:
        """In the thread that arranges: to the screen's."""
        self.post_message(self.Arranged(found))

    @on(Arranged)
    def _rows_arrived(self, event: Arranged) -> None:
        event.stop()
        wish = self._arranging.next_wish()
        if isinstance(event.found, Exception):
            self._fail(event.found)
        else:
            try:
                self._show(event.found)
            except Exception as error:
                self._fail(error)
        if wish is not None:
            self.show(wish[0])

    def _fail(self, error: Exception) -> None:
        words = sanitise(f"This pane failed ({type(error).__name__}: {error}). Please report it.")
        self.table.show_message((words, "fault"))

    def choose(self, **changes: object) -> None:
        """Change order, filter or switches, and show the rows that follow."""
        self.choice = replace(self.choice, **changes)  # type: ignore[arg-type]  # fields of Choice by name
        if self.frame is not None:
            self.show(self.frame)
            self._set_titles(is_forced=True)

    def sort_beside(self, step: int) -> None:
        """Sort by the next column that is in view."""
        names = self.table.columns_shown()
        if not names:
            return
        here = names.index(self.choice.sort) if self.choice.sort in names else 0
        self.choose(sort=names[(here + step) % len(names)], is_reversed=False)

    def toggle(self, key: str) -> bool:
        """Flip the switch that this key stands for; False where the pane has none."""
        for switch in self.pane.switches:
            if switch.key == key:
                self.choose(switches=self.choice.switches ^ {switch.name})
                return True
        return False

    @on(Button.Pressed)
    def _act(self, event: Button.Pressed) -> None:
        event.stop()
        self.post_message(self.Acted(str(event.button.id)))

    @on(_Below.Resized)
    def _fill_below(self) -> None:
        self._chart_drawn = float("-inf")
        if self.frame is not None:
            self.show(self.frame)

    @on(RowTable.Scrolled)
    def _place_changed(self) -> None:
        self._set_titles(is_forced=True)
        if self._chart_timer is not None:
            self._chart_timer.stop()
        self._chart_timer = self.set_timer(_CHART_REST, self._draw_chart_again)

    def _draw_chart_again(self) -> None:
        """The chart of the row that the cursor came to rest on."""
        self._chart_timer = None
        if self.frame is not None:
            self._draw_chart(self.frame, is_forced=True)

    def on_resize(self, event: events.Resize) -> None:
        """Show the chart where the pane is large enough, which on a dashboard it is not."""
        self.set_class(event.size.height >= _ROOM_FOR_CHART and event.size.width >= 60, "roomy")
        if self.frame is not None:
            self._headline = ("", float("-inf"))
            self._chart_drawn = float("-inf")
            self.call_after_refresh(self._show_again)

    def _show_again(self) -> None:
        """The Frame that is the newest by now, which need not be the one of a moment ago."""
        if self.frame is not None:
            self.show(self.frame)

    def _show(self, arranged: Arrangement) -> None:
        self._arranged = arranged
        frame, choice, rows = arranged.frame, arranged.choice, arranged.rows
        section = frame.sections.get(self.pane.section)
        fault = section.fault if section else None
        self.set_class(fault is not None and fault.kind in {"missing", "denied", "disabled"}, "unavailable")
        notes = section.notes if section else ()
        wrong: Words = [(sanitise(arranged.wrong), "fault")] if arranged.wrong else []
        if rows:
            self.table.show(frame, rows, choice.sort, choice.is_reversed, arranged.place_of)
        else:
            self.table.show_message(*(wrong or why_empty(self.pane, frame, choice)))
        if fault is not None and rows:
            notes = (f"{fault.reason}. {fault.remedy or ''}", *notes)
        self._show_notes(notes)
        self._set_titles()
        self._draw_chart(frame)

    def _show_notes(self, notes: tuple[str, ...]) -> None:
        self._notes.set_class(bool(notes), "shown")
        text = sanitise("  ".join(notes))
        self._notes.paint([((padded(text, max(self._notes.size.width, 1)), "dim"),)])

    def _set_titles(self, *, is_forced: bool = False) -> None:
        if self.frame is None:
            return
        pane, choice = self.pane, self.choice
        parts = [f"{pane.key} {pane.title}"]
        parts += [switch.label for switch in pane.switches if switch.name in choice.switches]
        if choice.pattern:
            parts.append(f"/{choice.pattern}")
        if self.table.is_followed:
            parts.append("following")
        if self.status:
            parts.append(self.status)
        # The totals in the border move with every tick, and a new one repaints the whole frame: now and then is enough.
        if is_forced or not 0 < self.frame.mono - self._headline[1] < _HEADLINE_SECONDS:
            words = "  ".join(text for text in (self._words(), self.table.place) if text)
            self._headline = (sanitise(words), self.frame.mono)
        titles = (sanitise(" · ".join(parts)), self._headline[0])
        if titles != self._titles:
            # Text, not str: a title is no markup, whatever a filter or a kernel puts into it.
            self._titles = titles
            glyphs = ASCII if self._is_ascii else {}
            self.border_title = Text(titles[0].translate(glyphs))
            self.border_subtitle = Text(titles[1].translate(glyphs))

    def _words(self) -> str:
        """What the pane is in total: of a large one, what the thread made of it, which takes as long as its rows."""
        arranged = self._arranged
        if arranged is None:
            return ""
        return self.pane.headline(arranged.frame) if arranged.headline is None else arranged.headline

    def _draw_chart(self, frame: Frame, *, is_forced: bool = False) -> None:
        row = self.table.current
        if not self.has_class("roomy") or row is None or self._chart.size.height < 2:
            return
        if not is_forced and frame.mono - self._chart_drawn < _CHART_SECONDS:
            return
        self._chart_drawn = frame.mono
        section, key = self._history_of(row)
        times, values = frame.history.points(section, key, "size", frame.mono)
        draw = partial(
            plot_series,
            times,
            values,
            now_mono=frame.mono,
            now_wall=frame.wall,
            width=self._chart.size.width,
            height=_CHART_HEIGHT - 1,
            is_bytes=True,
            is_ascii=self._is_ascii,
        )
        name = next(column for column in self.pane.columns if column.is_flexible).cell(row, frame).text
        # A chart takes 20 ms, which on a large machine come on top of what else a key waits for.
        if not (is_large(self.pane, frame) and self._thread.ask(lambda: self._hand_over_chart(name, draw()))):
            self._paint_chart(name, draw())

    def _hand_over_chart(self, name: str, lines: list[str]) -> None:
        """In the thread that arranges: to the screen's."""
        self.post_message(self.Charted(name, lines))

    @on(Charted)
    def _chart_arrived(self, event: Charted) -> None:
        event.stop()
        self._paint_chart(event.name, event.lines)

    def _paint_chart(self, name: str, lines: list[str]) -> None:
        width = max(self._chart.size.width, 1)
        self._chart.paint(
            [((padded(f"  {name}", width), "strong"),), *(((padded(line, width), "growth"),) for line in lines)]
        )

    def _history_of(self, row: Row) -> tuple[str, tuple[object, ...]]:
        if self.pane.section == "suspects":
            return row.record.section, row.record.key
        return self.pane.section, row.key
