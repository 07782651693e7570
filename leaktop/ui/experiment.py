"""Leak or cache? The kernel is asked to let go of memory, after a question, and what came back is said and recorded."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from leaktop.aside import NO_THREAD, aside
from leaktop.control import reclaim
from leaktop.engine.experiment import held_now
from leaktop.ui.dialogs import ConfirmScreen, Offer
from leaktop.units import human_duration
from leaktop.view.cells import sanitise
from leaktop.view.experiment import answer, judged_bytes, subject

if TYPE_CHECKING:
    from leaktop.model.frame import Key
    from leaktop.sources.base import Source
    from leaktop.ui.app import LeaktopApp
    from leaktop.view.experiment import Experiment

SETTLING = 2.0
"""Seconds until it is measured again: objects are freed once every processor has passed through an RCU grace period."""
_OFFERS: dict[str, tuple[Experiment, str, str]] = {
    "drop_slab": ("slab", "d", "leak or cache? drop slab caches"),
    "drop_all": ("all", "p", "leak or cache? drop page cache and slab caches"),
    "shrink": ("shrink", "e", "free the empty slabs of"),
}
_SHRINK = (
    "The kernel frees the slabs of this cache that hold no object. Nothing is lost, and there is nothing to undo. "
    "Objects stay, also those that are a cache: to know of these, drop slab caches."
)
_DROP = (
    "Whatever is unsaved is written to disk first. Then the kernel lets go of {what} that nobody uses, on the whole "
    "machine. No content is lost, but it must be read from disk again: all is slower for a while. There is no undo."
)
_LOST: dict[Experiment, str] = {"slab": "dentries and inodes", "all": "pages of files, dentries and inodes"}


class ReclaimActions:
    """What `K` offers beside kmemleak's commands.

    Args:
        app: the app on whose screen the question is asked.
        source: what is measured; None where there is no kernel to ask.
    """

    def __init__(self, app: LeaktopApp, source: Source | None) -> None:
        self._app = app
        self._source = source
        self._began: float | None = None

    @property
    def status(self) -> str:
        """What is under way, for the slab pane's title."""
        return "" if self._began is None else f"reclaiming {human_duration(time.monotonic() - self._began)}"

    def offers(self, cache: Key | None) -> tuple[Offer, ...]:
        """What can be done with a cache, or with all of them where none is selected."""
        offers = []
        for name, (experiment, key, words) in _OFFERS.items():
            if experiment != "shrink":
                offers.append(Offer(key, name, words))
            elif cache is not None:
                offers.append(Offer(key, name, f"{words} {_short(cache)}"))
        return tuple(offers)

    def ask(self, name: str, cache: Key | None) -> None:
        """Confirm, then act."""
        experiment = _OFFERS[name][0]
        if self._began is not None:
            self._app.say("An experiment is under way; a second one would spoil its answer.")
            return
        writes, cost = self._writes(experiment, cache)
        judged = sanitise(subject(experiment, cache))
        words = f"This writes {writes}.\n\n{cost}\n\n{judged} is measured before, and {SETTLING:.0f} s after."
        title = f"Shrink {_short(cache)}" if experiment == "shrink" and cache else "Leak or cache?"
        yes = "Shrink" if experiment == "shrink" else "Drop"
        self._app.push_screen(
            ConfirmScreen(title, words, yes), lambda is_yes: self._start(experiment, cache) if is_yes else None
        )

    def _writes(self, experiment: Experiment, cache: Key | None) -> tuple[str, str]:
        """What is written where, and what it costs."""
        name = str(cache[0]) if cache else ""
        file = sanitise(f"{reclaim.SLAB}/{name}/shrink")
        if experiment == "shrink":
            return f"1 to {file}", _SHRINK
        drop = f"{reclaim.BITS[experiment]} to {reclaim.DROP_CACHES}"
        also = f", then 1 to {file}" if reclaim.can_shrink(name) else ""
        return f"{drop}{also}", _DROP.format(what=_LOST[experiment])

    def _start(self, experiment: Experiment, cache: Key | None) -> None:
        self._began = time.monotonic()

        def run() -> None:
            try:
                words = self._words(experiment, cache)
            except reclaim.ReclaimError as error:
                words = str(error)
            finally:
                self._began = None
            self._app.say_from_thread(words)

        if aside(run, "reclaim-write") is None:
            self._began = None
            self._app.say(f"Nothing was done: {NO_THREAD}.")

    def _words(self, experiment: Experiment, cache: Key | None) -> str:
        """Measure, act, measure again; the answer, which is recorded as well.

        Raises:
            ReclaimError: the kernel refused.
        """
        if self._source is None or self._app.live is None:
            return "There is no kernel to ask."
        before = held_now(self._source)
        if judged_bytes(before, experiment, cache) is None:
            return f"{subject(experiment, cache)} cannot be measured, so nothing was written."
        _act(experiment, "" if cache is None else str(cache[0]))
        time.sleep(SETTLING)
        words = answer(experiment, cache, before, held_now(self._source))
        self._app.live.tell("experiment", words)
        return words


def _act(experiment: Experiment, name: str) -> None:
    if experiment == "shrink":
        reclaim.shrink_cache(name)
        return
    reclaim.drop_caches(experiment)
    if reclaim.can_shrink(name):
        # Slabs whose last object was just dropped are kept by the allocator, and would pass for pinned.
        reclaim.shrink_cache(name)


def _short(cache: Key) -> str:
    name = sanitise(str(cache[0]))
    return name if len(name) <= 32 else f"{name[:29]}..."
