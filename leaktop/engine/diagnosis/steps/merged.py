"""Merged names: which other caches hide behind the one that grows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leaktop.engine.diagnosis.steps.base import Finding
from leaktop.engine.merged import label

if TYPE_CHECKING:
    from leaktop.engine.diagnosis.steps.base import Look

ORDER, NAME, PANE = 6, "merged names", "slab"


def examine(look: Look) -> Finding:
    """Suspect where a leaking cache is a merged one: its name need not be the culprit's."""
    rows = look.observed.section("slab").rows
    merged = [row for row in rows if row.record.aliases]
    note = next((note for note in look.observed.section("slab").notes if "merged" in note), None)
    if look.unread("slab") or note:
        return Finding("unknown", "-", look.unread("slab") or note or "")
    value = f"{len(merged)} of {len(rows)} caches"
    hidden = [case for case in look.leaks("slab") if case.aliases]
    if hidden:
        named = "; ".join(label((case.name, *case.aliases)) for case in hidden[:2])
        return Finding("suspect", value, f"{named}; slab_nomerge splits them")
    return Finding("fine", value, "no merged cache is accused")
