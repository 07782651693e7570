"""The drill-down: everything about one row, live."""

from __future__ import annotations

import time
from itertools import zip_longest
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from rich.table import Table
from rich.text import Text
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.message import Message
from textual.widgets import Static

from leaktop.aside import NO_THREAD, aside
from leaktop.courtesy import in_turns
from leaktop.engine.subjects import of_row
from leaktop.model.sample import Fault, RawSample
from leaktop.parsers.smaps_rollup import parse_smaps_rollup
from leaktop.ui.arranging import is_large
from leaktop.ui.dialogs import Once
from leaktop.ui.header import KeyLine
from leaktop.ui.plotting import plot_series
from leaktop.units import human_bytes
from leaktop.view.cells import sanitise
from leaktop.view.pane import Listing

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.app import ComposeResult

    from leaktop.model.frame import Frame, Key, Row
    from leaktop.ui.arranging import ArrangingThread
    from leaktop.view.pane import Chart, Detail, PaneView

_CHART_HEIGHT = 10
_CHART_SECONDS = 3.0
_ROOM_FOR_TWO, _GAP = 110, 4
_LONG = 1 << 18
"""Bytes of a file that takes some milliseconds to parse."""


class _Made(NamedTuple):
    """What there is to show of a row at a moment."""

    frame: Frame
    found: tuple[Row, Detail] | Exception | None
    """Why it could not be made; None where the row is gone."""


class DetailScreen(Once[None]):
    """One row: facts, charts, listings, what it means and what to do next."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,backspace,left,q", "back", "Back"),
        Binding("p", "inspect", "Read more", show=False),
        Binding("j,down", "scroll(1)", "Down", show=False),
        Binding("k,up", "scroll(-1)", "Up", show=False),
    ]

    class Made(Message):
        """The view of a moment was made in another thread."""

        def __init__(self, made: _Made) -> None:
            super().__init__()
            self.made = made

    class Inspected(Message):
        """The costly read of this row came back."""

        def __init__(self, sample: RawSample) -> None:
            super().__init__()
            self.sample = sample

    def __init__(
        self,
        pane: PaneView,
        key: Key,
        frame: Frame,
        inspect: Callable[[str, str], RawSample],
        learned: Callable[[Row, Frame], Listing | None],
        thread: ArrangingThread,
        *,
        is_ascii: bool,
    ) -> None:
        super().__init__()
        self._pane = pane
        self._key = key
        self._frame = frame
        self._inspect = inspect
        self._learned = learned
        self._thread = thread
        self._is_ascii = is_ascii
        self._wish: tuple[str, str] | None = None
        self._asked = False
        self._is_asked_for = False
        self._is_making = False
        self._answer: Listing | None = None
        self._shown = ""
        self._chart_drawn = float("-inf")
        self._facts = Static(classes="facts", markup=False)
        self._charts = Static(classes="charts", markup=False)
        self._words = Static(classes="words", markup=False)
        self._listings = Static(classes="listings", markup=False)
        self._keys = KeyLine()

    def compose(self) -> ComposeResult:
        """One scrolling column, and the keys."""
        with VerticalScroll(id="detail"):
            yield self._facts
            yield self._charts
            yield self._words
            yield self._listings
        yield self._keys

    def on_mount(self) -> None:
        """Show at once what is known."""
        self.query_one("#detail").border_subtitle = Text("Esc back")
        self.call_after_refresh(self.show, self._frame)

    def on_resize(self) -> None:
        """Draw the charts for the new width."""
        self._chart_drawn = float("-inf")
        self.call_after_refresh(self.show, self._frame)

    def show(self, frame: Frame) -> None:
        """Show the row as it is at this moment; a row that is gone stays as it was."""
        self._frame = frame
        if self._is_making:
            return  # what comes of it is shown, and then this
        self._is_making = self._takes_long(frame) and self._thread.ask(lambda: self._make(frame))
        if not self._is_making:
            self._take(self._made(frame))

    def _takes_long(self, frame: Frame) -> bool:
        """Whether a key would have to wait for it: many rows to look among, or a long file to parse again."""
        section = frame.sections.get(self._pane.section)
        held = section.extras.values() if section else ()
        return is_large(self._pane, frame) or any(isinstance(one, bytes) and len(one) > _LONG for one in held)

    def _make(self, frame: Frame) -> None:
        """In the thread that arranges."""
        made = self._made(frame)
        if self.is_running:
            self.post_message(self.Made(made))

    def _made(self, frame: Frame) -> _Made:
        try:
            rows = in_turns(self._pane.rows(frame, self._switches()))
            row = next((row for row in rows if row.key == self._key), None)
            return _Made(frame, row and (row, self._pane.detail(frame, row)))
        except Exception as error:
            return _Made(frame, error)

    def on_detail_screen_made(self, event: Made) -> None:
        """Show what was made, and go on with a later moment, if there is one."""
        self._is_making = False
        self._take(event.made)
        if self._frame is not event.made.frame:
            self.show(self._frame)

    def _take(self, made: _Made) -> None:
        found = made.found
        if isinstance(found, Exception):
            self._fail(found)
        elif found is not None:
            try:
                self._show(made.frame, *found)
            except Exception as error:
                self._fail(error)
        elif not self._shown:
            self._facts.update(Text("This row is gone."))

    def _fail(self, error: Exception) -> None:
        self._facts.update(Text(sanitise(f"This view failed ({type(error).__name__}: {error}). Please report it.")))

    def action_back(self) -> None:
        """Back to the panes."""
        self.dismiss()

    def action_scroll(self, lines: int) -> None:
        """Scroll by lines."""
        self.query_one("#detail").scroll_relative(y=lines, animate=False)

    def action_inspect(self) -> None:
        """Make the costly read that a key asked for."""
        self._is_asked_for = True
        self._inspect_now()

    def _inspect_now(self) -> None:
        """Off the UI's thread: it can wait on a lock of the process it asks about."""
        if self._wish is None or self._asked:
            return
        self._asked = True
        subject, name = self._wish

        def work() -> None:
            sample = self._inspect(subject, name)
            if self.is_running:
                self.post_message(self.Inspected(sample))

        if aside(work, "inspect") is None:
            fault = Fault("failed", NO_THREAD)
            self.post_message(self.Inspected(RawSample(subject, None, fault, time.monotonic(), time.time())))

    def on_detail_screen_inspected(self, event: Inspected) -> None:
        """Show what came back."""
        self._asked = False
        self._answer = _listing(event.sample)
        self._shown = ""
        self.show(self._frame)
        if self._is_asked_for:
            self.call_after_refresh(self._listings.scroll_visible, animate=False, top=True)

    def _switches(self) -> frozenset[str]:
        return frozenset({"module"} if self._key and self._key[0] == "module" else {"all"})

    def _show(self, frame: Frame, row: Row, detail: Detail) -> None:
        self.query_one("#detail").border_title = Text(
            f"{self._pane.title} {'>' if self._is_ascii else '›'} {detail.title}"
        )
        self._wish = detail.inspect
        if detail.inspects_at_once and self._answer is None:
            self._inspect_now()
        keys = [("escape", "Esc", "back"), *([("p", "p", detail.inspect_label)] if detail.inspect else [])]
        self._keys.show([*keys, *([("K", "K", "who allocates it?")] if of_row(row, frame) else [])])
        answers = (self._answer,) if self._answer else ()
        # What was asked for with a key is wanted now; what came by itself can wait its turn.
        listings = (*answers, *detail.listings) if self._is_asked_for else (*detail.listings, *answers)
        learned = self._learned(row, frame)
        listings = (learned, *listings) if learned else listings
        signature = repr((detail.facts, detail.paragraphs, listings))
        if signature != self._shown:
            self._shown = signature
            self._facts.update(_facts_text(detail))
            self._words.update(Text("\n\n".join(detail.paragraphs)))
            self._listings.update(_listings_text(listings))
        if frame.mono - self._chart_drawn >= _CHART_SECONDS:
            self._chart_drawn = frame.mono
            self._charts.update(self._charts_text(frame, detail.charts))

    def _charts_text(self, frame: Frame, charts: tuple[Chart, ...]) -> Text:
        """The charts, side by side where there is room for two."""
        whole = max(self._charts.size.width, 0)
        is_wide = whole >= _ROOM_FOR_TWO and len(charts) > 1
        width = (whole - _GAP) // 2 if is_wide else whole
        blocks = [self._chart(frame, chart, width) for chart in charts]
        text = Text(no_wrap=True)
        if is_wide:
            for left, right in zip_longest(*blocks[:2], fillvalue=""):
                text.append(f"{left:<{width + _GAP}}{right}\n")
        else:
            text.append("\n\n".join("\n".join(block) for block in blocks))
        return text

    def _chart(self, frame: Frame, chart: Chart, width: int) -> list[str]:
        times, values = frame.history.points(chart.section, chart.key, chart.measure, frame.mono)
        lines = plot_series(
            times,
            values,
            now_mono=frame.mono,
            now_wall=frame.wall,
            width=width,
            height=_CHART_HEIGHT,
            is_bytes=chart.measure == "size",
            is_ascii=self._is_ascii,
        )
        return [chart.title, *lines]


