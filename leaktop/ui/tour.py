"""The tour: what this screen answers and where to begin, on top of the panes until the first key."""

from __future__ import annotations

import time
from textwrap import wrap
from typing import TYPE_CHECKING

from rich.text import Text
from textual.message import Message
from textual.widgets import Static

from leaktop.ui.painted import ASCII
from leaktop.view.help import key_names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from textual import events

_ONLY_CLOSES = {"enter", "escape", "space"}
"""Keys that people press to make a notice go away. Any other does what it does without the tour, too."""
_READING = 1.0
"""Seconds in view from which on it counts as seen: keys that were typed ahead take it away sooner."""
_BESIDE, _ABOVE = 4, 2
"""Cells of border and padding beside the text, lines above and below it."""
_WIDEST = 76


def tour_text(width: int, height: int, keys: Mapping[str, str], *, is_ascii: bool = False) -> Text:
    """What it says, in as much room as there is: what matters least goes first.

    Args:
        width: cells of a line.
        height: lines.
        keys: names to the keys that the user wants instead of the usual ones.
        is_ascii: no glyph beyond ASCII.
    """
    suspects, triage, help_, leave, kernel = key_names(("pane_8", "pane_9", "help", "quit", "kernel"), keys)
    listed = (
        (suspects, "Suspects: begin here; leaks come first"),
        ("Enter", "why: evidence, chart, what to run;  Esc back"),
        (triage, "Triage: the list that experts walk, answered"),
        (help_, "what every key and figure means"),
        (leave, f"quit.  {kernel} alone writes to the kernel; it asks"),
    )
    signs = (
        ("▲", "grows"),
        ("~", "grows, but can be reclaimed: use, not loss"),
        ("-", "not known, which is never shown as 0"),
        ("+5.0M/m", "five mebibytes more a minute"),
    )
    parts: list[tuple[int, list[Text]]] = [
        (2, _sentence("Memory goes missing and no process owns it: who takes it, how fast?", width)),
        (3, _sentence("The second line is the verdict; for twenty seconds, only what grew.", width)),
        (0, _pairs(listed, width)),
        (1, _pairs(signs, width)),
        (5, _sentence("Colours only repeat a sign or a word. Others: ctrl+p, or --theme.", width)),
        (4, _sentence("It comes but once; --tour shows it again.", width)),
    ]
    while len(parts) > 1 and sum(len(lines) for _, lines in parts) > height:
        parts.remove(max(parts, key=lambda part: part[0]))
    is_roomy = sum(len(lines) for _, lines in parts) + len(parts) + 1 <= height
    text = Text("\n\n" if is_roomy else "\n").join(Text("\n").join(lines) for _, lines in parts)
    if is_roomy:
        text = Text.assemble("\n", text, "\n")
    if is_ascii:
        text.plain = text.plain.translate(ASCII)
    return text


def _sentence(words: str, width: int) -> list[Text]:
    return [Text(line) for line in wrap(words, max(width, 1))]


def _pairs(pairs: tuple[tuple[str, str], ...], width: int) -> list[Text]:
    left = max(len(name) for name, _ in pairs) + 2
    lines: list[Text] = []
    for name, words in pairs:
        for at, line in enumerate(wrap(words, max(width - left, 8))):
            lines.append(Text.assemble(("" if at else name).ljust(left), line) if at else
                         Text.assemble((name.ljust(left), "bold"), line))  # fmt: skip
    return lines


class Tour(Static):
    """Lies over the panes and lets every key through, so that none is lost and none changes places."""

    class Clicked(Message):
        """It was clicked, which takes it away as well."""

    def __init__(self) -> None:
        super().__init__(id="tour", markup=False)
        self._since: float | None = None

    def open(self) -> None:
        """Show it."""
        self._since = time.monotonic()
        self.border_title = Text("leaktop: a first look")
        self.border_subtitle = Text("any key goes on")
        self.fit()
        self.add_class("open")

    def fit(self) -> None:
        """Say as much as there is room for."""
        size = self.app.size
        width = min(size.width, _WIDEST) - _BESIDE
        keys = self.app._keymap
        self.update(tour_text(width, size.height - _ABOVE, keys, is_ascii=self.app.has_class("ascii")))

    @property
    def is_open(self) -> bool:
        """Whether it is in view."""
        return self._since is not None

    def close(self) -> bool:
        """Take it away; whether it was there for long enough to be read."""
        seen = self._since is not None and time.monotonic() - self._since >= _READING
        self._since = None
        self.remove_class("open")
        return seen

    def takes(self, event: events.Key) -> bool:
        """Whether a key is for the tour alone."""
        return self.is_open and event.key in _ONLY_CLOSES

    def on_click(self, event: events.Click) -> None:
        """Tell the app."""
        event.stop()
        self.post_message(self.Clicked())
