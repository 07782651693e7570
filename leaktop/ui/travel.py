"""Time travel: what the keys do with a recording, or with the live screen's last hour. The same for both."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from leaktop.aside import NO_THREAD
from leaktop.engine.player import Player
from leaktop.model.sample import Fault, RawSample
from leaktop.recording.reader import Recording, TapedChapters
from leaktop.ui.painted import padded
from leaktop.ui.travel_dialogs import JumpScreen
from leaktop.units import human_duration
from leaktop.view.cells import sanitise
from leaktop.view.timeline import event_words, mode_words

if TYPE_CHECKING:
    from collections.abc import Callable

    from leaktop.engine.feed import LiveFeed
    from leaktop.engine.position import Position
    from leaktop.model.frame import Frame
    from leaktop.ui.app import LeaktopApp

_BESIDE, _LEAST = 60, 40
"""Cells of the header that what happened leaves to the mode and the time, and what it takes where there are too few."""


class Replayed(NamedTuple):
    """What a replay begins with."""

    recording: Recording
    is_growing: bool = False
    wish: str | None = None
    """Where to begin, as the user wrote it."""
    plays: bool = True
    speed: int = 1


def not_recorded(subject: str, name: str) -> RawSample:
    """The answer to a costly read of one thing, where there is only a recording."""
    fault = Fault("missing", "a recording does not hold this: it is read on request only")
    return RawSample(f"{subject} {name}", None, fault, time.monotonic(), time.time())


class Travel:
    """Owns the player, while there is one.

    Args:
        app: the app whose screen follows.
        arrived: called with each Frame and its place, in the player's thread.
    """

    def __init__(self, app: LeaktopApp, arrived: Callable[[Frame, Position], None]) -> None:
        self._app = app
        self._arrived = arrived
        self._player: Player | None = None
        self.newest: tuple[Frame, Position] | None = None

    @property
    def is_on(self) -> bool:
        """Whether the screen shows what a player gives."""
        return self._player is not None

    def mode(self, live: Frame | None) -> tuple[str, str]:
        """What the player does, for the header, and its tone.

        Args:
            live: the newest Frame of the live screen, which the past is seen from; None in a replay.
        """
        if self.newest is None:
            return "OPENING", "fault"
        frame, position = self.newest
        mode, tone = mode_words(position)
        if live is not None:
            mode = mode.replace("REPLAY", f"PAST -{human_duration(live.mono - frame.mono)}")
        room = max(self._app.size.width - _BESIDE, _LEAST)
        happened = padded(sanitise(event_words(position)), room).rstrip()
        return (f"{happened}  {mode}" if happened else mode), tone

    def begin(self, replayed: Replayed) -> None:
        """Show a recording."""
        self._make_room()
        self._player = self._player_of(replayed.recording, is_growing=replayed.is_growing)
        self._player.start(wish=replayed.wish, plays=replayed.plays, speed=replayed.speed)

    def rewind(self, live: LiveFeed | None, shown: Frame | None) -> bool:
        """Show the live screen's last hour, from what it shows now on; False where there is none to go back to."""
        if live is None or shown is None:
            return False
        self._make_room()
        player = self._player_of(Recording(TapedChapters(live.tape), is_growing=True), is_growing=True)
        self._player = player
        try:
            player.start(mono=shown.mono)  # its clock may have been set since
        except RuntimeError:
            self.end()
            self._app.say(f"This is as far back as it goes: {NO_THREAD}.")
        return self.is_on

    def end(self) -> None:
        """Back to live."""
        self._app.remove_class("travel")
        if self._player is not None:
            self._player.stop()
        self._player, self.newest = None, None

    def toggle(self) -> None:
        """Play, or pause."""
        if self._player:
            self._player.toggle()

    def speed(self, steps: int) -> None:
        """Faster, or slower."""
        if self._player:
            self._player.faster(steps)

    def step(self, count: int) -> None:
        """So many ticks on, or back."""
        if self._player:
            self._player.step(count)

    def to_start(self) -> None:
        """To the first tick."""
        if self._player:
            self._player.to_start()

    def to_end(self, *, follow: bool = False) -> None:
        """To the newest tick, and on with what comes, where that is asked for."""
        if self._player:
            self._player.to_end(follow=follow)

    def to_share(self, share: float) -> None:
        """To a moment by its share of the whole."""
        if self._player:
            self._player.to_share(share)

    def to_event(self, direction: int) -> None:
        """To the next mark, gap or other event, or the one before."""
        if self._player:
            self._player.to_event((), direction)

    def to_origin(self) -> None:
        """To where the growth of the row under the cursor began."""
        box = self._app.dashboard.active
        row = box.table.current
        if row is None or self._player is None:
            return
        if row.key and row.key[0] == "module":
            self._app.say("A module is a sum of callers: M lists them, choose one.")
        else:
            self._player.to_origin(box.pane.section, row.key)

    def mark(self) -> None:
        """Let growth count from here."""
        if self._player:
            self._player.mark()

    def choose_gauge(self, name: str) -> None:
        """The gauge of the timeline's curve."""
        if self._player:
            self._player.choose_gauge(name)

    def ask(self) -> None:
        """Where to?"""
        if self._player:
            self._app.push_screen(JumpScreen(), self._go)

    def _go(self, wish: str | None) -> None:
        if wish and self._player:
            self._player.go(wish)

    def _make_room(self) -> None:
        """For the timeline, above the panes."""
        self._app.add_class("travel")
        self._app.dashboard.arrange_panes()

    def _player_of(self, recording: Recording, *, is_growing: bool) -> Player:
        def take(frame: Frame, position: Position) -> None:
            if self._player is player:
                self.newest = frame, position
                self._arrived(frame, position)

        player = Player(recording, take, self._app.say_from_thread, is_growing=is_growing)
        return player
