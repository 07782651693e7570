"""One file a section: which probes it stands on, and how their records become rows.

To add a section, add a file with a `SECTION`; it is found by being here.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from leaktop.engine.sections.base import Assembly, Entry, Figure, SectionRule

SECTIONS: tuple[SectionRule, ...] = tuple(
    sorted(
        (
            import_module(f"{__name__}.{module.name}").SECTION
            for module in iter_modules(__path__)
            if module.name != "base"
        ),
        key=lambda rule: rule.order,
    )
)

__all__ = ["SECTIONS", "Assembly", "Entry", "Figure", "SectionRule"]
