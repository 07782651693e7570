"""The list that every expert walks by hand: one file a step.

To add one, add a file with `ORDER`, `NAME`, `PANE` and `examine(look) -> Finding`; it is found by being here.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING

from leaktop.engine.diagnosis.steps.base import Look
from leaktop.model.diagnosis import TriageStep

if TYPE_CHECKING:
    from collections.abc import Sequence

    from leaktop.engine.diagnosis.observed import Observed
    from leaktop.model.diagnosis import Case, Unit

_STEPS = sorted(
    (import_module(f"{__name__}.{module.name}") for module in iter_modules(__path__) if module.name != "base"),
    key=lambda step: step.ORDER,
)


def walk(observed: Observed, cases: Sequence[Case], units: Sequence[Unit]) -> tuple[TriageStep, ...]:
    """Every step with its value and finding, in the order of the list."""
    look = Look(observed, tuple(cases), tuple(units))
    found = []
    for step in _STEPS:
        finding = step.examine(look)
        found.append(TriageStep(step.NAME, finding.value, finding.word, finding.detail, step.PANE, step.ORDER))
    return tuple(found)
