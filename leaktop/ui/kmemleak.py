"""Scan and Clear: asked for, confirmed, done in a daemon thread, and said in words."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from leaktop.control import kmemleak
from leaktop.ui.dialogs import ConfirmScreen, Offer
from leaktop.units import human_duration

if TYPE_CHECKING:
    from leaktop.sources.base import Source
    from leaktop.ui.app import LeaktopApp

_SCAN = (
    f"This writes 'scan' to {kmemleak.PATH}.\n\n"
    "The kernel walks all of its memory: seconds, on a big machine minutes. Everything else goes on; reading kmemleak "
    "waits. Nothing is changed but the list of suspects. A new leak shows after the second scan, five seconds later."
)
_CLEAR = (
    f"This writes 'clear' to {kmemleak.PATH}.\n\n"
    "The kernel forgets the objects that it has reported: they will not be listed again. There is no undo. "
    "The report is saved to a file first; if that fails, nothing is cleared."
)

OFFERS = (
    Offer("s", "scan", "kmemleak: scan now"),
    Offer("c", "clear", "kmemleak: save the report, then clear it"),
)


class KmemleakActions:
    """What the buttons of the kmemleak pane do.

    Args:
        app: the app on whose screen the question is asked.
        source: reads the report; None where there is no kernel to ask.
        directory: where reports are saved.
    """

    def __init__(self, app: LeaktopApp, source: Source | None, directory: str) -> None:
        self._app = app
        self._source = source
        self._directory = directory
        self._began: float | None = None

    @property
    def status(self) -> str:
        """What is under way, for the pane's title."""
        return "" if self._began is None else f"scanning {human_duration(time.monotonic() - self._began)}"

    def ask(self, action: str) -> None:
        """Confirm, then act."""
        if self._began is not None:
            self._app.say("A scan is under way; the kernel does one thing at a time.")
            return
        title, words, yes = ("Scan", _SCAN, "Scan") if action == "scan" else ("Clear", _CLEAR, "Save and clear")
        self._app.push_screen(ConfirmScreen(title, words, yes), lambda is_yes: self._start(action) if is_yes else None)

    def _start(self, action: str) -> None:
        self._began = time.monotonic()
        work = self._scan if action == "scan" else self._clear

        def run() -> None:
            try:
                words = work()
            except kmemleak.KmemleakError as error:
                words = str(error)
            except OSError as error:
                words = f"The report could not be saved, so nothing was cleared: {error}"
            self._began = None
            self._app.poller.request("kmemleak")
            self._app.say_from_thread(words)

        threading.Thread(target=run, name="leaktop-kmemleak-write", daemon=True).start()

    def _scan(self) -> str:
        return f"kmemleak: {kmemleak.describe_scan(kmemleak.scan())}"

    def _clear(self) -> str:
        content = self._report()
        if content is None:
            raise OSError("the report cannot be read")
        path = kmemleak.save_report(content, self._directory)
        kmemleak.clear()
        return f"kmemleak: cleared; the report is in {path}"

    def _report(self) -> bytes | None:
        """The file as it is now; None where it cannot be read."""
        if self._source is None:
            return None
        probe = next((probe for probe in self._source.probes if probe.name == "kmemleak"), None)
        sample = self._source.read(probe) if probe is not None else None
        return sample.content if sample is not None else None
