"""Vmalloc, by caller."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leaktop.engine.diagnosis.steps.base import Finding
from leaktop.units import human_bytes

if TYPE_CHECKING:
    from leaktop.engine.diagnosis.steps.base import Look

ORDER, NAME, PANE = 8, "vmalloc by caller", "vmalloc"


def examine(look: Look) -> Finding:
    """Suspect where a caller, per-CPU memory or kernel stacks rise steadily."""
    value = human_bytes(look.observed.amount("vmalloc"))
    unread = look.unread("vmalloc")
    if unread and not look.leaks("vmalloc"):
        return Finding("unknown", value, unread)
    return look.judge(value, "no caller takes more and more", "vmalloc", "percpu", "kernelstack")
