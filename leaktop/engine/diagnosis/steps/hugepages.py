"""Huge pages: set aside, used or not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leaktop.engine.diagnosis.standing import unused_hugepages
from leaktop.engine.diagnosis.steps.base import Finding
from leaktop.units import human_bytes

if TYPE_CHECKING:
    from leaktop.engine.diagnosis.steps.base import Look

ORDER, NAME, PANE = 12, "hugepages", "memory"


def examine(look: Look) -> Finding:
    """Suspect where they were raised while it was watched, or many lie unused."""
    held = look.observed.amount("hugepages")
    if held is None:
        return Finding("unknown", "-", look.unread("memory") or "this kernel has no huge pages, or does not count them")
    unused = unused_hugepages(look.observed)
    value = f"{human_bytes(held)}, {human_bytes(unused)} unused" if held else "0"
    if any(case.kind == "hugepages" and (case.rate or 0) >= 0 and case.note == "" for case in look.cases):
        return Finding("suspect", value, "set aside by nr_hugepages, and missing everywhere else")
    return Finding("fine", value, "none" if not held else "they do not grow")
