"""The screen: header, timeline, panes. What the user chose is in the panes, the rest in the Frame, live or replayed."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from textual import on
from textual.app import SystemCommand
from textual.message import Message
from textual.screen import ModalScreen

from leaktop.engine.feed import LiveFeed
from leaktop.ui.dashboard import Dashboard
from leaktop.ui.detail import DetailScreen
from leaktop.ui.dialogs import HelpScreen
from leaktop.ui.header import Header, KeyLine, Tabs
from leaktop.ui.kernel import KernelActions
from leaktop.ui.keys import BINDINGS, NOT_OVER_DIALOGS, key_commands, key_line
from leaktop.ui.pane_box import PaneBox
from leaktop.ui.recording import RecordingActions
from leaktop.ui.row_table import RowTable
from leaktop.ui.shell import Shell
from leaktop.ui.timeline import TimelineBar
from leaktop.ui.travel import Replayed, Travel, not_recorded
from leaktop.units import human_duration
from leaktop.view.panes import PANES
from leaktop.view.panes.memory import meminfo_line

if TYPE_CHECKING:
    from collections.abc import Iterable

    from textual import events
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
        replayed: the recording to show; None for the live screen.
        record_to: a new file that everything is recorded to from the start.
        interval: seconds between ticks.
        is_read_only: no write to the kernel is offered.
        is_ascii: no glyph beyond ASCII is drawn.
        theme: a theme by name.
        directory: where reports are saved.
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
        *,
        replayed: Replayed | None = None,
        record_to: str | None = None,
        interval: float = 1.0,
        is_read_only: bool = False,
        is_ascii: bool = False,
        theme: str | None = None,
        directory: str = ".",
    ) -> None:
        super().__init__(theme, is_ascii=is_ascii)
        self._source = source
        self._replayed = replayed
        self._record_to = record_to
        self._is_read_only = is_read_only
        self._newest: Frame | None = None
        self._shown: Frame | None = None
        self._is_paused = False
        self._travel = Travel(self, self._take_travelled)
        self.live: LiveFeed | None = None
        self._recording: RecordingActions | None = None
        if source is not None and engine is not None:
            self.live = LiveFeed(source, engine, self._take, interval, self.say_from_thread)
            self._recording = RecordingActions(self, self.live.recorder, source.machine.hostname)
        self.dashboard = Dashboard(is_ascii=is_ascii, is_read_only=is_read_only)
        self._kernel = KernelActions(self, source, self._travel, directory, is_read_only=is_read_only)
        self._header, self._timeline, self._tabs, self._keys = Header(), TimelineBar(), Tabs(), KeyLine()

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
        yield self._header
        yield self._timeline
        yield self._tabs
        yield self.dashboard
        yield self._keys

    def on_mount(self) -> None:
        """Start reading only now, when there is a screen to show it."""
        self.settle_in()
        self.dashboard.activate(PANES[0].name)
        try:
            if self._replayed is not None:
                self._begin_travel()
                self._travel.begin(self._replayed)
            else:
                if self._record_to is not None and self._recording is not None:
                    self._recording.start(self._record_to)
                self.poller.start()
        except RuntimeError as error:
            self.exit(return_code=1, message=f"leaktop: no thread could be started to read with: {error}")
        except OSError as error:
            self.exit(return_code=2, message=f"leaktop: {self._record_to}: {error.strerror or error}")

    def on_unmount(self) -> None:
        """Stop asking; reads that are under way stay behind in their daemon threads. A recording ends whole."""
        self._travel.end()
        self._kernel.end()
        if self.live is not None:
            self.live.poller.stop()
            self.live.recorder.stop()

    def on_resize(self, event: events.Resize) -> None:
        """All panes where there is room, else one."""
        self.dashboard.arrange_panes(event.size)
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
            self._timeline.show(position)
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
        frame = self._shown if self._travel.is_on else self._newest
        if frame is None:
            return
        mode, tone = self._mode(frame)
        self._header.show(frame, mode, tone, self._recording.status() if self._recording else "")
        active = self.dashboard.active.pane.name
        leaking = {case.section for case in (self._shown or frame).diagnosis.cases if case.is_leak}
        leaking |= {"suspects"} if leaking else set()
        self._tabs.show(self.dashboard.offered, leaking, active)
        absent = set() if active == "slab" else {"U"}
        absent |= {"K"} if self._is_read_only else set()
        absent |= {"L"} if self.live is None else set()
        absent |= {pane.key for pane in PANES} - {pane.key for pane in self.dashboard.offered}
        enter = "Enter" if self.is_ascii else "⏎"
        self._keys.show(key_line(is_travelling=self._travel.is_on, absent=absent, enter=enter))

    def _mode(self, frame: Frame) -> tuple[str, str]:
        """What the screen shows now, and its tone."""
        if self._travel.is_on:
            return self._travel.mode(self._newest)
        if self._is_paused and self._shown is not None:
            mode, tone = f"PAUSED {human_duration(frame.mono - self._shown.mono)}", "fault"
        else:
            mode, tone = f"LIVE {self.poller.interval:g}s", "accent"
        return (f"READ-ONLY {mode}" if self._is_read_only else mode), tone

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
            self.push_screen(DetailScreen(pane, key, self._shown, inspect, learned, is_ascii=self.is_ascii))

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
        if self._travels():
            getattr(self._travel, what)(*arguments)

    def action_live(self) -> None:
        """Back to live; in a replay, to the end, and on with what comes."""
        if self.live is None:
            self._travel.to_end(follow=True)
            return
        self._travel.end()
        self.remove_class("travel")
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

    def _travels(self) -> bool:
        """Whether there is a past to go to; from the live screen, its last hour from now on."""
        if self._travel.is_on:
            return True
        if self.live is None or self._shown is None:
            return False
        self._begin_travel()
        self._travel.rewind(self.live.tape, self._shown.wall)
        return True

    def _begin_travel(self) -> None:
        self.add_class("travel")
        self.dashboard.arrange_panes()

    def action_kernel(self) -> None:
        """What the kernel can be asked for."""
        self._kernel.choose()

    def action_help(self) -> None:
        """Keys and columns."""
        self.push_screen(HelpScreen(self.dashboard.active.pane, self.dashboard.offered))

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """What the command palette offers: Textual's own, and every key of ours that has a name."""
        # Textual's screenshot would write a file as root, wherever it thinks fit.
        yield from (command for command in super().get_system_commands(screen) if command.title != "Screenshot")
        for pane in self.dashboard.offered:
            yield SystemCommand(f"Go to {pane.title}", f"Key {pane.key}", partial(self.dashboard.activate, pane.name))
        for place in (self, self.dashboard):
            yield from key_commands(place.BINDINGS, partial(self._run, place=place))

    async def _run(self, action: str, *, place: LeaktopApp | Dashboard) -> None:
        await self.run_action(action, place)
