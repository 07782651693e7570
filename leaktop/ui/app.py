"""The screen: header, timeline, panes. What the user chose is in the panes, the rest in the Frame, live or replayed."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from textual import events, on
from textual.app import SystemCommand
from textual.message import Message
from textual.screen import ModalScreen

from leaktop.engine.feed import LiveFeed
from leaktop.ui.dashboard import Dashboard
from leaktop.ui.detail import DetailScreen
from leaktop.ui.header import KeyLine, Tabs
from leaktop.ui.help import HelpScreen
from leaktop.ui.kernel import KernelActions
from leaktop.ui.keys import BINDINGS, NOT_OVER_DIALOGS, key_commands
from leaktop.ui.pane_box import PaneBox
from leaktop.ui.preferences import USUAL, Preferences
from leaktop.ui.recording import PATIENCE, RecordingActions
from leaktop.ui.row_table import RowTable
from leaktop.ui.shell import Shell
from leaktop.ui.surround import Surround
from leaktop.ui.timeline import TimelineBar
from leaktop.ui.tour import Tour
from leaktop.ui.travel import Replayed, Travel, not_recorded
from leaktop.view.help import help_parts
from leaktop.view.panes import PANES
from leaktop.view.panes.memory import meminfo_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from textual.app import ComposeResult
    from textual.screen import Screen

    from leaktop.engine.engine import Engine
    from leaktop.engine.poller import Poller
    from leaktop.engine.position import Position
    from leaktop.model.frame import Frame
    from leaktop.sources.base import Source

_SLOWEST, _FASTEST = 60.0, 0.25


class LeaktopApp(Shell):
    """Everything on one screen.

    Args:
        source: where samples come from; None for a replay.
        engine: what turns them into Frames; None for a replay.
        wanted: how it looks and what it may do.
        replayed: the recording to show; None for the live screen.
        on_toured: called once the tour was read.
    """

    BINDINGS = BINDINGS

    class FrameArrived(Message):
        """The poller has a new Frame; only the newest is of interest."""

        def can_replace(self, message: Message) -> bool:
            """A Frame that is waiting gives way to a newer one."""
            return isinstance(message, LeaktopApp.FrameArrived)

    class Travelled(Message):
        """The player has a new Frame; polling goes on meanwhile, and says so for itself."""

        def can_replace(self, message: Message) -> bool:
            """Likewise."""
            return isinstance(message, LeaktopApp.Travelled)

    def __init__(
        self,
        source: Source | None,
        engine: Engine | None,
        wanted: Preferences = USUAL,
        *,
        replayed: Replayed | None = None,
        on_toured: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(wanted.theme, is_ascii=wanted.is_ascii)
        self._wanted = wanted
        self._source = source
        self._replayed = replayed
        self._newest: Frame | None = None
        self._shown: Frame | None = None
        self._is_paused = False
        self._travel = Travel(self, self._take_travelled)
        self.live: LiveFeed | None = None
        self.unrecorded: str | None = None
        """At the end: what went wrong with the recording, for people; the screen cannot say it any more."""
        self._recording: RecordingActions | None = None
        if source is not None and engine is not None:
            self.live = LiveFeed(source, engine, self._take, wanted.interval, self.say_from_thread)
            self._recording = RecordingActions(self, self.live.recorder, source.machine.hostname)
        self.dashboard = Dashboard(wanted)
        self._kernel = KernelActions(self, source, self._travel, wanted.directory, is_read_only=wanted.is_read_only)
        self._tour, self._on_toured = Tour(), on_toured
        self._surround = Surround(self, self._travel, is_read_only=wanted.is_read_only, protection=wanted.protection)

    @property
    def poller(self) -> Poller:
        """What reads this machine; only where the screen is live."""
        if self.live is None:
            raise RuntimeError("a replay reads no machine")
        return self.live.poller

    @property
    def shown(self) -> Frame | None:
        """The moment that the panes show."""
        return self._shown

    def compose(self) -> ComposeResult:
        """Header, tabs, panes, keys."""
        yield from self._surround.above()
        yield self.dashboard
        yield from self._surround.below()
        yield self._tour

    def on_mount(self) -> None:
        """Start reading only now, when there is a screen to show it."""
        self.settle_in()
        self.set_keymap(self._wanted.keymap)
        for words in self._wanted.notices:
            self.say(words)
        self.dashboard.activate(PANES[0].name)
        if self._wanted.shows_tour:
            self._tour.open()
        try:
            if self._replayed is not None:
                self._travel.begin(self._replayed)
            else:
                if self._wanted.record_to is not None and self._recording is not None:
                    self._recording.start(self._wanted.record_to)
                self.poller.start()
        except RuntimeError as error:
            self.exit(return_code=1, message=f"leaktop: no thread could be started to read with: {error}")
        except OSError as error:
            self.exit(return_code=2, message=f"leaktop: {self._wanted.record_to}: {error.strerror or error}")

    def on_unmount(self) -> None:
        """Stop asking; reads that are under way stay behind in their daemon threads. A recording ends whole."""
        self._travel.end()
        self._kernel.end()
        if self.live is not None:
            self.live.poller.stop()
            self.unrecorded = self.live.recorder.stop(PATIENCE)

    def on_resize(self, event: events.Resize) -> None:
        """All panes where there is room, else one."""
        self.dashboard.arrange_panes(event.size)
        self._tour.fit()
        self.call_after_refresh(self._show_header)

    # What comes in

    def _take(self, frame: Frame) -> None:
        """In the poller's thread: keep the newest, and wake the UI."""
        self._newest = frame
        if self._running:
            self.post_message(self.FrameArrived())

    def _take_travelled(self, frame: Frame, position: Position) -> None:
        """In the player's thread: wake the UI."""
        if self._running:
            self.post_message(self.Travelled())

    def on_leaktop_app_frame_arrived(self, event: FrameArrived | None = None) -> None:
        """Show it, or only the header of it while paused or elsewhere in time."""
        if self._recording is not None:
            self._recording.watch()
        if self._newest is not None and not self._is_paused and not self._travel.is_on:
            self._show(self._newest)
        self._show_header()

    def on_leaktop_app_travelled(self) -> None:
        """Show the moment that the player is at."""
        if self._travel.newest is not None:
            frame, position = self._travel.newest
            self._surround.show_place(position)
            self._show(frame)
            self._show_header()

    def _show(self, frame: Frame) -> None:
        self._shown = frame
        self._kernel.show_status()
        self.dashboard.show(frame)
        if isinstance(self.screen, DetailScreen):
            self.screen.show(frame)

    @on(Dashboard.Changed)
    def _show_header(self) -> None:
        """The lines above and below the panes."""
        recording = self._recording.status() if self._recording else ""
        self._surround.show(self._newest, self._shown, is_paused=self._is_paused, recording=recording)

    # What the user does

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A dialog is answered before anything else is done."""
        return not (action in NOT_OVER_DIALOGS and isinstance(self.screen, ModalScreen))

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
            if pane.leads_to is not None:
                self.dashboard.activate(pane.leads_to(event.row))
                return
            inspect = not_recorded if self._travel.is_on or self._source is None else self._source.inspect
            learned = self._kernel.learned
            thread = self.dashboard.thread
            self.push_screen(DetailScreen(pane, key, self._shown, inspect, learned, thread, is_ascii=self.is_ascii))

    @on(PaneBox.Acted)
    def _pane_acted(self, event: PaneBox.Acted) -> None:
        self._kernel.ask(event.action)

    def action_pause(self) -> None:
        """Let the panes stand still; reading goes on, so that growth is complete afterwards. In a recording, play."""
        if self._travel.is_on:
            self._travel.toggle()
            return
        self._is_paused = not self._is_paused
        self.on_leaktop_app_frame_arrived()

    def action_mark(self) -> None:
        """Let growth count from now, or from where we are."""
        if self.live is None or self._travel.is_on:
            self._travel.mark()
        else:
            self.live.mark_baseline()
        self.say("Baseline marked: growth counts from here.")

    def action_refresh_now(self) -> None:
        """Read every probe now, kmemleak too."""
        if self.live is None:
            self.say("This is a replay: there is nothing to be read anew.")
            return
        self.poller.request()
        self.poller.request("kmemleak")

    def action_interval(self, factor: float) -> None:
        """Tick, or play, faster or slower."""
        if self._travel.is_on:
            self._travel.speed(1 if factor < 1 else -1)
            return
        self.poller.interval = min(max(self.poller.interval * factor, _FASTEST), _SLOWEST)
        self._show_header()

    def action_record(self) -> None:
        """Start recording, or stop."""
        if self._recording is None:
            self.say("This is a replay: `leaktop cut` makes a smaller piece of it.")
        else:
            self._recording.toggle()

    def action_travel(self, what: str, *arguments: object) -> None:
        """Go somewhere in the recording, or from the live screen into its last hour: a method of Travel by name."""
        if self._travel.is_on or self._travel.rewind(self.live, self._shown):
            getattr(self._travel, what)(*arguments)

    def action_live(self) -> None:
        """Back to live; in a replay, to the end, and on with what comes."""
        if self.live is None:
            self._travel.to_end(follow=True)
            return
        self._travel.end()
        self._is_paused = False
        self.on_leaktop_app_frame_arrived()

    @on(TimelineBar.Chosen)
    def _moment_clicked(self, event: TimelineBar.Chosen) -> None:
        self._travel.to_share(event.share)

    @on(RowTable.Scrolled)
    def _row_chosen(self, event: RowTable.Scrolled) -> None:
        """The memory pane's gauge is the timeline's."""
        row = event.table.current if event.table.pane.name == "memory" else None
        line = meminfo_line(row) if row is not None else None
        if line is not None:
            self._travel.choose_gauge(line)

    def action_kernel(self) -> None:
        """What the kernel can be asked for."""
        self._kernel.choose()

    def action_costs(self) -> None:
        """What leaktop itself takes of the machine."""
        self._surround.show_costs(lambda: self._newest or self._shown)

    def action_help(self) -> None:
        """Keys and columns."""
        self.push_screen(HelpScreen(help_parts(self.dashboard.active.pane, self.dashboard.offered, self._keymap)))

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """What the command palette offers: Textual's own, and every key of ours that has a name."""
        # Textual's screenshot would write a file as root, wherever it thinks fit.
        yield from (command for command in super().get_system_commands(screen) if command.title != "Screenshot")
        yield SystemCommand("Show the tour", "What the screen answers, and where to begin", self.action_tour)
        for pane in self.dashboard.offered:
            yield SystemCommand(f"Go to {pane.title}", f"Key {pane.key}", partial(self.dashboard.activate, pane.name))
        for place in (self, self.dashboard):
            yield from key_commands(place.BINDINGS, partial(self._run, place=place), self._keymap)

    async def on_event(self, event: events.Event) -> None:
        """The first key ends the tour; nearly all do what they do, besides."""
        if isinstance(event, events.Key) and self._tour.is_open:
            is_for_tour = self._tour.takes(event)
            self.end_tour()
            if is_for_tour:
                return
        if isinstance(event, events.InputEvent) and self.live is not None:
            self.live.poller.excuse()
        await super().on_event(event)

    @on(Tour.Clicked)
    def end_tour(self) -> None:
        """Take the tour away."""
        if self._tour.close():
            self._on_toured()

    def action_tour(self) -> None:
        """The tour, over the panes."""
        while len(self.screen_stack) > 1:
            self.pop_screen()
        self._tour.open()

    async def _run(self, action: str, *, place: LeaktopApp | Dashboard) -> None:
        await self.run_action(action, place)
