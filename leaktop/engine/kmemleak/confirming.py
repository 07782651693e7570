"""The sequence that makes kmemleak say what leaks now: scan, wait past the least age, scan again.

The first scan only remembers the checksum of an object that nothing points to; it is reported by the next one, if it
still has the same and is older than five seconds (kmemleak_scan() in mm/kmemleak.c, since 2.6.33).
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Literal, NamedTuple

from leaktop.control import kmemleak
from leaktop.units import human_duration

if TYPE_CHECKING:
    from collections.abc import Callable

WAIT = kmemleak.MINIMUM_AGE + 0.5
"""Seconds between the scans: the age is counted in jiffies, and the allocation may have come just before the scan."""
Step = Literal["ready", "first", "waiting", "second", "done", "cancelled"]


class Phase(NamedTuple):
    """Where a sequence is at one moment."""

    step: Step
    elapsed: float
    """Seconds in this step."""
    remaining: float | None
    """Seconds of this step that are left; None where only the kernel knows."""

    @property
    def words(self) -> str:
        """For a title: "scan 1 of 2, 3s"; "" before and after."""
        match self.step:
            case "first" | "second":
                return f"scan {1 if self.step == 'first' else 2} of 2, {human_duration(self.elapsed)}"
            case "waiting":
                # Rounded up: a countdown that stands at 0s looks stuck.
                return f"waiting {human_duration((self.remaining or 0) + 0.999)} for the second scan"
            case _:
                return ""


class Confirming:
    """One run of the sequence. It runs in the thread that calls `run`; the rest may be called from any.

    That thread should be a daemon: a scan blocks in the kernel, for minutes on a big machine, until it is done or the
    process ends.

    Args:
        scan: makes one scan, and gives the seconds that it took.
        wait: seconds between the scans.
    """

    def __init__(self, scan: Callable[[], float] | None = None, wait: float | None = None) -> None:
        self._scan = scan or kmemleak.scan
        self._wait = WAIT if wait is None else wait
        self._cancelled = threading.Event()
        self._at: tuple[Step, float] = ("ready", time.monotonic())

    @property
    def phase(self) -> Phase:
        """Where it is now."""
        step, began = self._at
        elapsed = time.monotonic() - began
        return Phase(step, elapsed, max(self._wait - elapsed, 0.0) if step == "waiting" else None)

    @property
    def is_cancelled(self) -> bool:
        """Whether somebody cancelled it; a scan that the kernel is at goes on to its end all the same."""
        return self._cancelled.is_set()

    def cancel(self) -> bool:
        """Do not scan again.

        Returns:
            whether that leaves anything undone: the second scan cannot be called back.
        """
        if self._at[0] not in {"ready", "first", "waiting"}:
            return False
        self._cancelled.set()
        return True

    def run(self) -> float | None:
        """Both scans and the wait between them.

        Returns:
            seconds that the scans took together; None where it was cancelled before the second.

        Raises:
            KmemleakError: the kernel refused.
        """
        try:
            self._enter("first")
            took = self._scan()
            self._enter("waiting")
            if self._cancelled.wait(self._wait):
                self._enter("cancelled")
                return None
            self._enter("second")
            return took + self._scan()
        finally:
            if self._at[0] != "cancelled":
                self._enter("done")

    def _enter(self, step: Step) -> None:
        self._at = (step, time.monotonic())
