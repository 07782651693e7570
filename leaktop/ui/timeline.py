"""Where in a recording we are: two lines under the header. A click goes there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.message import Message

from leaktop.ui.painted import Painted
from leaktop.view.cells import sanitise
from leaktop.view.timeline import EDGE, timeline_lines

if TYPE_CHECKING:
    from textual import events

    from leaktop.engine.position import Position


class TimelineBar(Painted):
    """The curve of a gauge over the whole recording, and a ruler with marks, gaps and damage."""

    class Chosen(Message):
        """A moment was clicked: its share of the whole, 0 to 1."""

        def __init__(self, share: float) -> None:
            super().__init__()
            self.share = share

    def __init__(self) -> None:
        super().__init__(id="timeline")
        self._position: Position | None = None

    def show(self, position: Position) -> None:
        """Show where we are."""
        self._position = position
        lines = timeline_lines(position, self.size.width)
        self.paint([tuple((sanitise(text), tone) for text, tone in line) for line in lines])

    def on_resize(self) -> None:
        """Draw it for the new width; while nothing plays, nobody else would."""
        if self._position is not None:
            self.show(self._position)

    def on_click(self, event: events.Click) -> None:
        """Go to the moment that was clicked."""
        room = self.size.width - 2 * EDGE
        if room > 0:
            self.post_message(self.Chosen(min(max((event.x - EDGE) / room, 0.0), 1.0)))
