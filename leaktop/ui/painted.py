"""Lines of toned text that repaint only where they changed.

Textual repaints a whole widget when anything in it changes, which over SSH costs ten times the bytes that did change.
Here a widget is handed all its lines again, compares them with what is on screen, and asks for the changed part of
each changed line only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.dom import DOMNode
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.css.styles import RenderStyles

Piece = tuple[str, str]
"""Text without control characters, and its tone; a tone may be two names, "growth cursor"."""
Line = tuple[Piece, ...]

TONES = (
    "dim", "strong", "growth", "cache", "shrink", "fault", "heading", "cursor", "accent",
    "bar-anon", "bar-cache", "bar-slab", "bar-kernel", "bar-hidden", "bar-free",
)  # fmt: skip
"""Each has its rule in leaktop.tcss."""
ASCII = str.maketrans("▲▁▂▃▄▅▆▇█…↑↓⏎·›─●◆◇◈░✗↻◷†±", "^._-=+*%#~^v<->-@MBE:xRCK~")
"""What stands for our glyphs under --ascii."""


def padded(text: str, width: int, align: str = "left") -> str:
    """The text in exactly `width` cells: cut with an ellipsis, or filled with spaces."""
    size = len(text) if text.isascii() else cell_len(text)
    if size > width:
        cut = text[: width - 1] if text.isascii() else set_cell_size(text, width - 1)
        return f"{cut}…" if width > 1 else set_cell_size(text, width)
    return " " * (width - size) + text if align == "right" else text + " " * (width - size)


class Painted(Widget):
    """A widget that shows lines of pieces, from the top left, cut at its width."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002  # Textual's own name for it
        super().__init__(id=id, classes=classes)
        self._lines: list[Line] = []
        self._styles: dict[str, Style] = {}

    def paint(self, lines: Sequence[Line]) -> None:
        """Show these lines; only what differs from before is repainted."""
        if self.is_attached and self.app.has_class("ascii"):
            lines = [tuple((text.translate(ASCII), tone) for text, tone in line) for line in lines]
        width = self.size.width
        before, self._lines = self._lines, list(lines)
        regions = []
        for y in range(max(len(before), len(self._lines))):
            old = before[y] if y < len(before) else ()
            new = self._lines[y] if y < len(self._lines) else ()
            if old != new:
                start, end = _changed(old, new, width)
                if start < end:
                    regions.append(Region(start, y, end - start, 1))
        if regions:
            self.refresh(*regions)

    def notify_style_update(self) -> None:
        """Forget the styles of the theme before."""
        self._styles.clear()
        self._component_styles.clear()
        super().notify_style_update()

    def get_component_styles(self, *names: str) -> RenderStyles:
        """The styles of tones, each worked out when it is first painted with.

        As COMPONENT_CLASSES they would be fifteen for every widget, worked out twice before anything is shown, which
        is a seventh of the start.

        Raises:
            KeyError: there is no such tone.
        """
        for name in names:
            if name not in self._component_styles and name.removeprefix("painted--") in TONES:
                node = DOMNode(classes=name)
                node._attach(self)
                self.app.stylesheet.apply(node, animate=False)
                self._component_styles[name] = node.styles
        return super().get_component_styles(*names)

    def render_line(self, y: int) -> Strip:
        """One line of the screen."""
        width = self.size.width
        if y >= len(self._lines):
            return Strip.blank(width, self._style(""))
        segments: list[Segment] = []
        text, tone = "", ""
        for piece, piece_tone in self._lines[y]:
            # Neighbours in one style are one segment: each change of style costs bytes.
            if piece_tone == tone or (not piece.strip() and _has_no_ground(piece_tone) and _has_no_ground(tone)):
                text += piece
            else:
                if text:
                    segments.append(Segment(text, self._style(tone)))
                text, tone = piece, piece_tone
        segments.append(Segment(text, self._style(tone)))
        fill = self._style("cursor") if _is_filled(self._lines[y]) else self._style("")
        return Strip(segments).adjust_cell_length(width, fill).simplify()

    def _style(self, tone: str) -> Style:
        style = self._styles.get(tone)
        if style is None:
            style = self.rich_style
            for name in tone.split():
                own = self.get_component_rich_style(f"painted--{name}")
                # The cursor is a ground below whatever colour the text has.
                style += Style(bgcolor=own.bgcolor, reverse=own.reverse) if name == "cursor" else own
            self._styles[tone] = style
        return style


def _has_no_ground(tone: str) -> bool:
    """Whether a tone colours letters only, so that blanks look alike in all such tones."""
    return not tone.startswith("bar") and "cursor" not in tone


def _changed(old: Line, new: Line, width: int) -> tuple[int, int]:
    """The first and the one-past-last cell in which two lines differ."""
    start = 0
    first = 0
    for a, b in zip(old, new, strict=False):
        if a != b:
            break
        start += cell_len(a[0])
        first += 1
    if _is_filled(old) != _is_filled(new):
        return start, width
    before, end = (sum(cell_len(text) for text, _ in line) for line in (old, new))
    if before != end:
        return start, min(max(before, end), width)
    for a, b in zip(reversed(old[first:]), reversed(new[first:]), strict=False):
        if a != b:
            break
        end -= cell_len(a[0])
    return start, min(end, width)


def _is_filled(line: Line) -> bool:
    """Whether the cursor goes on behind the text, to the right edge."""
    return bool(line) and "cursor" in line[-1][1]
