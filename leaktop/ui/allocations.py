"""Who allocates this? Asked on a row, confirmed where the kernel is written to, answered while the panes go on."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from leaktop.aside import NO_THREAD, aside
from leaktop.engine.subjects import of_row
from leaktop.ui.dialogs import ConfirmScreen, Offer
from leaktop.units import human_duration
from leaktop.view.allocations import listing, short_title, summary

if TYPE_CHECKING:
    import threading

    from leaktop.engine.allocations import Facility, Watch
    from leaktop.model.allocations import Subject
    from leaktop.model.frame import Frame, Row
    from leaktop.ui.app import LeaktopApp
    from leaktop.view.pane import Listing

_SECONDS = 10.0
"""For how long allocations are watched."""
_ENDING = 2.0
"""Seconds that quitting waits for the kernel to be left as it was found."""
NAME = "allocators"


class AllocationActions:
    """What `K` offers on a cache, a caller of vmalloc, or the residual.

    Args:
        app: the app on whose screen the question is asked.
        is_read_only: only facilities that write nothing are asked.
    """

    def __init__(self, app: LeaktopApp, *, is_read_only: bool) -> None:
        self._app = app
        self._is_read_only = is_read_only
        self._watch: Watch | None = None
        self._thread: threading.Thread | None = None
        self._began = 0.0
        self._answers: dict[Subject, Listing] = {}

    @property
    def status(self) -> str:
        """What is under way, for the title of the pane it was asked in."""
        if self._watch is None:
            return ""
        return (
            f"asking who allocates {short_title(self._watch.subject)} {human_duration(time.monotonic() - self._began)}"
        )

    def offers(self, row: Row | None, frame: Frame | None) -> tuple[Offer, ...]:
        """The question, where the row has one; while one is under way, its end."""
        if self._watch is not None:
            return (Offer("a", NAME, f"stop asking who allocates {short_title(self._watch.subject)}"),)
        subject = of_row(row, frame)
        return () if subject is None else (Offer("a", NAME, f"who allocates {short_title(subject)}?"),)

    def answer(self, row: Row | None, frame: Frame | None) -> Listing | None:
        """What was learned of a row."""
        subject = of_row(row, frame)
        return None if subject is None else self._answers.get(subject)

    def ask(self, row: Row | None, frame: Frame | None) -> None:
        """Confirm where something is written, then ask; or end what is under way with what was seen."""
        if self._watch is not None:
            self._watch.stop.set()
            return
        # Imported when it is asked: the first frame need not wait for four facilities of the kernel.
        from leaktop.engine.allocations import AskError, choose  # noqa: PLC0415  # takes 20 ms, and only who asks needs it

        subject = of_row(row, frame)
        if subject is None:
            self._app.say("Nobody can be asked about this row: try a slab cache, a vmalloc caller, or the residual.")
            return
        try:
            facility = choose(subject, may_write=not self._is_read_only)
        except AskError as error:
            self._app.say(f"Who allocates {short_title(subject)} cannot be told here. {error}")
            return
        if not facility.writes:
            self._start(facility, subject)
            return
        cost = f"{facility.name} {facility.cost}."
        words = f"{cost}\n\nIt takes {_SECONDS:.0f} s; K a ends it earlier. Nothing of it stays in the kernel."
        self._app.push_screen(
            ConfirmScreen(f"Who allocates {short_title(subject)}?", words, "Trace"),
            lambda is_yes: self._start(facility, subject) if is_yes else None,
        )

    def end(self) -> None:
        """Leave the kernel as it was found."""
        if self._watch is not None and self._thread is not None:
            self._watch.stop.set()
            self._thread.join(_ENDING)

    def _start(self, facility: Facility, subject: Subject) -> None:
        from leaktop.engine.allocations import AskError, Watch  # noqa: PLC0415  # likewise

        watch = self._watch = Watch(subject, _SECONDS)
        self._began = time.monotonic()

        def run() -> None:
            try:
                found = facility.find(watch)
                self._answers[subject] = listing(found)
                words = summary(found)
                if self._app.live is not None:
                    self._app.live.tell("allocations", words)
            except AskError as error:
                words = str(error)
            except Exception as error:
                # Whatever a strange kernel answers, the question fails and the screen goes on.
                words = f"leaktop failed on this question ({type(error).__name__}: {error}). Please report it."
            self._watch = None
            self._app.say_from_thread(words)

        self._thread = aside(run, "allocators")
        if self._thread is None:
            self._watch = None
            self._app.say(f"Nobody was asked: {NO_THREAD}.")
