"""The kernel's own debugging pays for every allocation, and grows with whatever else does: never the culprit."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from leaktop.engine.diagnosis.owners import Explained

if TYPE_CHECKING:
    from leaktop.engine.diagnosis.observed import Observed
    from leaktop.engine.diagnosis.owners import Owners
    from leaktop.model.diagnosis import Case

ORDER = 1
_OWN = re.compile(r"kmemleak_|kmalloc-no-objext|page_owner|stack_depot|kfence|kasan|debug_objects_cache|obj_ext")


def explain(case: Case, _observed: Observed, _owners: Owners) -> Explained | None:
    """By name."""
    if case.kind == "slab" and _OWN.match(case.name):
        return Explained("the debug kernel's own cost: it follows other allocations")
    return None
