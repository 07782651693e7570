"""Starting and stopping a recording from the live screen."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from leaktop.recording.tape import HORIZON
from leaktop.ui.travel_dialogs import RecordScreen, Wish
from leaktop.units import human_bytes, human_duration
from leaktop.view.cells import sanitise

if TYPE_CHECKING:
    from leaktop.recording.recorder import Recorder
    from leaktop.ui.app import LeaktopApp

_NAME = 24
PATIENCE = 2.0
"""Seconds without an answer to keys that a disk is waited for, at the end of a recording."""


class RecordingActions:
    """What `r` does, and what the header says of it.

    Args:
        app: the app on whose screen the question is asked.
        recorder: takes the ticks.
        hostname: for the file's name.
    """

    def __init__(self, app: LeaktopApp, recorder: Recorder, hostname: str | None) -> None:
        self._app = app
        self._recorder = recorder
        self._hostname = hostname or "host"
        self._said: str | None = None
        self._began = time.monotonic()

    def status(self) -> str:
        """For the header: the file, its length and its size; empty where nothing is recorded."""
        status = self._recorder.status
        if status is None:
            return ""
        name = sanitise(os.path.basename(status.path))
        name = name if len(name) <= _NAME else f"{name[: _NAME - 1]}…"
        trouble = " !" if status.trouble else ""
        return f"REC{trouble} {name} {human_duration(status.seconds)} {human_bytes(status.size)}"

    def watch(self) -> None:
        """Say once what stands in the way of recording, and once that it does no more."""
        trouble = self._recorder.trouble
        if trouble != self._said:
            self._said = trouble
            if trouble or self._recorder.status:
                self._app.say(f"Recording: {trouble or 'writing again'}")

    def toggle(self) -> None:
        """Stop, or ask what to record to."""
        if self._recorder.status is not None:
            self.stop()
            return
        safe = "".join(c for c in self._hostname if c.isalnum() or c in "-_.").lstrip(".") or "host"
        name = f"leaktop-{safe}-{time.strftime('%Y%m%d-%H%M%S')}.leaktop"
        past = human_duration(min(time.monotonic() - self._began, HORIZON))
        self._app.push_screen(RecordScreen(name, past), self._start)

    def start(self, path: str) -> None:
        """Record to a new file from now on.

        Raises:
            OSError: it cannot be made.
        """
        self._recorder.start(path)

    def stop(self) -> None:
        """End the recording, whole."""
        status = self._recorder.status
        if status is None:
            return
        trouble = self._recorder.stop(PATIENCE)
        self._said = None
        self._app.say(
            f"Recording {status.path}: {trouble}"
            if trouble
            else f"Recorded {human_bytes(status.size)} to {status.path}"
        )
        self._app.on_leaktop_app_frame_arrived()

    def _start(self, wish: Wish | None) -> None:
        if wish is None:
            return
        path = os.path.expanduser(wish.path)
        try:
            self._recorder.start(path, with_tape=wish.with_past)
        except OSError as error:
            self._app.say(f"Nothing is recorded: {path}: {error.strerror or error}")
            return
        if wish.goes_on:
            self._app.say(f"Recording to {path}; r stops it.")
            self._app.on_leaktop_app_frame_arrived()
        else:
            self.stop()
