"""What leaktop itself takes of the machine: in the header, and in a screen of its own."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, ClassVar

from rich.table import Table
from rich.text import Text
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Static

from leaktop.ui.dialogs import Dialog
from leaktop.units import human_bytes
from leaktop.view.own_cost import HEADINGS, MEANINGS, Own, own_rows, own_words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from textual.app import ComposeResult

    from leaktop.control.protect import Protection
    from leaktop.engine.poller import Poller
    from leaktop.model.frame import Frame

_EVERY = 5.0
"""Seconds between two measures."""
_LOOK = 0.5


class OwnCost:
    """CPU of the last seconds, all threads together, and resident memory.

    Args:
        protection: what keeps this process alive; None where nothing was asked for.
    """

    def __init__(self, protection: Protection | None = None) -> None:
        self._protection = protection
        self._began, self._spent = time.monotonic(), time.process_time()
        self._text = ""

    @property
    def protection(self) -> tuple[str, ...]:
        """What keeps this process alive, for people."""
        return self._protection.parts if self._protection else ()

    def text(self, mono: float) -> str:
        """ "self 0.9% 46M", and whether it is protected; measured anew every five seconds."""
        passed = mono - self._began
        if passed >= _EVERY:
            spent = time.process_time()
            share = (spent - self._spent) / passed
            self._began, self._spent = mono, spent
            self._text = f"self {share:.1%} {human_bytes(_resident_bytes())}"
        if not self.protection or self._protection is None:
            return self._text
        words = "protected" if self._protection.is_whole else "part protected"
        return f"{self._text} {words}" if self._text else words

    def troubles(self) -> Iterable[str]:
        """What could not be had of the protection, or is given back: each once."""
        return self._protection.take_troubles() if self._protection else ()


def _resident_bytes() -> int | None:
    try:
        from leaktop.sources.own_memory import resident_bytes  # noqa: PLC0415  # psutil is 10 ms of a start
    except (ImportError, OSError):  # the disk that it lies on is gone, or no descriptor is left
        return None
    return resident_bytes()


class CostScreen(Dialog[None]):
    """The cost, the pace and the planned pace of every probe, as it changes.

    Args:
        cost: what is measured of the whole.
        poller: what reads; None in a replay.
        frame: gives the newest Frame.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,C", "dismiss", "Back")]

    def __init__(self, cost: OwnCost, poller: Poller | None, frame: Callable[[], Frame | None]) -> None:
        super().__init__()
        self._cost, self._poller, self._frame = cost, poller, frame
        self._shown: Frame | None = None

    def compose(self) -> ComposeResult:
        """Sentences, a table, and what its columns mean."""
        with VerticalScroll(id="help"):
            yield Static(id="own_cost", markup=False)

    def on_mount(self) -> None:
        """Name it, and show it anew as it changes."""
        box = self.query_one("#help")
        box.border_title = Text("What leaktop itself costs")
        box.border_subtitle = Text("Esc back")
        self._show(self._frame())
        self.set_interval(_LOOK, self._look)

    def _look(self) -> None:
        """Show what is new: drawing it again and again would be most of what it shows."""
        frame = self._frame()
        if frame is not self._shown:
            self._show(frame)

    def _show(self, frame: Frame | None) -> None:
        self._shown = frame
        grid = Table.grid(expand=True)
        grid.add_column()
        for words in own_words(self._own()):
            grid.add_row(Text(words))
        table = Table.grid(padding=(0, 1, 0, 0))
        for heading in HEADINGS:
            table.add_column(justify="left" if heading in {HEADINGS[0], HEADINGS[-1]} else "right", no_wrap=True)
        table.add_row(*(Text(heading, "bold") for heading in HEADINGS))
        for row in own_rows(frame.probes.values()) if frame else ():
            table.add_row(*map(Text, row))
        for part in ("", table, "", Text(MEANINGS, "dim")):
            grid.add_row(part)
        self.query_one("#own_cost", Static).update(grid)

    def _own(self) -> Own | None:
        poller = self._poller
        if poller is None:
            return None
        budget = poller.budget
        measured = self._cost.text(time.monotonic())
        return Own(budget.share, poller.interval, poller.beat, budget.beat_cost, measured, self._cost.protection)
