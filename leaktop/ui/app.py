"""The live screen: panes over one poller. It holds what the user chose; everything else comes with the Frame."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.message import Message
from textual.widgets import Input

from leaktop.engine.poller import Poller
from leaktop.ui.detail import DetailScreen
from leaktop.ui.dialogs import ActionScreen, HelpScreen
from leaktop.ui.header import Header, KeyLine, Tabs
from leaktop.ui.kmemleak import KmemleakActions
from leaktop.ui.pane_box import PaneBox
from leaktop.ui.row_table import RowTable
from leaktop.ui.theme import THEMES
from leaktop.units import human_duration
from leaktop.view.cells import sanitise
from leaktop.view.panes import PANES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from textual import events
    from textual.app import ComposeResult
    from textual.screen import Screen

    from leaktop.engine.engine import Engine
    from leaktop.model.frame import Frame
    from leaktop.sources.base import Source

_WIDE, _TALL = 120, 36
"""From this size on all panes share the screen; below it there is one at a time."""
_SLOWEST, _FASTEST = 60.0, 0.25

_KEYS = [
    ("q", "q", "quit"),
    ("question_mark", "?", "help"),
    ("slash", "/", "filter"),
    ("enter", "⏎", "drill down"),
    ("D", "D", "growth"),
    ("m", "m", "mark"),
    ("space", "Space", "pause"),
    ("z", "z", "zoom"),
    ("K", "K", "kernel"),
    ("U", "U", "unreclaimable only"),
    ("F", "F", "follow"),
]


class LeaktopApp(App[None]):
    """Everything on one screen.

    Args:
        source: where samples come from.
        engine: what turns them into Frames.
        interval: seconds between ticks.
        is_read_only: no write to the kernel is offered.
        is_ascii: no glyph beyond ASCII is drawn.
        directory: where reports are saved.
    """

    CSS_PATH = "leaktop.tcss"
    TITLE = "leaktop"
    ENABLE_COMMAND_PALETTE = True
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q,ctrl+c,ctrl+q", "quit", "Quit", id="quit"),
        Binding("question_mark,h,f1", "help", "Help", id="help"),
        Binding("slash", "filter", "Filter", id="filter"),
        Binding("escape", "clear_filter", "Clear the filter", show=False, id="clear_filter"),
        Binding("space", "pause", "Pause or go on", id="pause"),
        Binding("z,e", "zoom", "Zoom the pane", id="zoom"),
        Binding("m", "mark", "Mark the baseline", id="mark"),
        Binding("D", "sort_growth", "Sort by growth", id="sort_growth"),
        Binding("less_than_sign,comma", "sort(-1)", "Sort by the column before", id="sort_before"),
        Binding("greater_than_sign,full_stop", "sort(1)", "Sort by the column after", id="sort_after"),
        Binding("I", "reverse", "Reverse the order", id="reverse"),
        Binding("F", "follow", "Follow the row", id="follow"),
        Binding("R", "refresh_now", "Read everything now", id="refresh"),
        Binding("plus,equals_sign", "interval(0.5)", "Faster", id="faster"),
        Binding("minus", "interval(2.0)", "Slower", id="slower"),
        Binding("y", "copy_row", "Copy the row", id="copy"),
        Binding("K", "kernel", "Kernel actions", id="kernel"),
        Binding("tab", "next_pane(1)", "Next pane", priority=True, id="next_pane"),
        Binding("shift+tab", "next_pane(-1)", "Previous pane", priority=True, id="previous_pane"),
        Binding("ctrl+l", "repaint", "Draw the screen anew", show=False, id="repaint"),
        *(Binding(str(n), f"go({n})", f"Pane {n}", show=False, id=f"pane_{n}") for n in range(1, len(PANES) + 1)),
    ]

    class FrameArrived(Message):
        """The poller has a new Frame; only the newest is of interest."""

        def can_replace(self, message: Message) -> bool:
            """A Frame that is waiting gives way to a newer one."""
            return isinstance(message, LeaktopApp.FrameArrived)

    class Said(Message):
        """Something for the user to read, from another thread."""

        def __init__(self, words: str) -> None:
            super().__init__()
            self.words = words

    def __init__(
        self,
        source: Source,
        engine: Engine,
        *,
        interval: float = 1.0,
        is_read_only: bool = False,
        is_ascii: bool = False,
        theme: str | None = None,
        directory: str = ".",
    ) -> None:
        super().__init__()
        self._source = source
        self._engine = engine
        self._is_read_only = is_read_only
        self._is_ascii = is_ascii
        self._theme_wanted = theme
        self._newest: Frame | None = None
        self._shown: Frame | None = None
        self._is_paused = False
        self._is_zoomed = False
        self._active = PANES[0].name
        self.poller = Poller(source, engine, self._take, interval, at_start=("kmemleak",))
        self._kmemleak = KmemleakActions(self, self._kmemleak_report, directory)
        self._boxes = {pane.name: PaneBox(pane) for pane in PANES}
        self._header, self._tabs, self._keys = Header(), Tabs(), KeyLine()

    def compose(self) -> ComposeResult:
        """Header, tabs, panes, the filter line, and the keys."""
        yield self._header
        yield self._tabs
        with Container(id="panes"):
            yield from self._boxes.values()
        yield Input(id="filter", placeholder="regular expression; ! in front inverts; Esc clears", compact=True)
        yield self._keys

    def on_mount(self) -> None:
        """Start reading only now, when there is a screen to show it."""
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = self._theme_wanted or THEMES[0].name
        self.set_class(self._is_ascii, "ascii")
        for box in self._boxes.values():
            box.is_ascii = self._is_ascii
            if box.pane.name == "kmemleak" and self._is_read_only:
                box.add_class("read-only")
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGHUP):
            with contextlib.suppress(ValueError, RuntimeError, NotImplementedError):
                loop.add_signal_handler(number, self.exit)
        self._arrange_panes()
        self._boxes[self._active].table.focus()
        self.poller.start()

    def on_unmount(self) -> None:
        """Stop asking; reads that are under way stay behind in their daemon threads."""
        self.poller.stop()

    # What comes in

    def _take(self, frame: Frame) -> None:
        """In the poller's thread: keep the newest, and wake the UI."""
        self._newest = frame
        if self._running:
            self.post_message(self.FrameArrived())

    def on_leaktop_app_frame_arrived(self) -> None:
        """Show it, or only the header of it while paused."""
        frame = self._newest
        if frame is None:
            return
        if not self._is_paused:
            self._shown = frame
            self.show_panes(frame)
            if isinstance(self.screen, DetailScreen):
                self.screen.show(frame)
        self._show_header()

    def say(self, words: str) -> None:
        """A notice in the corner."""
        self.notify(sanitise(words), markup=False, timeout=6)

    def say_from_thread(self, words: str) -> None:
        """A notice, from any thread."""
        if self._running:
            self.post_message(self.Said(words))

    def on_leaktop_app_said(self, event: Said) -> None:
        """Show the notice."""
        self.say(event.words)

    # What is shown

    def show_panes(self, frame: Frame) -> None:
        """Show this moment in every pane that is on the screen."""
        self._boxes["kmemleak"].status = self._kmemleak.status
        for box in self._boxes.values():
            if box.display:
                box.show(frame)

    def _show_header(self) -> None:
        if self._newest is None:
            return
        if self._is_paused and self._shown is not None:
            mode, tone = f"PAUSED {human_duration(self._newest.mono - self._shown.mono)}", "fault"
        else:
            mode, tone = f"LIVE {self.poller.interval:g}s", "accent"
        if self._is_read_only:
            mode = f"READ-ONLY {mode}"
        self._header.show(self._newest, mode, tone)
        self._show_tabs()
        self._keys.show(self._keys_now())

    def _keys_now(self) -> list[tuple[str, str, str]]:
        absent = set() if self._active == "slab" else {"U"}
        if self._is_read_only:
            absent.add("K")
        keys = [key for key in _KEYS if key[0] not in absent]
        return [(key, "Enter" if self._is_ascii and shown == "⏎" else shown, label) for key, shown, label in keys]

    def _show_tabs(self) -> None:
        growing = set()
        if self._shown is not None:
            growing = {suspect.section for suspect in self._shown.suspects if not suspect.is_cache}
        self._tabs.show([(p.name, p.title, p.section in growing) for p in PANES], self._active)

    def on_resize(self, event: events.Resize) -> None:
        """All panes where there is room, else one."""
        self._arrange_panes(event.size.width, event.size.height)

    def _arrange_panes(self, width: int | None = None, height: int | None = None) -> None:
        width, height = width or self.size.width, height or self.size.height
        is_single = self._is_zoomed or width < _WIDE or height < _TALL
        self.set_class(is_single, "single")
        self.set_class(height < 12, "low")
        for name, box in self._boxes.items():
            box.display = not is_single or name == self._active
        self.call_after_refresh(self._show_all)

    def _show_all(self) -> None:
        if self._shown is not None:
            self.show_panes(self._shown)
        self._show_header()

    # What the user does

    @property
    def _box(self) -> PaneBox:
        return self._boxes[self._active]

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Pane keys do nothing while another screen is on top."""
        if action in _EVERYWHERE or not hasattr(self, f"action_{action}"):
            return True
        return len(self.screen_stack) == 1

    def _activate(self, name: str) -> None:
        self._active = name
        self._arrange_panes()
        self._box.table.focus()

    @on(Tabs.Chosen)
    def _tab_chosen(self, event: Tabs.Chosen) -> None:
        self._activate(event.name)

    @on(KeyLine.Pressed)
    async def _key_clicked(self, event: KeyLine.Pressed) -> None:
        self.simulate_key(event.key)

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """A click into a pane makes it the one that keys go to."""
        box = next((box for box in self._boxes.values() if box in event.widget.ancestors_with_self), None)
        if box is not None and box.pane.name != self._active:
            self._active = box.pane.name
            self._show_header()

    def on_key(self, event: events.Key) -> None:
        """Letters that mean something in the pane that has the focus: its switches, slabtop's sort keys."""
        if len(self.screen_stack) > 1 or not isinstance(self.focused, RowTable) or event.character is None:
            return
        column = self._box.pane.letters.get(event.character)
        if column is not None:
            self._box.choose(sort=column, is_reversed=False)
        elif not self._box.toggle(event.character):
            return
        event.stop()

    def on_click(self, event: events.Click) -> None:
        """A click on a heading sorts by it; a second one reverses."""
        if isinstance(event.widget, RowTable) and event.get_content_offset(event.widget) is not None:
            offset = event.get_content_offset(event.widget)
            name = event.widget.column_at(offset.x) if offset is not None and offset.y == 0 else None
            if name is not None:
                is_same = self._box.choice.sort == name
                self._box.choose(sort=name, is_reversed=is_same and not self._box.choice.is_reversed)

    @on(RowTable.Opened)
    def _drill_down(self, event: RowTable.Opened) -> None:
        if self._shown is None:
            return
        screen = DetailScreen(
            event.table.pane, event.row.key, self._shown, self._source.inspect, is_ascii=self._is_ascii
        )
        self.push_screen(screen)

    @on(PaneBox.Acted)
    def _pane_acted(self, event: PaneBox.Acted) -> None:
        self._act(event.action)

    def _act(self, action: str | None) -> None:
        if action is None:
            return
        if self._is_read_only:
            self.say("Started with --read-only: nothing is written to the kernel.")
        else:
            self._kmemleak.ask(action)

    def _kmemleak_report(self) -> bytes | None:
        probe = next((probe for probe in self._source.probes if probe.name == "kmemleak"), None)
        sample = self._source.read(probe) if probe is not None else None
        return sample.content if sample is not None else None

    def action_go(self, number: int) -> None:
        """To the pane of that number."""
        self._activate(PANES[number - 1].name)

    def action_next_pane(self, step: int) -> None:
        """To the pane beside."""
        names = [pane.name for pane in PANES]
        self._activate(names[(names.index(self._active) + step) % len(names)])

    def action_zoom(self) -> None:
        """One pane, or all."""
        self._is_zoomed = not self._is_zoomed
        self._arrange_panes()

    def action_pause(self) -> None:
        """Let the panes stand still; reading goes on, so that growth is complete afterwards."""
        self._is_paused = not self._is_paused
        self.on_leaktop_app_frame_arrived()

    def action_mark(self) -> None:
        """Let growth count from now."""
        self._engine.mark_baseline()
        self.poller.request()
        self.say("Baseline marked: growth counts from here.")

    def action_sort_growth(self) -> None:
        """What grew most comes first."""
        self._box.choose(sort="growth", is_reversed=False)

    def action_sort(self, step: int) -> None:
        """Sort by the column beside."""
        self._box.sort_beside(step)

    def action_reverse(self) -> None:
        """Turn the order round."""
        self._box.choose(is_reversed=not self._box.choice.is_reversed)

    def action_follow(self) -> None:
        """Scroll with the row under the cursor."""
        table = self._box.table
        table.is_followed = not table.is_followed
        self._show_all()

    def action_refresh_now(self) -> None:
        """Read every probe now, kmemleak too."""
        self.poller.request()
        self.poller.request("kmemleak")

    def action_interval(self, factor: float) -> None:
        """Tick faster or slower."""
        self.poller.interval = min(max(self.poller.interval * factor, _FASTEST), _SLOWEST)
        self._show_header()

    def action_copy_row(self) -> None:
        """The row under the cursor, as text, to the clipboard of the terminal."""
        row = self._box.table.current
        if row is None or self._shown is None:
            return
        cells = [column.cell(row, self._shown).text for column in self._box.pane.columns]
        self.copy_to_clipboard("\t".join(cells))
        self.say("Copied.")

    def action_kernel(self) -> None:
        """What can be written to the kernel."""
        if self._is_read_only:
            self._act("")
        else:
            self.push_screen(ActionScreen(), self._act)

    def action_help(self) -> None:
        """Keys and columns."""
        self.push_screen(HelpScreen(self._box.pane))

    def action_filter(self) -> None:
        """Type a filter for the pane."""
        field = self.query_one("#filter", Input)
        field.value = self._box.choice.pattern
        field.add_class("open")
        field.focus()

    def action_clear_filter(self) -> None:
        """One level back: close the filter line, clear the filter, leave the zoom."""
        field = self.query_one("#filter", Input)
        if field.has_class("open"):
            field.remove_class("open")
            self._box.choose(pattern="")
            self._box.table.focus()
        elif self._box.choice.pattern:
            self._box.choose(pattern="")
        elif self._is_zoomed:
            self.action_zoom()

    def action_repaint(self) -> None:
        """Draw everything anew, after something else wrote to the terminal."""
        self.refresh(layout=True)
        for widget in self.screen.query("*"):
            widget.refresh()

    @on(Input.Changed, "#filter")
    def _filter_typed(self, event: Input.Changed) -> None:
        if event.input.has_class("open"):
            self._box.choose(pattern=event.value)

    @on(Input.Submitted, "#filter")
    def _filter_done(self, event: Input.Submitted) -> None:
        event.input.remove_class("open")
        self._box.table.focus()

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """What the command palette offers: Textual's own, and every key of ours that has a name."""
        for command in super().get_system_commands(screen):
            if command.title != "Screenshot":  # it would write a file as root, wherever Textual thinks fit
                yield command
        for pane in PANES:
            yield SystemCommand(
                f"Go to {pane.title}", f"Pane {pane.order}", lambda name=pane.name: self._activate(name)
            )
        for binding in self.BINDINGS:
            if isinstance(binding, Binding) and binding.show and binding.id not in {"quit", "help"}:
                keys = binding.key.replace(",", ", ")
                yield SystemCommand(binding.description, f"Key {keys}", lambda a=binding.action: self._run(a))

    async def _run(self, action: str) -> None:
        await self.run_action(action)


_EVERYWHERE = {"quit", "command_palette", "repaint", "change_theme"}
