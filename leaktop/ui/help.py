"""Help: what every key does and what every figure on the screen means, on top of the panes."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.table import Table
from rich.text import Text
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Static

from leaktop.ui.dialogs import Dialog
from leaktop.ui.painted import ASCII

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from textual.app import ComposeResult

    from leaktop.view.help import Part

_NAMES = 16
"""Cells of the names at least, so that the parts stand below one another."""


class HelpScreen(Dialog[None]):
    """All of the help, as one text that scrolls.

    Args:
        parts: what it says.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark,h,f1", "dismiss", "Back"),
        Binding("tab", "part(1)", "Next part"),
        Binding("shift+tab", "part(-1)", "Part before"),
    ]

    def __init__(self, parts: Sequence[Part]) -> None:
        super().__init__()
        self._parts = parts

    def compose(self) -> ComposeResult:
        """One scrolling text, in parts."""
        glyphs = ASCII if self.app.has_class("ascii") else {}
        with VerticalScroll(id="help"):
            for part in self._parts:
                yield Static(_table(part, glyphs), markup=False, classes="part")

    def on_mount(self) -> None:
        """Name it."""
        box = self.query_one("#help")
        box.border_title = Text("leaktop: keys and figures")
        box.border_subtitle = Text("Tab next part  Esc back")

    def action_part(self, step: int) -> None:
        """Scroll to the part that begins next, or to the one before."""
        box = self.query_one("#help")
        tops = [part.virtual_region.y for part in box.query(".part")]
        ahead = [top for top in tops if top > box.scroll_offset.y] if step > 0 else []
        behind = [top for top in tops if top < box.scroll_offset.y]
        box.scroll_to(y=min(ahead, default=0) if step > 0 else max(behind, default=0), animate=False)


def _table(part: Part, glyphs: Mapping[int, int]) -> Table:
    table = Table.grid(padding=(0, 2), expand=True)
    table.title = Text(part.title, "bold underline")
    table.title_justify = "left"
    table.add_column(no_wrap=True, min_width=_NAMES)
    table.add_column(ratio=1)
    for name, words in part.rows:
        table.add_row(Text(name.translate(glyphs), "bold"), Text(words.translate(glyphs)))
    table.add_row("", "")
    return table