def _facts_text(detail: Detail) -> Text:
    text = Text()
    label = max((len(name) for name, _ in detail.facts), default=0)
    for name, words in detail.facts:
        text.append(f"{name:<{label}}  ", "dim")
        text.append(f"{words}\n")
    text.rstrip()
    return text


def _listings_text(listings: tuple[Listing, ...]) -> Table:
    whole = Table.grid(padding=(0, 0))
    whole.add_column()
    for listing in listings:
        whole.add_row(Text(listing.title, "bold"))
        table = Table(box=None, padding=(0, 2, 0, 0), show_header=any(listing.header), header_style="dim")
        for heading in listing.header:
            table.add_column(Text(heading), overflow="fold")
        for row in listing.rows:
            table.add_row(*(Text(cell) for cell in row))
        whole.add_row(table)
        whole.add_row("")
    return whole


def _listing(sample: RawSample) -> Listing:
    """What an inspection gave: attributes of a slab class, the rollup of a process, the source of a backtrace."""
    titles = {
        "slab_attributes": "attributes (sysfs)",
        "source_lines": "lines of source (addr2line)",
        "frames": "lines of source (addr2line)",  # in a recording, where nothing was asked
    }
    title = titles.get(sample.probe.partition(" ")[0], sample.probe)
    if sample.content is None:
        reason = sample.fault.reason if sample.fault else "nothing came back"
        return Listing(title, ("",), ((sanitise(reason),),))
    if sample.probe == "smaps_rollup":
        try:
            amounts = parse_smaps_rollup(sample.content)
        except ValueError as error:
            return Listing(title, ("",), ((sanitise(str(error)),),))
        return Listing(
            title, ("field", "bytes"), tuple((sanitise(name), human_bytes(v)) for name, v in amounts.items())
        )
    pairs = (line.partition("=") for line in sample.content.decode("utf-8", "surrogateescape").splitlines())
    header = ("function", "line") if sample.probe == "source_lines" else ("attribute", "value")
    return Listing(title, header, tuple((sanitise(name), sanitise(value)) for name, _, value in pairs))
