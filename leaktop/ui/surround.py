"""The lines around the panes: header, timeline and tabs above, the keys below."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leaktop.ui.header import Header, KeyLine, Tabs
from leaktop.ui.keys import key_line
from leaktop.ui.own_cost import CostScreen, OwnCost
from leaktop.ui.timeline import TimelineBar
from leaktop.units import human_duration, human_pace
from leaktop.view.panes import PANES

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.widget import Widget

    from leaktop.control.protect import Protection
    from leaktop.engine.position import Position
    from leaktop.model.frame import Frame
    from leaktop.ui.app import LeaktopApp
    from leaktop.ui.travel import Travel


class Surround:
    """Keeps them in step with what the panes show.

    Args:
        app: whose screen they are on.
        travel: what it says of a moment in the past.
        is_read_only: the header says so, and no key is named that writes.
        protection: what keeps this process alive; the header says so.
    """

    def __init__(
        self, app: LeaktopApp, travel: Travel, *, is_read_only: bool, protection: Protection | None = None
    ) -> None:
        self._app = app
        self.cost = OwnCost(protection)
        self._travel = travel
        self._is_read_only = is_read_only
        self._header, self._timeline, self._tabs, self._keys = Header(self.cost), TimelineBar(), Tabs(), KeyLine()

    def above(self) -> tuple[Widget, ...]:
        """What stands above the panes, from the top."""
        return self._header, self._timeline, self._tabs

    def below(self) -> tuple[Widget, ...]:
        """What stands below them."""
        return (self._keys,)

    def show_costs(self, frame: Callable[[], Frame | None]) -> None:
        """What leaktop itself takes, over the panes.

        Args:
            frame: gives the newest Frame.
        """
        poller = self._app.live.poller if self._app.live else None
        self._app.push_screen(CostScreen(self.cost, poller, frame))

    def show_place(self, position: Position) -> None:
        """Where in a recording we are."""
        self._timeline.show(position)

    def show(self, newest: Frame | None, shown: Frame | None, *, is_paused: bool, recording: str) -> None:
        """Everything that these lines say of this moment.

        Args:
            newest: what was read last of this machine; None in a replay, and before the first tick.
            shown: what the panes show, which may be older.
            is_paused: the panes stand still.
            recording: the file, its length and its size; empty where nothing is recorded.
        """
        frame = shown if self._travel.is_on else newest
        if frame is None:
            return
        for words in self.cost.troubles():
            self._app.say(words)
        dashboard = self._app.dashboard
        mode, tone = self._mode(newest, shown, is_paused=is_paused)
        self._header.show(frame, mode, tone, recording)
        active = dashboard.active.pane.name
        leaking = {case.section for case in (shown or frame).diagnosis.cases if case.is_leak}
        leaking |= {"suspects"} if leaking else set()
        self._tabs.show(dashboard.offered, leaking, active)
        enter = "Enter" if self._app.is_ascii else "⏎"
        absent, keymap = self._absent(active), self._app._keymap
        self._keys.show(key_line(is_travelling=self._travel.is_on, absent=absent, enter=enter, keymap=keymap))

    def _absent(self, active: str) -> set[str]:
        """Keys that do nothing here."""
        absent = set() if active == "slab" else {"U"}
        absent |= {"K"} if self._is_read_only else set()
        absent |= {"L"} if self._app.live is None else set()
        return absent | {pane.key for pane in PANES} - {pane.key for pane in self._app.dashboard.offered}

    def _mode(self, newest: Frame | None, shown: Frame | None, *, is_paused: bool) -> tuple[str, str]:
        """What the screen shows now, and its tone."""
        if self._travel.is_on:
            return self._travel.mode(newest)
        if is_paused and shown is not None and newest is not None:
            mode, tone = f"PAUSED {human_duration(newest.mono - shown.mono)}", "fault"
        else:
            poller = self._app.poller
            beat = f"{human_pace(poller.beat)} (budget)" if poller.beat > poller.interval else f"{poller.interval:g}s"
            mode, tone = f"LIVE {beat}", "accent"
        return (f"READ-ONLY {mode}" if self._is_read_only else mode), tone
