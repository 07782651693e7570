"""Behind `K`: everything that can be asked of the kernel, offered in one dialog."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leaktop.ui.allocations import NAME as ALLOCATORS
from leaktop.ui.allocations import AllocationActions
from leaktop.ui.dialogs import ActionScreen
from leaktop.ui.experiment import ReclaimActions
from leaktop.ui.kmemleak import KmemleakActions
from leaktop.ui.kmemleak_questions import QUESTIONS
from leaktop.view.experiment import cache_of

if TYPE_CHECKING:
    from leaktop.model.frame import Frame, Row
    from leaktop.sources.base import Source
    from leaktop.ui.app import LeaktopApp
    from leaktop.ui.travel import Travel
    from leaktop.view.pane import Listing

_READ_ONLY = "Read-only: nothing is written to the kernel."


class KernelActions:
    """What `K` and the buttons of the kmemleak pane do.

    Args:
        app: the app on whose screen is asked.
        source: what is read before and after; None where there is no kernel to ask.
        travel: nothing is written while it shows the past.
        directory: where reports are saved.
        is_read_only: only what writes nothing is offered.
    """

    def __init__(
        self, app: LeaktopApp, source: Source | None, travel: Travel, directory: str, *, is_read_only: bool
    ) -> None:
        self._app = app
        self._travel = travel
        self._is_read_only = is_read_only
        self._kmemleak = KmemleakActions(app, source, directory)
        self._reclaim = ReclaimActions(app, source)
        self._allocations = AllocationActions(app, is_read_only=is_read_only)

    def show_status(self) -> None:
        """What is under way, in the titles of the panes that it is about."""
        self._app.dashboard["kmemleak"].status = self._kmemleak.status
        self._app.dashboard["slab"].status = self._reclaim.status or self._allocations.status

    def learned(self, row: Row, frame: Frame) -> Listing | None:
        """Who allocates what a row is about, where that was asked."""
        return self._allocations.answer(row, frame)

    def end(self) -> None:
        """Leave the kernel as it was found."""
        self._allocations.end()

    def _refusal(self) -> str | None:
        """Why the kernel cannot be asked for anything now."""
        if self._app.live is None:
            return "This is a replay: there is no kernel to write to."
        return "This is the past: L goes back to live first." if self._travel.is_on else None

    def choose(self) -> None:
        """Offer everything that can be asked of the kernel, about the row under the cursor where it is about one."""
        row, frame = self._app.dashboard.active.table.current, self._app.shown
        offers = self._allocations.offers(row, frame)
        if not self._is_read_only:
            offers += (*self._kmemleak.offers(), *self._reclaim.offers(cache_of(row)))
        refusal = self._refusal() or (None if offers else _READ_ONLY)
        if refusal:
            self._app.say(refusal)
            return
        self._app.push_screen(ActionScreen(offers), lambda name: self.ask(name, row) if name else None)

    def ask(self, name: str, row: Row | None = None) -> None:
        """Confirm one of these, then act."""
        refusal = self._refusal()
        if refusal:
            self._app.say(refusal)
        elif name == ALLOCATORS:
            self._allocations.ask(row, self._app.shown)
        elif self._is_read_only:
            self._app.say(_READ_ONLY)
        elif name in QUESTIONS:
            self._kmemleak.ask(name)
        else:
            self._reclaim.ask(name, cache_of(row))
