"""Lockstep: counts that rise, or stand, in a constant ratio are one leak."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leaktop.engine.diagnosis.steps.base import Finding
from leaktop.engine.diagnosis.words import unit_words

if TYPE_CHECKING:
    from leaktop.engine.diagnosis.steps.base import Look

ORDER, NAME, PANE = 7, "lockstep groups", "slab"


def examine(look: Look) -> Finding:
    """Suspect where there is a group."""
    if look.units:
        unit = look.units[0]
        named = " + ".join(member.name for member in unit.members)
        return Finding("suspect", f"{len(look.units)}", f"{named}: {unit_words(unit)}")
    unread = look.unread("slab")
    if unread:
        return Finding("unknown", "-", unread)
    return Finding("fine", "0", "no caches grow in step")
