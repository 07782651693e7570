"""Small screens of time travel and recording: where to go, and what to record to."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, NamedTuple

from rich.text import Text
from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Button, Input, Static

from leaktop.ui.dialogs import Dialog

if TYPE_CHECKING:
    from textual.app import ComposeResult

_PLACES = (
    "14:02 or 14:02:30      that time of day\n"
    "2026-11-21T14:02       that time of that day\n"
    "-5m  +30s              from here\n"
    "start  end             of the recording\n"
    "mark  gap              the next one"
)


class JumpScreen(Dialog[str | None]):
    """Asks for a moment."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "Back")]

    def compose(self) -> ComposeResult:
        """A line, and what may be written on it."""
        with Vertical(id="jump"):
            yield Input(placeholder="14:02, -5m, +30s, end, mark, gap", compact=True, id="jump-to")
            yield Static(_PLACES, markup=False)

    def on_mount(self) -> None:
        """Name it."""
        self.query_one("#jump").border_title = Text("Go to")

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        self.dismiss(event.value.strip() or None)


class Wish(NamedTuple):
    """What the user wants recorded."""

    path: str
    with_past: bool
    goes_on: bool


class RecordScreen(Dialog[Wish | None]):
    """Asks for a file, and whether what is in memory belongs into it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "Back")]

    def __init__(self, path: str, past: str) -> None:
        super().__init__()
        self._path, self._past = path, past

    def compose(self) -> ComposeResult:
        """The file's name, and three buttons."""
        with Vertical(id="record"):
            yield Static("A new file; nothing that is there is written over.", markup=False)
            yield Input(self._path, compact=True, id="record-file", select_on_focus=False)
            with Horizontal(classes="buttons"):
                yield Button("Record from now", id="now", compact=True)
                yield Button(f"With the last {self._past}", id="both", compact=True)
                yield Button(f"Only the last {self._past}", id="past", compact=True)

    def on_mount(self) -> None:
        """Name it."""
        box = self.query_one("#record")
        box.border_title = Text("Record")
        box.border_subtitle = Text("Enter records from now, Tab chooses, Esc back")

    @on(Input.Submitted)
    def _entered(self) -> None:
        self._answer("now")

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Take the answer."""
        self._answer(str(event.button.id))

    def _answer(self, which: str) -> None:
        path = self.query_one("#record-file", Input).value.strip()
        self.dismiss(Wish(path, which in {"both", "past"}, which != "past") if path else None)
