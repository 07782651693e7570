"""Behind `K`: everything that can be written to the kernel, offered in one dialog."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leaktop.ui.dialogs import ActionScreen
from leaktop.ui.experiment import ReclaimActions
from leaktop.ui.kmemleak import OFFERS, KmemleakActions
from leaktop.view.experiment import cache_of

if TYPE_CHECKING:
    from leaktop.model.frame import Key
    from leaktop.sources.base import Source
    from leaktop.ui.app import LeaktopApp
    from leaktop.ui.travel import Travel


class KernelActions:
    """What `K` and the buttons of the kmemleak pane do.

    Args:
        app: the app on whose screen is asked.
        source: what is read before and after; None where there is no kernel to ask.
        travel: nothing is written while it shows the past.
        directory: where reports are saved.
        is_read_only: nothing is written at all.
    """

    def __init__(
        self, app: LeaktopApp, source: Source | None, travel: Travel, directory: str, *, is_read_only: bool
    ) -> None:
        self._app = app
        self._travel = travel
        self._is_read_only = is_read_only
        self._kmemleak = KmemleakActions(app, source, directory)
        self._reclaim = ReclaimActions(app, source)

    def show_status(self) -> None:
        """What is under way, in the titles of the panes that it is about."""
        self._app.dashboard["kmemleak"].status = self._kmemleak.status
        self._app.dashboard["slab"].status = self._reclaim.status

    def _refusal(self) -> str | None:
        """Why nothing can be written to the kernel now."""
        if self._app.live is None:
            return "This is a replay: there is no kernel to write to."
        if self._travel.is_on:
            return "This is the past: L goes back to live first."
        return "Read-only: nothing is written to the kernel." if self._is_read_only else None

    def choose(self) -> None:
        """Offer everything that can be written, to the cache under the cursor where there is one."""
        refusal = self._refusal()
        if refusal:
            self._app.say(refusal)
            return
        cache = cache_of(self._app.dashboard.active.table.current)
        screen = ActionScreen((*OFFERS, *self._reclaim.offers(cache)))
        self._app.push_screen(screen, lambda name: self.ask(name, cache) if name else None)

    def ask(self, name: str, cache: Key | None = None) -> None:
        """Confirm one of these, then act."""
        refusal = self._refusal()
        if refusal:
            self._app.say(refusal)
        elif any(offer.name == name for offer in OFFERS):
            self._kmemleak.ask(name)
        else:
            self._reclaim.ask(name, cache)
