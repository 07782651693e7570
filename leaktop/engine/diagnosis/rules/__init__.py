"""Why something grows that leaks nothing itself: one file a rule.

To add one, add a file with `ORDER` and `explain(case, observed, owners)`; it is found by being here.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from leaktop.engine.diagnosis.observed import Observed
    from leaktop.engine.diagnosis.owners import Explained, Owners
    from leaktop.model.diagnosis import Case

_RULES = sorted(
    (import_module(f"{__name__}.{module.name}") for module in iter_modules(__path__)), key=lambda rule: rule.ORDER
)


def explain(case: Case, observed: Observed, owners: Owners) -> Explained | None:
    """What accounts for a case's growth, by the first rule that knows; None where it stands accused."""
    for rule in _RULES:
        explained: Explained | None = rule.explain(case, observed, owners)
        if explained is not None:
            return explained
    return None
