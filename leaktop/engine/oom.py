"""Watching for the moment when memory runs out: what the kernel logs of it becomes an event."""

from __future__ import annotations

import contextlib
import os
import time
from typing import TYPE_CHECKING

from leaktop.engine.oom_blame import judge
from leaktop.kernel_log import KernelLog
from leaktop.model.sample import Event
from leaktop.parsers.kernel_log import is_kernels, parse_kmsg
from leaktop.parsers.oom import INVOKED, KILLED, parse_oom

if TYPE_CHECKING:
    from leaktop.model.oom import OomReport
    from leaktop.model.sample import Machine

PERIOD = 2.0
"""Seconds between two looks at the log that do."""
_INVOKED, _KILLED = INVOKED.encode(), KILLED.encode()
_PATIENCE = 30.0
"""Seconds after which a report without an end is told of as it is."""
_LONGEST = 50_000
"""Records of one report that are kept: a line a process, and a machine may have many."""


class OomWatch:
    """Tells of every report that is logged from now on. Looking costs one read of /dev/kmsg where nothing is new.

    Args:
        log: where to look; None: /dev/kmsg.

    Raises:
        OSError: the log cannot be read here: not root, or a container.
    """

    def __init__(self, log: KernelLog | None = None) -> None:
        self._log = log or KernelLog(from_start=False)
        self._report: list[bytes] = []
        """Records from the beginning of a report on; empty between reports."""
        self._begun = 0.0

    def poll(self) -> tuple[Event, ...]:
        """An event for each report that is whole by now: kind "oom", its text the judgement.

        Names in the text are raw. Where reading fails there is nothing to tell.
        """
        whole = 0
        with contextlib.suppress(OSError):
            for record in self._log.read():
                # Nearly all that is ever logged is none of it.
                begins, ends = _INVOKED in record, _KILLED in record
                if not (begins or ends or self._report) or not is_kernels(record):
                    continue
                if begins or not self._report:
                    self._begun = time.monotonic()
                if len(self._report) < _LONGEST or begins or ends:
                    self._report.append(record)
                if ends:
                    whole = len(self._report)
        if self._report and not whole and time.monotonic() - self._begun > _PATIENCE:
            whole = len(self._report)
        records, self._report = self._report[:whole], self._report[whole:]
        if not any(_INVOKED in record for record in self._report):
            self._report.clear()  # what follows a kill is not of a report
        parsed = [found for raw in records if (found := parse_kmsg(raw))]
        return tuple(map(_event, parse_oom(parsed, os.sysconf("SC_PAGE_SIZE"))))

    def close(self) -> None:
        """Look no more."""
        self._log.close()


def watch_for_oom(machine: Machine) -> OomWatch | None:
    """A watch over the log of the machine that is read; None where that is a captured tree, or the log is not ours."""
    if not machine.is_live:
        return None
    try:
        return OomWatch()
    except OSError:
        return None


def _event(report: OomReport) -> Event:
    return Event(round(time.monotonic(), 3), round(time.time(), 3), "oom", judge(report).text)
