"""Virtual machines: a guest touches its memory once, and the process on the host grows up to the guest's size."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leaktop.engine.diagnosis.owners import Explained
from leaktop.model.program_names import virtual_machine

if TYPE_CHECKING:
    from leaktop.engine.diagnosis.observed import Observed
    from leaktop.engine.diagnosis.owners import Owners
    from leaktop.model.diagnosis import Case

ORDER = 1


def explain(case: Case, _observed: Observed, _owners: Owners) -> Explained | None:
    """By the name of the process."""
    if case.kind == "process" and virtual_machine(case.name):
        return Explained("a virtual machine: its guest touches memory up to its size")
    return None
