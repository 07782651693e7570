"""Small screens on top of the panes: help, the kernel actions, and the question before each of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, NamedTuple, TypeVar

from rich.table import Table
from rich.text import Text
from textual.await_complete import AwaitComplete
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen, Screen
from textual.widgets import Button, Static

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual import events
    from textual.app import ComposeResult

    from leaktop.view.pane import PaneView

Answer = TypeVar("Answer")

KEYS: tuple[tuple[str, str], ...] = (
    ("1 .. 8, Tab", "go to a pane; on a wide terminal all are in view"),
    ("z", "zoom the pane: alone on the screen, with a chart of the row under the cursor"),
    ("Enter", "drill down into the row;  Esc back"),
    ("j k, arrows, g G", "move;  PgUp PgDn ctrl+u ctrl+d by pages"),
    ("/", "filter: regular expression, lower case matches both, ! in front inverts;  Esc clears it"),
    ("< >", "sort by the column before or after;  I reverses;  D sorts by growth;  a click on a heading sorts too"),
    ("m", "mark the baseline: growth counts from here"),
    ("F", "follow the row: scroll with it wherever sorting moves it"),
    ("Space", "pause: the panes stand still, reading goes on;  in the past and in a replay: play, pause"),
    ("R", "read everything now;  + and - change the interval, or the speed of a replay: x1, x10, x100"),
    ("y", "copy the row to the clipboard (OSC 52)"),
    ("r", "record to a file, from now on or with the last hour; again: stop"),
    ("[ ] { }", "a tick back or on, or ten: into the last hour that is in memory;  in a replay through the recording"),
    ("J", "go to a time: 14:02, -5m, +30s, an ISO time, start, end, mark, gap;  0 and $ are the ends"),
    ("( )", "to the mark, gap or other event before, or the next;  W to where the row's growth began"),
    ("L", "back to live;  in a replay to the end, and on with what comes"),
    ("K", "ask the kernel: who allocates this?  leak or cache? drop it and see;  kmemleak;  asks before it writes"),
    ("ctrl+p", "command palette: themes and everything else"),
    ("q", "quit"),
)


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


class HelpScreen(Dialog[None]):
    """Every key, and every column of the pane that has the focus."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,question_mark,h,f1", "dismiss", "Back")]

    def __init__(self, pane: PaneView, offered: Sequence[PaneView]) -> None:
        super().__init__()
        self._pane = pane
        self._offered = offered

    def compose(self) -> ComposeResult:
        """One scrolling text."""
        with VerticalScroll(id="help"):
            yield Static(self._text(), markup=False)

    def on_mount(self) -> None:
        """Name it."""
        box = self.query_one("#help")
        box.border_title = Text("leaktop: keys and columns")
        box.border_subtitle = Text("Esc back")

    def _text(self) -> Table:
        table = Table.grid(padding=(0, 2))
        table.add_column(no_wrap=True)
        table.add_column()
        alone = [(pane.letter, f"go to {pane.title}, which fills the screen") for pane in self._offered if pane.letter]
        for key, meaning in (KEYS[0], *alone, *KEYS[1:]):
            table.add_row(Text(key, "bold"), Text(meaning))
        pane = self._pane
        table.add_row("", "")
        table.add_row(Text(pane.title, "bold underline"), Text("the pane you came from"))
        for switch in pane.switches:
            table.add_row(Text(switch.key, "bold"), Text(f"{switch.label}, on or off"))
        if pane.letters:
            letters = "  ".join(f"{key} {name}" for key, name in pane.letters.items())
            table.add_row(Text("sort by", "bold"), Text(letters))
        for column in pane.columns:
            table.add_row(Text(column.title), Text(column.hint))
        table.add_row("", "")
        table.add_row(
            Text("^" if self.app.has_class("ascii") else "▲", "bold"),
            Text("grows since the baseline;  ~ grows, but can be reclaimed"),
        )
        table.add_row(Text("-", "bold"), Text("not known: unknown is never shown as zero"))
        return table


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
