"""`leaktop check --kmemleak`: what the runs lost by the kernel's own leak detector, which names the function."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from leaktop.cli.kmemleak_driving import KmemleakReader, confirmed, watched
from leaktop.cli.trial import LAST_REST, TrialError
from leaktop.control import kmemleak
from leaktop.engine.gate import Finding
from leaktop.engine.kmemleak.suppression_file import own_suppressions
from leaktop.engine.kmemleak.suppressions import put_in_force
from leaktop.engine.known_false_leaks import why_false
from leaktop.parsers.kmemleak import from_culprit

if TYPE_CHECKING:
    from leaktop.model.frame import Frame
    from leaktop.model.records import KmemleakGroup

_SHARE = 0.5
"""Of the runs: what fewer of them lost is not lost with each. Some objects escape kmemleak, for a stray value that
looks like their address."""
_MOST_NAMED = 2


class Lost(NamedTuple):
    """What kmemleak lists after the runs, and did not before."""

    findings: tuple[Finding, ...]
    groups: tuple[KmemleakGroup, ...]
    """Behind each of them, in the same order."""
    suppressed: int
    """Groups that the user's list covers."""
    saved: str | None
    """The file with the report from before, which was cleared; None where it was empty."""


class KmemleakTrial:
    """Clears before the runs, and looks behind them."""

    def __init__(self) -> None:
        self._reader = KmemleakReader()
        self._saved: str | None = None
        put_in_force(own_suppressions())

    def begin(self) -> None:
        """Have the kernel find and forget whatever was lost until now. The report is saved, where it has anything.

        Raises:
            TrialError: it cannot be read, saved or cleared.
        """
        try:
            confirmed()
            content = self._reader.content()
            if content is None:
                raise TrialError(f"{kmemleak.PATH} cannot be read")
            if content:
                self._saved = kmemleak.save_report(content, ".")
            kmemleak.clear()
        except kmemleak.KmemleakError as error:
            raise TrialError(str(error)) from error
        except OSError as error:
            raise TrialError(f"the report of kmemleak could not be saved, so nothing was cleared: {error}") from error

    def end(self, iterations: int, max_growth: int, *, has_rested: bool) -> Lost:
        """What is lost now.

        Args:
            iterations: how many runs there were since `begin`.
            max_growth: bytes with each of them that are allowed.
            has_rested: whether what is freed late has had its time.

        Raises:
            TrialError: it cannot be read.
        """
        try:
            confirmed()
            frame = self._read()
            if frame.sections["kmemleak"].rows and not has_rested:
                time.sleep(LAST_REST)
                watched(kmemleak.scan)
                frame = self._read()
        except kmemleak.KmemleakError as error:
            raise TrialError(str(error)) from error
        section = frame.sections["kmemleak"]
        groups: tuple[KmemleakGroup, ...] = tuple(row.record for row in section.rows)
        findings = tuple(_finding(found, iterations, max_growth) for found in groups)
        return Lost(findings, groups, section.extras.get("suppressed_groups", 0), self._saved)

    def _read(self) -> Frame:
        frame = self._reader.read()
        if fault := frame.sections["kmemleak"].fault:
            raise TrialError(f"{fault.reason}{f' ({fault.remedy})' if fault.remedy else ''}")
        return frame


def _finding(group: KmemleakGroup, iterations: int, max_growth: int) -> Finding:
    false = why_false(group)
    each = group.bytes / iterations
    is_rare = group.count < iterations * _SHARE
    is_allowed = not is_rare and false is None and each <= max_growth
    note = (
        f"probably no leak: {false}" if false
        else f"only {group.count} in {iterations} runs" if is_rare
        else f"by {', '.join(group.comms[:3])}"
    )  # fmt: skip
    name = " < ".join(from_culprit(group.backtrace)[:_MOST_NAMED]) or "(no backtrace)"
    return Finding(
        kind="kmemleak",
        name=name,
        aliases=(),
        objects_per_iter=group.count / iterations,
        bytes_per_iter=each,
        low=each,
        high=each,
        tolerated=is_allowed,
        leak=not (is_rare or is_allowed or false),
        note=note,
    )
