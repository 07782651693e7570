"""Processes: resident memory that is their own, descriptors, threads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leaktop.engine.diagnosis.steps.base import Finding
from leaktop.units import human_bytes

if TYPE_CHECKING:
    from leaktop.engine.diagnosis.steps.base import Look

ORDER, NAME, PANE = 3, "processes", "processes"


def examine(look: Look) -> Finding:
    """Suspect where a process takes more and more memory, descriptors or threads."""
    anonymous = look.observed.amount("AnonPages")
    unread = look.unread("processes")
    value = human_bytes(anonymous)
    if unread and not look.leaks("process"):
        return Finding("unknown", value, unread)
    return look.judge(value, "no process grows steadily", "process", "fd", "pagetables")
