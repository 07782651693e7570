"""Caches: which of them grow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leaktop.engine.diagnosis.steps.base import Finding

if TYPE_CHECKING:
    from leaktop.engine.diagnosis.steps.base import Look

ORDER, NAME, PANE = 5, "slab caches", "slab"


def examine(look: Look) -> Finding:
    """Suspect where an unreclaimable cache rises steadily; what owners account for is said."""
    rows = look.observed.section("slab").rows
    unread = look.unread("slab")
    if unread:
        return Finding("unknown", "-", unread)
    follows = [case for case in look.cases if case.kind == "slab" and case.explained and (case.rate or 0) > 0]
    fine = f"{len(follows)} grow with what owns them" if follows else "none grows steadily"
    return look.judge(f"{len(rows)} caches", fine, "slab")
