"""What any full-screen program of ours does: themes, signals, notices, the clipboard, a fresh start on the terminal."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os

from textual import events, on
from textual.app import App
from textual.command import CommandPalette
from textual.message import Message

from leaktop.ui.dashboard import Dashboard
from leaktop.ui.dialogs import Once
from leaktop.ui.terminal import TolerantDriver, leave_on_signals
from leaktop.ui.theme import THEMES
from leaktop.view.cells import sanitise


def calm_collector() -> None:
    """Keep the garbage collector from walking all that lives again and again: 70 ms in which no key is answered.

    What the program is made of stays for good, and Frames hold no cycles: they go when nobody looks at them any more.
    """
    gc.freeze()
    gc.set_threshold(5000, 20, 20)


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
        self._theme_wanted = theme

    def settle_in(self) -> None:
        """Once mounted: the theme, and how to leave."""
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = self._theme_wanted or THEMES[0].name
        self.set_class(self.is_ascii, "ascii")
        if not self.is_headless:
            loop = asyncio.get_running_loop()
            leave_on_signals(lambda: loop.call_soon_threadsafe(self.exit))
        self.app_resume_signal.subscribe(self, lambda _: self.set_timer(0.1, self.action_repaint))

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
