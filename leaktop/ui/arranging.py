"""Rows in order for the panes: at once where there are few; else in a thread of its own, the newest wish only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leaktop.engine.worker import Worker
from leaktop.view.arranging import Arranger

if TYPE_CHECKING:
    from collections.abc import Callable

    from leaktop.model.frame import Frame
    from leaktop.view.arranging import Arrangement
    from leaktop.view.pane import Choice, PaneView

_FEW = 2_000
"""Rows that take a few milliseconds to arrange; more would let a key wait."""
_FOR_EVER = 3600.0


class ArrangingThread:
    """One for all panes, their charts and drill-downs. Started by the first that is large: most machines have none."""

    def __init__(self) -> None:
        self._worker: Worker | None = None

    def ask(self, command: Callable[[], None]) -> bool:
        """Have something done; False where no thread can be had, and it has to be done here."""
        if self._worker is None:
            worker = Worker("leaktop-arranging", lambda: None, lambda: _FOR_EVER, lambda _: None)
            try:
                worker.start()
            except RuntimeError:  # no room for another thread now
                return False
            self._worker = worker
        self._worker.ask(command)
        return True

    def stop(self) -> None:
        """End it, if there is one."""
        if self._worker is not None:
            self._worker.stop()


class Arranging:
    """Arranges for one pane. Its methods belong to the screen's thread.

    Args:
        pane: whose rows.
        thread: for those of large panes.
        arrived: called in that thread with what came of a wish, or why nothing did: the other panes go on.

    Attributes:
        is_busy: a wish is under way in that thread, or what came of it has not been taken by `next_wish`.
    """

    def __init__(
        self, pane: PaneView, thread: ArrangingThread, arrived: Callable[[Arrangement | Exception], None]
    ) -> None:
        self._pane = pane
        self._thread = thread
        self._arrived = arrived
        self._arranger = Arranger(pane)
        self._words: tuple[Frame, str] | None = None
        """Those for the border, of the Frame that the thread had last."""
        self.is_busy = False
        self._wish: tuple[Frame, Choice] | None = None

    def wish(self, frame: Frame, choice: Choice, *, finds: bool = False) -> Arrangement | None:
        """The rows now; or None, and they arrive later.

        Args:
            frame: whose rows.
            choice: their order and filter.
            finds: a row will be looked for; among very many that takes knowing where each stands.

        Raises:
            Exception: whatever a pane stumbles over.
        """
        if self.is_busy:
            self._wish = frame, choice
            return None
        if is_large(self._pane, frame) and self._thread.ask(lambda: self._work(frame, choice, finds=finds)):
            self.is_busy = True
            return None
        return self._arranger.attempt(frame, choice)

    def forget_words(self) -> None:
        """Hold the Frame no longer that they are of."""
        if not self.is_busy:
            self._words = None

    def next_wish(self) -> tuple[Frame, Choice] | None:
        """After an arrival: what was wished for meanwhile."""
        self.is_busy = False
        wish, self._wish = self._wish, None
        return wish

    def _work(self, frame: Frame, choice: Choice, *, finds: bool) -> None:
        try:
            found = self._arranger.attempt(frame, choice)
            if self._words is None or self._words[0] is not frame:
                self._words = frame, self._pane.headline(frame)
            place_of = self._arranger.finder() if finds and not found.wrong else None
            self._arrived(found._replace(headline=self._words[1], place_of=place_of))
        except Exception as error:
            self._arrived(error)


def is_large(pane: PaneView, frame: Frame) -> bool:
    """Whether a pane is made of so many rows, or of those of all sections, that a key would have to wait for it."""
    section = frame.sections.get(pane.section)
    rows = len(section.rows) if section else sum(len(other.rows) for other in frame.sections.values())
    return rows > _FEW
