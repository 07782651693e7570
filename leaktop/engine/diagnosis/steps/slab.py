"""Slab: SReclaimable is cache, SUnreclaim is suspect."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leaktop.engine.diagnosis.standing import is_large
from leaktop.engine.diagnosis.steps.base import Finding
from leaktop.units import human_bytes, human_rate

if TYPE_CHECKING:
    from leaktop.engine.diagnosis.steps.base import Look

ORDER, NAME, PANE = 4, "slab: reclaimable or not", "memory"


def examine(look: Look) -> Finding:
    """Suspect where SUnreclaim rises steadily and no owner accounts for it, or takes a good part of memory."""
    unreclaimable, reclaimable = (look.observed.amount(name) for name in ("SUnreclaim", "SReclaimable"))
    if unreclaimable is None:
        return Finding("unknown", "-", look.unread("memory") or "/proc/meminfo does not split Slab")
    value = f"{human_bytes(unreclaimable)} unreclaimable, {human_bytes(reclaimable)} reclaimable"
    rise = look.observed.amount_rise("SUnreclaim")
    if look.leaks("slab") and rise and rise.slope > 0:
        return Finding("suspect", value, f"SUnreclaim rises {human_rate(rise.slope)}")
    if is_large(look.observed, unreclaimable):
        return Finding("suspect", value, "SUnreclaim takes a good part of memory")
    return look.judge(value, "SUnreclaim does not rise, or its owners account for it", "slab")
