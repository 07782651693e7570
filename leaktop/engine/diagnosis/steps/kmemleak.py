"""Kmemleak, where the kernel has it: objects that nothing points to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leaktop.engine.diagnosis.steps.base import Finding
from leaktop.units import human_bytes

if TYPE_CHECKING:
    from leaktop.engine.diagnosis.steps.base import Look

ORDER, NAME, PANE = 13, "kmemleak", "kmemleak"


def examine(look: Look) -> Finding:
    """Suspect where it lists anything; unknown where this kernel has none."""
    unread = look.unread("kmemleak")
    if unread:
        return Finding("unknown", "-", unread)
    rows = look.observed.section("kmemleak").rows
    objects = sum(row.record.count for row in rows)
    if not objects:
        return Finding("fine", "0", "it lists nothing; a new leak takes two scans, five seconds apart")
    held = sum(row.size.value or 0 for row in rows)
    first = max(rows, key=lambda row: row.size.value or 0)
    inner = next(iter(first.record.backtrace), "no backtrace")
    return Finding("suspect", f"{objects} objects, {human_bytes(held)}", f"most of it from {inner}")
