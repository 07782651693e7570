"""Balloon: memory that the hypervisor took back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leaktop.engine.diagnosis.steps.base import Finding
from leaktop.units import human_bytes

if TYPE_CHECKING:
    from leaktop.engine.diagnosis.steps.base import Look

ORDER, NAME, PANE = 11, "balloon", "memory"


def examine(look: Look) -> Finding:
    """Suspect where one was inflated; unknown where no counter exists."""
    observed = look.observed
    held = observed.amount("Balloon")
    held = observed.amount("balloon") if held is None else held
    cases = [case for case in look.cases if case.kind == "balloon"]
    if cases:
        return Finding("suspect", human_bytes(held), f"{human_bytes(cases[0].bytes)} taken while it was watched")
    if held is None:
        return Finding("unknown", "-", "this kernel counts no balloon; a driver's own would show in the residual")
    return Finding("fine", human_bytes(held), "none is inflated" if not held else "it does not grow")
