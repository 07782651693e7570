"""The panes on the screen: all of them where there is room, else one; and the keys that act on the one in use."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.containers import Container
from textual.message import Message
from textual.widgets import Input

from leaktop.ui.arranging import ArrangingThread
from leaktop.ui.keys import actions_by_key, bindings
from leaktop.ui.pane_box import PaneBox
from leaktop.ui.preferences import USUAL
from leaktop.ui.responsive import Sweeper
from leaktop.ui.row_table import RowTable
from leaktop.view.keys import IN_PANES
from leaktop.view.pane import is_offered
from leaktop.view.panes import PANES

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual import events
    from textual.app import ComposeResult
    from textual.binding import BindingType
    from textual.geometry import Size

    from leaktop.model.frame import Frame
    from leaktop.ui.preferences import Preferences
    from leaktop.view.pane import PaneView

_WIDE, _TALL = 120, 36
"""From this size on all panes share the screen; below it there is one at a time."""


class FilterLine(Input):
    """Where a filter is typed. It closes with the key, not by a message: the next key is already for the pane."""

    def __init__(self, keep: Callable[[], None]) -> None:
        super().__init__(
            id="filter",
            placeholder="regular expression; ! in front inverts; Esc clears",
            compact=True,
            select_on_focus=False,  # what was typed ahead must not be replaced by what comes next
        )
        self._keep = keep

    def on_key(self, event: events.Key) -> None:
        """Enter keeps the filter; what comes after the line is closed goes on to the pane."""
        if not self.has_class("open"):
            event.prevent_default()
        elif event.key == "enter":
            event.stop()
            event.prevent_default()
            self._keep()


class Dashboard(Container):
    """All panes, of which one is in use.

    Args:
        wanted: by the user.

    Attributes:
        thread: for what would hold up the keys.
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings(IN_PANES)

    class Changed(Message):
        """Another pane is in use, or the panes were arranged anew."""

    class Copied(Message):
        """A row is to go to the clipboard."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    def __init__(self, wanted: Preferences = USUAL) -> None:
        super().__init__(id="panes")
        self.thread = ArrangingThread()
        self._sweeper = Sweeper()
        self._boxes = {pane.name: PaneBox(pane, self.thread, is_ascii=wanted.is_ascii) for pane in wanted.panes}
        self._actions = actions_by_key(IN_PANES, wanted.keymap)
        if wanted.is_read_only:
            self._boxes["kmemleak"].add_class("read-only")
        self._active = self._before = PANES[0].name
        self._is_zoomed = False
        self._frame: Frame | None = None

    @property
    def active(self) -> PaneBox:
        """The pane that keys go to."""
        return self._boxes[self._active]

    @property
    def offered(self) -> list[PaneView]:
        """The panes that this kernel has something for, and the one in use."""
        return [pane for pane in PANES if pane.name == self._active or is_offered(pane, self._frame)]

    def __getitem__(self, name: str) -> PaneBox:
        return self._boxes[name]

    def compose(self) -> ComposeResult:
        """The panes in their order, and the line that a filter is typed into."""
        yield from self._boxes.values()
        yield FilterLine(self._keep_filter)

    def on_unmount(self) -> None:
        """Nothing is to be arranged any more."""
        self.thread.stop()

    def show(self, frame: Frame) -> None:
        """Show this moment in every pane that is on the screen; the others hold no older one."""
        self._frame = frame
        self._sweeper.look(frame)
        for box in self._boxes.values():
            if box.display:
                box.show(frame)
            else:
                box.keep_up(frame)

    def activate(self, name: str) -> None:
        """Use the pane of that name."""
        if not self.active.pane.letter:
            self._before = self._active
        self._active = name
        self.arrange_panes()
        self._close_filter()

    def arrange_panes(self, size: Size | None = None) -> None:
        """Decide which panes are on the screen, for the size that it has now, or is about to have."""
        width, height = size or self.app.size
        is_single = self._is_zoomed or bool(self.active.pane.letter) or width < _WIDE or height < _TALL
        self.app.set_class(is_single, "single")
        self.app.set_class(height < 12, "low")
        for name, box in self._boxes.items():
            box.display = name == self._active or not (is_single or box.pane.letter)
        self.call_after_refresh(self._show_again)
        self.post_message(self.Changed())

    def _show_again(self) -> None:
        if self._frame is not None:
            self.show(self._frame)

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """A click into a pane makes it the one that keys go to."""
        box = next((box for box in self._boxes.values() if box in event.widget.ancestors_with_self), None)
        if box is not None and box.pane.name != self._active:
            self._active = box.pane.name
            self.post_message(self.Changed())

    async def on_key(self, event: events.Key) -> None:
        """Act on a key here, on its way from the pane to the app, so that what is typed ahead keeps its order."""
        if not await self._acts_on(event):
            return
        event.stop()
        event.prevent_default()

    async def _acts_on(self, event: events.Key) -> bool:
        if self._filter.has_class("open"):
            if event.key == "enter":
                self._keep_filter()
                return True
            if event.is_printable and event.character is not None:
                # It left for the pane before the line was open; what comes after goes to the line itself.
                self._filter.insert_text_at_cursor(event.character)
                return True
        elif event.character is not None:
            column = self.active.pane.letters.get(event.character)
            if column is not None:
                self.active.choose(sort=column, is_reversed=False)
                return True
            if self.active.toggle(event.character):
                return True
        action = self._actions.get(event.key)
        return action is not None and await self.app.run_action(action, self)

    def on_click(self, event: events.Click) -> None:
        """A click on a heading sorts by it; a second one reverses."""
        table = event.widget
        offset = event.get_content_offset(table) if isinstance(table, RowTable) else None
        if not isinstance(table, RowTable) or offset is None or offset.y != 0:
            return
        name = table.column_at(offset.x)
        if name is not None:
            choice = self.active.choice
            self.active.choose(sort=name, is_reversed=choice.sort == name and not choice.is_reversed)

    def action_go(self, number: int) -> None:
        """To the pane of that number."""
        self.activate(PANES[number - 1].name)

    def action_next_pane(self, step: int) -> None:
        """To the pane beside."""
        names = [pane.name for pane in self.offered]
        self.activate(names[(names.index(self._active) + step) % len(names)])

    def action_zoom(self) -> None:
        """One pane, or all; from a pane that is always alone, back to the others."""
        if self.active.pane.letter:
            self.activate(self._before)
            return
        self._is_zoomed = not self._is_zoomed
        self.arrange_panes()

    def action_sort_growth(self) -> None:
        """What grew most comes first."""
        self.active.choose(sort="growth", is_reversed=False)

    def action_sort(self, step: int) -> None:
        """Sort by the column beside."""
        self.active.sort_beside(step)

    def action_reverse(self) -> None:
        """Turn the order round."""
        self.active.choose(is_reversed=not self.active.choice.is_reversed)

    def action_follow(self) -> None:
        """Scroll with the row under the cursor."""
        table = self.active.table
        table.is_followed = not table.is_followed
        self.active.choose()

    def action_copy_row(self) -> None:
        """The row under the cursor, as text."""
        row = self.active.table.current
        if row is not None and self._frame is not None:
            cells = [column.cell(row, self._frame).text for column in self.active.pane.columns]
            self.post_message(self.Copied("\t".join(cells)))

    def action_filter(self) -> None:
        """Type a filter for the pane."""
        field = self._filter
        field.value = self.active.choice.pattern
        field.add_class("open")
        self.screen.set_focus(field)  # at once, unlike focus(): what is typed ahead is the filter's

    def action_back(self) -> None:
        """One level back: close the filter line, clear the filter, leave the zoom, or a pane that is always alone."""
        if self._filter.has_class("open"):
            self._close_filter()
            self.active.choose(pattern="")
        elif self.active.choice.pattern:
            self.active.choose(pattern="")
        elif self._is_zoomed or self.active.pane.letter:
            self.action_zoom()

    @property
    def _filter(self) -> Input:
        return self.query_one("#filter", Input)

    def _keep_filter(self) -> None:
        self.active.choose(pattern=self._filter.value)
        self._close_filter()

    def _close_filter(self) -> None:
        self._filter.remove_class("open")
        self.screen.set_focus(self.active.table)

    @on(Input.Changed)
    def _filter_typed(self, event: Input.Changed) -> None:
        if event.input.has_class("open"):
            self.active.choose(pattern=event.value)
