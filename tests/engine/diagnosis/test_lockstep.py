"""What stands in step at one moment: the driver that lost its packets, and no ordinary machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from leaktop.engine.engine import Engine
from leaktop.engine.merged import label, likely_names
from leaktop.model.sample import Machine, RawSample, Tick
from tests.corpus import captures, content

if TYPE_CHECKING:
    from pathlib import Path

MACHINE = Machine(None, None, 4096, None, None, None, None, is_live=False)
LEAK = "leak-TSPacket"


@pytest.mark.parametrize("path", captures("slabinfo"), ids=lambda path: path.stem)
def test_equal_counts_by_chance_are_no_unit(path: Path) -> None:
    frame = Engine(MACHINE).feed(Tick(1.0, 1e9, (RawSample("slabinfo", content(path), None, 1.0, 1e9),)))
    units = frame.diagnosis.units
    if LEAK not in path.name:
        assert units == ()
        return
    (unit,) = units
    assert [member.name for member in unit.members] == ["kmalloc-2048", "kmalloc-256", "Acpi-ParseExt"]
    assert (unit.bytes, unit.count) == (2376, 1_058_194)


def test_a_drivers_own_name_is_the_likeliest_and_the_label_says_how_many_more() -> None:
    names = ("Acpi-ParseExt", "Acpi-Operand", "TSPacket", "eventpoll_pwq")
    assert likely_names(names)[0] == "TSPacket"
    assert label(names, ":t-0000072") == ":t-0000072 (Acpi-ParseExt, TSPacket, ...)"
    shared = ("kmalloc-256", "bio-0", "filp", "skbuff_head_cache")
    assert label(shared, None, [256, 2048]) == "kmalloc-256 (shares its slab with skbuff_head_cache and 2 more)"
    assert label(shared, None, [256]) == "kmalloc-256 (shares its slab with bio-0 and 2 more)"
    assert label(("dentry",)) == "dentry"
    assert label(()) == "pages"
