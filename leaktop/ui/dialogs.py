"""Small screens on top of the panes: the kernel actions, and the question before each of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, NamedTuple, TypeVar

from rich.text import Text
from textual.await_complete import AwaitComplete
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen, Screen
from textual.widgets import Button, Static

if TYPE_CHECKING:
    from textual import events
    from textual.app import ComposeResult

Answer = TypeVar("Answer")


class Once(Screen[Answer]):
    """A screen that goes once: a second Enter or Esc, pressed before it is gone, would take the one below it away.

    Named behind another kind of screen where there is one: Textual takes styles from the first.
    """

    _is_answered = False

    def dismiss(self, result: Answer | None = None) -> AwaitComplete:
        """Give the answer, and go."""
        if self._is_answered:
            return AwaitComplete()
        self._is_answered = True
        return super().dismiss(result)


class Dialog(ModalScreen[Answer], Once[Answer]):
    """A small screen that is answered."""


class ConfirmScreen(Dialog[bool]):
    """Asks before anything is written to the kernel: names the file, what is written, and whether it can be undone."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "Yes"),
        Binding("n,escape,q", "answer(False)", "No"),
        Binding("left,right", "app.focus_next", "Other", show=False),
    ]

    def __init__(self, title: str, words: str, yes: str) -> None:
        super().__init__()
        self._title, self._words, self._yes = title, words, yes

    def compose(self) -> ComposeResult:
        """The question, and two buttons of which No has the focus."""
        with Vertical(id="confirm"):
            yield Static(Text(self._words), markup=False)
            with Horizontal(classes="buttons"):
                yield Button(f"{self._yes} (y)", id="yes", compact=True)
                yield Button("Cancel (n)", id="no", compact=True)

    def on_mount(self) -> None:
        """Name it; Enter alone must not write."""
        self.query_one("#confirm").border_title = Text(self._title)
        self.query_one("#no").focus()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Take the answer."""
        self.dismiss(event.button.id == "yes")

    def action_answer(self, is_yes: bool) -> None:
        """Take the answer from a key."""
        self.dismiss(is_yes)


class Offer(NamedTuple):
    """Something that can be done, and the key for it."""

    key: str
    name: str
    words: str
    """Safe to show."""


class ActionScreen(Dialog[str | None]):
    """Behind `K`: what leaktop can write to this kernel; answers with the name of what was chosen."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,n", "dismiss(None)", "Back"),
        Binding("down", "app.focus_next", "Next", show=False),
        Binding("up", "app.focus_previous", "Previous", show=False),
    ]

    def __init__(self, offers: tuple[Offer, ...]) -> None:
        super().__init__()
        self._offers = offers

    def compose(self) -> ComposeResult:
        """The actions, each with its key."""
        with Vertical(id="actions"):
            for key, name, words in self._offers:
                yield Button(Content(f"{key}  {words}"), id=name, compact=True)
            yield Static("Each asks before it writes.", markup=False)

    def on_mount(self) -> None:
        """Name it."""
        self.query_one("#actions").border_title = Text("Kernel actions")

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Choose by button."""
        self.dismiss(str(event.button.id))

    def on_key(self, event: events.Key) -> None:
        """Choose by key."""
        name = next((offer.name for offer in self._offers if offer.key == event.key), None)
        if name is not None:
            event.stop()
            self.dismiss(name)
