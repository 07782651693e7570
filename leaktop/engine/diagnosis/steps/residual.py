"""The residual: memory that no counter names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leaktop.engine.diagnosis.standing import is_large
from leaktop.engine.diagnosis.steps.base import Finding
from leaktop.engine.residual import noise
from leaktop.units import human_bytes

if TYPE_CHECKING:
    from leaktop.engine.diagnosis.steps.base import Look

ORDER, NAME, PANE = 9, "residual", "memory"


def examine(look: Look) -> Finding:
    """Suspect where it rises steadily, or takes a good part of memory."""
    left = look.observed.amount("residual")
    ghost = look.observed.section("memory").extras.get("residual")
    if left is None:
        return Finding("unknown", "-", (ghost.reason if ghost else look.unread("memory")) or "it cannot be told")
    bar = human_bytes(noise(look.observed.amount("MemTotal") or 0))
    value = f"{human_bytes(left)} ± {bar}"
    if is_large(look.observed, left) and not look.leaks("residual"):
        return Finding("suspect", value, "a good part of memory is in no counter: a balloon, a driver, GPU buffers")
    return look.judge(value, "it does not rise beyond its error", "residual")
