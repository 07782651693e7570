"""Tmpfs: files in memory, in /tmp, /dev/shm, memfds and SysV segments."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leaktop.engine.diagnosis.standing import is_large
from leaktop.engine.diagnosis.steps.base import Finding
from leaktop.units import human_bytes

if TYPE_CHECKING:
    from leaktop.engine.diagnosis.steps.base import Look

ORDER, NAME, PANE = 2, "tmpfs", "tmpfs"


def examine(look: Look) -> Finding:
    """Suspect where files in memory grow, or already take a good part of it."""
    shared = look.observed.amount("Shmem")
    if shared is None:
        return Finding("unknown", "-", look.unread("memory") or "/proc/meminfo has no Shmem")
    found = look.judge(human_bytes(shared), "files in memory do not grow", "tmpfs")
    if found.word != "suspect" and is_large(look.observed, shared):
        largest = max(look.observed.section("tmpfs").rows, key=lambda row: row.size.value or 0, default=None)
        named = f", most of it in {largest.record.name}" if largest else ""
        return Finding("suspect", found.value, f"files in memory take a good part of it{named}")
    return found
