"""Two small screens: an answer that has to be typed, and a text to read."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.widgets import Input, Static

from leaktop.ui.dialogs import Dialog
from leaktop.view.cells import sanitise

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.app import ComposeResult


class TypedScreen(Dialog[str | None]):
    """Asks for a word, and goes only with one that is accepted, or with Esc.

    Args:
        title: what is asked.
        words: what it does, and what may be typed.
        accepts: what is wrong with a word; None where nothing is.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "Back")]

    def __init__(self, title: str, words: str, accepts: Callable[[str], str | None]) -> None:
        super().__init__()
        self._title, self._words, self._accepts = title, words, accepts
        self._fault = Static("", markup=False, id="typed-fault")

    def compose(self) -> ComposeResult:
        """The words, and a line to type on."""
        with Vertical(id="typed"):
            yield Static(Text(self._words), markup=False)
            yield Input(compact=True, id="typed-word")
            yield self._fault

    def on_mount(self) -> None:
        """Name it."""
        box = self.query_one("#typed")
        box.border_title = Text(self._title)
        box.border_subtitle = Text("Enter does it, Esc back")

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        word = event.value.strip()
        fault = self._accepts(word)
        if fault is None:
            self.dismiss(word)
        else:
            self._fault.update(Text(sanitise(fault)))


class TextScreen(Dialog[None]):
    """Lines to read, such as what the kernel logged.

    Args:
        title: what they are.
        lines: as they come; they are made safe to show here.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,enter", "dismiss", "Back")]

    def __init__(self, title: str, lines: tuple[str, ...]) -> None:
        super().__init__()
        self._title, self._lines = title, lines

    def compose(self) -> ComposeResult:
        """One scrolling text."""
        with VerticalScroll(id="typed"):
            yield Static(Text("\n".join(map(sanitise, self._lines))), markup=False)

    def on_mount(self) -> None:
        """Name it."""
        box = self.query_one("#typed")
        box.border_title = Text(self._title)
        box.border_subtitle = Text("Esc back")
