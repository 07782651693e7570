"""Vmalloc: areas of /proc/vmallocinfo by who asked for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leaktop.engine.sections.base import Assembly, Entry, SectionRule
from leaktop.parsers.vmallocinfo import group_by_caller, parse_vmallocinfo

if TYPE_CHECKING:
    from leaktop.engine.inputs import Inputs


def assemble(inputs: Inputs) -> Assembly:
    """Rows are VmallocGroups, sized by the pages they own; the areas themselves are in the extras."""
    areas = inputs.parsed("vmallocinfo", parse_vmallocinfo)
    if areas is None:
        return Assembly([], inputs.fault("vmallocinfo"))
    page_size = inputs.machine.page_size
    entries = [
        Entry((group.caller, group.module, group.kind), group, group.pages * page_size, group.areas)
        for group in group_by_caller(areas)
    ]
    return Assembly(entries, extras={"areas": areas, "page_size": page_size})


SECTION = SectionRule("vmalloc", 3, ("vmallocinfo",), assemble, counts=True)
