"""The live screen: one poller, the header, the panes. What the user chose is in the panes; the rest is in the Frame."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.screen import ModalScreen

from leaktop.engine.poller import Poller
from leaktop.ui.dashboard import Dashboard
from leaktop.ui.detail import DetailScreen
from leaktop.ui.dialogs import ActionScreen, HelpScreen
from leaktop.ui.header import Header, KeyLine, Tabs
from leaktop.ui.kmemleak import KmemleakActions
from leaktop.ui.pane_box import PaneBox
from leaktop.ui.row_table import RowTable
from leaktop.ui.terminal import TolerantDriver, leave_on_signals
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
"""For the line at the bottom, the most wanted first: as Textual names them, as people read them, what they do."""
_NOT_OVER_DIALOGS = {"help", "kernel", "mark", "pause", "refresh_now", "interval"}


class LeaktopApp(App[None]):
    """Everything on one screen.

    Args:
        source: where samples come from.
        engine: what turns them into Frames.
        interval: seconds between ticks.
        is_read_only: no write to the kernel is offered.
        is_ascii: no glyph beyond ASCII is drawn.
        theme: a theme by name.
        directory: where reports are saved.
    """

    CSS_PATH = "leaktop.tcss"
    TITLE = "leaktop"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q,ctrl+c,ctrl+q", "quit", "Quit", id="quit"),
        Binding("question_mark,h,f1", "help", "Help", id="help"),
        Binding("space", "pause", "Pause or go on", id="pause"),
        Binding("m", "mark", "Mark the baseline", id="mark"),
        Binding("R", "refresh_now", "Read everything now", id="refresh"),
        Binding("plus,equals_sign", "interval(0.5)", "Faster", id="faster"),
        Binding("minus", "interval(2.0)", "Slower", id="slower"),
        Binding("K", "kernel", "Kernel actions", id="kernel"),
        Binding("ctrl+l", "repaint", "Draw the screen anew", show=False, id="repaint"),
        Binding("ctrl+z", "suspend_process", "Back to the shell; fg returns", show=False, id="suspend"),
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
        # The terminal's own sixteen colours, which Textual otherwise turns into RGB; under NO_COLOR, none of them.
        super().__init__(
            driver_class=TolerantDriver,
            ansi_color="NO_COLOR" in os.environ or (theme or "").startswith("ansi"),
        )
        self._source = source
        self._engine = engine
        self._is_read_only = is_read_only
        self._is_ascii = is_ascii
        self._theme_wanted = theme
        self._newest: Frame | None = None
        self._shown: Frame | None = None
        self._is_paused = False
        self.poller = Poller(source, engine, self._take, interval, at_start=("kmemleak",))
        self.dashboard = Dashboard(is_ascii=is_ascii, is_read_only=is_read_only)
        self._kmemleak = KmemleakActions(
            self,
            say=self.say_from_thread,
            read_report=self._kmemleak_report,
            read_again=lambda: self.poller.request("kmemleak"),
            directory=directory,
        )
        self._header, self._tabs, self._keys = Header(), Tabs(), KeyLine()

    def compose(self) -> ComposeResult:
        """Header, tabs, panes, keys."""
        yield self._header
        yield self._tabs
        yield self.dashboard
        yield self._keys

    def on_mount(self) -> None:
        """Start reading only now, when there is a screen to show it."""
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = self._theme_wanted or THEMES[0].name
        self.set_class(self._is_ascii, "ascii")
        if not self.is_headless:
            loop = asyncio.get_running_loop()
            leave_on_signals(lambda: loop.call_soon_threadsafe(self.exit))
        self.app_resume_signal.subscribe(self, lambda _: self.set_timer(0.1, self.action_repaint))
        self.dashboard.activate(PANES[0].name)
        try:
            self.poller.start()
        except RuntimeError as error:
            self.exit(return_code=1, message=f"leaktop: no thread could be started to read with: {error}")

    def on_unmount(self) -> None:
        """Stop asking; reads that are under way stay behind in their daemon threads."""
        self.poller.stop()

    def on_resize(self, event: events.Resize) -> None:
        """All panes where there is room, else one."""
        self.dashboard.arrange_panes(event.size)

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
            self.dashboard["kmemleak"].status = self._kmemleak.status
            self.dashboard.show(frame)
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

    @on(Dashboard.Changed)
    def _show_header(self) -> None:
        """The lines above and below the panes."""
        if self._newest is None:
            return
        if self._is_paused and self._shown is not None:
            mode, tone = f"PAUSED {human_duration(self._newest.mono - self._shown.mono)}", "fault"
        else:
            mode, tone = f"LIVE {self.poller.interval:g}s", "accent"
        if self._is_read_only:
            mode = f"READ-ONLY {mode}"
        self._header.show(self._newest, mode, tone)
        active = self.dashboard.active.pane.name
        growing = {suspect.section for suspect in (self._shown or self._newest).suspects if not suspect.is_cache}
        self._tabs.show([(pane.name, pane.title, pane.section in growing) for pane in PANES], active)
        absent = ({"K"} if self._is_read_only else set()) | ({"U"} if active != "slab" else set())
        enter = "Enter" if self._is_ascii else "⏎"
        self._keys.show(
            [(key, enter if key == "enter" else shown, label) for key, shown, label in _KEYS if key not in absent]
        )

    # What the user does

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A dialog is answered before anything else is done."""
        return not (action in _NOT_OVER_DIALOGS and isinstance(self.screen, ModalScreen))

    @on(Tabs.Chosen)
    def _tab_chosen(self, event: Tabs.Chosen) -> None:
        self.dashboard.activate(event.name)

    @on(KeyLine.Pressed)
    def _key_clicked(self, event: KeyLine.Pressed) -> None:
        self.simulate_key(event.key)

    @on(RowTable.Opened)
    def _drill_down(self, event: RowTable.Opened) -> None:
        if self._shown is not None:
            pane, key = event.table.pane, event.row.key
            self.push_screen(DetailScreen(pane, key, self._shown, self._source.inspect, is_ascii=self._is_ascii))

    @on(Dashboard.Copied)
    def _copy(self, event: Dashboard.Copied) -> None:
        self.copy_to_clipboard(event.text)
        self.say("Copied, if the terminal takes it (OSC 52).")

    @on(PaneBox.Acted)
    def _pane_acted(self, event: PaneBox.Acted) -> None:
        self._write(event.action)

    def _write(self, action: str | None) -> None:
        if action is None:
            return
        if self._is_read_only:
            self.say("Read-only: nothing is written to the kernel.")
        else:
            self._kmemleak.ask(action)

    def _kmemleak_report(self) -> bytes | None:
        probe = next((probe for probe in self._source.probes if probe.name == "kmemleak"), None)
        sample = self._source.read(probe) if probe is not None else None
        return sample.content if sample is not None else None

    def action_pause(self) -> None:
        """Let the panes stand still; reading goes on, so that growth is complete afterwards."""
        self._is_paused = not self._is_paused
        self.on_leaktop_app_frame_arrived()

    def action_mark(self) -> None:
        """Let growth count from now."""
        self._engine.mark_baseline()
        self.poller.request()
        self.say("Baseline marked: growth counts from here.")

    def action_refresh_now(self) -> None:
        """Read every probe now, kmemleak too."""
        self.poller.request()
        self.poller.request("kmemleak")

    def action_interval(self, factor: float) -> None:
        """Tick faster or slower."""
        self.poller.interval = min(max(self.poller.interval * factor, _FASTEST), _SLOWEST)
        self._show_header()

    def action_kernel(self) -> None:
        """What can be written to the kernel."""
        if self._is_read_only:
            self._write("")
        else:
            self.push_screen(ActionScreen(), self._write)

    def action_help(self) -> None:
        """Keys and columns."""
        self.push_screen(HelpScreen(self.dashboard.active.pane))

    def action_repaint(self) -> None:
        """Draw everything anew, after something else wrote to the terminal."""
        for widget in self.screen.query("*"):
            widget.refresh()

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """What the command palette offers: Textual's own, and every key of ours that has a name."""
        for command in super().get_system_commands(screen):
            if command.title != "Screenshot":  # it would write a file as root, wherever Textual thinks fit
                yield command
        for pane in PANES:
            name = pane.name
            yield SystemCommand(f"Go to {pane.title}", f"Key {pane.order}", lambda n=name: self.dashboard.activate(n))
        for place in (self, self.dashboard):
            for binding in place.BINDINGS:
                if isinstance(binding, Binding) and binding.show and binding.id not in {"quit", "help"}:
                    keys = binding.key.replace(",", " or ")
                    yield SystemCommand(
                        binding.description, f"Key {keys}", lambda a=binding.action, p=place: self._run(a, p)
                    )

    async def _run(self, action: str, place: LeaktopApp | Dashboard) -> None:
        await self.run_action(action, place)
