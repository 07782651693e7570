"""Vmalloc: areas of /proc/vmallocinfo by who asked for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leaktop.engine.sections.base import Assembly, Entry, SectionRule
from leaktop.parsers.vmallocinfo import sum_vmallocinfo

if TYPE_CHECKING:
    from leaktop.engine.inputs import Inputs


def assemble(inputs: Inputs) -> Assembly:
    """Rows are VmallocGroups, sized by the pages they own; the file itself is in the extras, for its single areas."""
    groups = inputs.parsed("vmallocinfo", sum_vmallocinfo)
    sample = inputs.sample("vmallocinfo")
    if groups is None or sample is None:
        return Assembly([], inputs.fault("vmallocinfo"))
    page_size = inputs.machine.page_size
    entries = [
        Entry((group.caller, group.module, group.kind), group, group.pages * page_size, group.areas) for group in groups
    ]
    return Assembly(entries, extras={"content": sample.content})


SECTION = SectionRule("vmalloc", 3, ("vmallocinfo",), assemble, counts=True)
