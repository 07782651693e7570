"""Free and available: is memory missing at all, and how fast does it go?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from leaktop.engine.diagnosis.steps.base import Finding
from leaktop.units import human_bytes, human_duration, human_rate

if TYPE_CHECKING:
    from leaktop.engine.diagnosis.steps.base import Look

ORDER, NAME, PANE = 1, "free and available", "memory"
_SCARCE = 0.05
"""Of MemTotal: with less available, the machine is about to reclaim in earnest or to kill."""


def examine(look: Look) -> Finding:
    """Suspect where MemAvailable falls steadily or is nearly gone."""
    observed = look.observed
    free, available, total = (observed.amount(name) for name in ("MemFree", "MemAvailable", "MemTotal"))
    if total is None or free is None:
        return Finding("unknown", "-", look.unread("memory") or "/proc/meminfo has no MemTotal or MemFree")
    value = f"{human_bytes(available)} of {human_bytes(total)}"
    if available is None:
        return Finding("unknown", human_bytes(free), "kernels before 3.14 do not say what is available")
    if available < _SCARCE * total:
        return Finding("suspect", value, "nearly nothing is available")
    rise = observed.amount_rise("MemAvailable")
    if rise is None:
        return Finding("unknown", value, "not watched for long enough to see it fall")
    leaking = any(case.is_leak for case in look.cases)
    if rise.tau < -0.5 and rise.high < 0 and leaking:
        left = human_duration(available / -rise.slope)
        return Finding("suspect", value, f"falls {human_rate(-rise.slope)}: gone in {left}")
    return Finding("fine", value, "it does not fall steadily")
