"""What any full-screen program of ours does: themes, signals, notices, the clipboard, a fresh start on the terminal."""

from __future__ import annotations

import asyncio
import contextlib
import os
from typing import TYPE_CHECKING

from textual import events, on
from textual._compositor import LayoutUpdate
from textual.app import App
from textual.command import CommandPalette
from textual.message import Message

from leaktop.ui.dashboard import Dashboard
from leaktop.ui.dialogs import Once
from leaktop.ui.terminal import TolerantDriver, leave_on_signals
from leaktop.ui.theme import THEMES
from leaktop.view.cells import sanitise

if TYPE_CHECKING:
    from rich.console import RenderableType
    from textual.screen import Screen

_SOON, _LATER = 0.005, 0.05
"""Seconds until it is first looked whether the terminal has kept up with a frame, and at most until the next look: each
time twice as long."""


class Palette(CommandPalette, Once[None]):
    """The command palette, on terminals of any size, and for fingers of any speed."""

    def _action_command_list(self, action: str) -> None:
        """Textual's list has no lines where there is no room for one, and looks for the first all the same."""
        with contextlib.suppress(KeyError, IndexError):
            super()._action_command_list(action)


class Shell(App[None]):
    """The app without its subject.

    Args:
        theme: by name; None for the usual one.
        is_ascii: no glyph beyond ASCII is drawn.
    """

    CSS_PATH = "leaktop.tcss"
    TITLE = "leaktop"

    class Said(Message):
        """Something for the user to read, from another thread."""

        def __init__(self, words: str) -> None:
            super().__init__()
            self.words = words

    def __init__(self, theme: str | None, *, is_ascii: bool) -> None:
        # The terminal's own sixteen colours, which Textual otherwise turns into RGB; under NO_COLOR, none of them.
        super().__init__(
            driver_class=TolerantDriver,
            ansi_color="NO_COLOR" in os.environ or (theme or "").startswith("ansi"),
        )
        self.is_ascii = is_ascii
        for known in THEMES:
            self.register_theme(known)
        # Set before there is anything to be styled: once mounted, it would be parsed and applied a second time.
        self.set_reactive(App.theme, theme or THEMES[0].name)
        self.stylesheet.set_variables(self.get_css_variables())
        is_dark = self.current_theme.dark
        self.set_class(is_dark, "-dark-mode", update=False)
        self.set_class(not is_dark, "-light-mode", update=False)
        self.add_class(f"-theme-{self.current_theme.name}", update=False)
        self._refresh_truecolor_filter(self.ansi_theme)
        self._is_holding = False
        self._is_stale = False
        self._drawing: list[RenderableType] = []

    def settle_in(self) -> None:
        """Once mounted: the glyphs, and how to leave."""
        self.set_class(self.is_ascii, "ascii")
        if not self.is_headless:
            loop = asyncio.get_running_loop()
            leave_on_signals(lambda: loop.call_soon_threadsafe(self.exit))
        self.app_resume_signal.subscribe(self, lambda _: self.set_timer(0.1, self.action_repaint))

    def post_display_hook(self) -> None:
        """After each frame: look whether the terminal keeps up, once all that belongs to the frame is out."""
        if not self._is_holding and not self.is_headless:
            asyncio.get_running_loop().call_soon(self._hold)

    def _hold(self) -> None:
        """Draw no more before the terminal has kept up; what changes meanwhile is in the next frame."""
        if not self._is_holding and self._running and not self._keeps_up():
            self._is_holding = True
            self._begin_batch()
            asyncio.get_running_loop().call_later(_SOON, self._draw_on, _SOON)

    def _draw_on(self, waited: float) -> None:
        """Look whether the terminal has kept up, and draw all that changed since."""
        if not self._running:
            return
        if not self._keeps_up():
            wait = min(2 * waited, _LATER)
            asyncio.get_running_loop().call_later(wait, self._draw_on, wait)
            return
        self._is_holding = False
        self._end_batch()
        if self._is_stale:
            self._is_stale = False
            self.screen.refresh()
        self.screen.check_idle()

    def _display(self, screen: Screen[object], renderable: RenderableType | None) -> None:
        """Collect what one turn of the loop draws: a change of the layout draws everything, and then once more."""
        if isinstance(renderable, LayoutUpdate):
            self._drawing.clear()
        if renderable is not None and isinstance(self._driver, TolerantDriver):
            if not self._drawing:
                asyncio.get_running_loop().call_soon(self._send, screen)
            self._drawing.append(renderable)
        else:
            super()._display(screen, renderable)

    def _send(self, screen: Screen[object]) -> None:
        """Draw what was collected. What comes in spite of the hold is lost: then all has to be drawn anew."""
        frame, self._drawing = self._drawing, []
        self._is_stale |= self._is_holding and bool(frame)
        for part in frame:
            super()._display(screen, part)

    def _keeps_up(self) -> bool:
        return self._driver.keeps_up if isinstance(self._driver, TolerantDriver) else True

    async def on_event(self, event: events.Event) -> None:
        """Keys that come while the screens are being taken down are for nobody; Textual would look for a screen."""
        if self.screen_stack or not isinstance(event, events.InputEvent):
            await super().on_event(event)

    def action_command_palette(self) -> None:
        """Everything that has a name."""
        if not isinstance(self.screen, CommandPalette):
            self.push_screen(Palette(id="--command-palette"))

    def say(self, words: str) -> None:
        """A notice in the corner, for as long as it takes to read."""
        self.notify(sanitise(words), markup=False, timeout=max(6, len(words) / 12))

    def say_from_thread(self, words: str) -> None:
        """A notice, from any thread."""
        if self._running:
            self.post_message(self.Said(words))

    def on_shell_said(self, event: Said) -> None:
        """Show the notice."""
        self.say(event.words)

    @on(Dashboard.Copied)
    def _copy(self, event: Dashboard.Copied) -> None:
        self.copy_to_clipboard(event.text)
        self.say("Copied, if the terminal takes it (OSC 52).")

    def action_repaint(self) -> None:
        """Draw everything anew, after something else wrote to the terminal."""
        for widget in self.screen.query("*"):
            widget.refresh()
