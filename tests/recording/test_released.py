"""What an earlier version recorded opens in this one: a recording for every released version."""

from __future__ import annotations

from pathlib import Path

import pytest

from leaktop.engine.replay import Replay
from leaktop.engine.sections import SECTIONS
from leaktop.recording.reader import read_file

RECORDINGS = sorted((Path(__file__).parents[1] / "data" / "recordings").glob("*.leaktop"))


def test_there_is_one() -> None:
    assert RECORDINGS


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.stem)
def test_a_recording_of_that_version_is_read_whole(path: Path) -> None:
    recording = read_file(str(path))
    assert recording.verify() == []
    assert recording.header is not None
    assert (recording.header.version, recording.header.machine.release) == (path.stem, "6.12.117-leaklab")
    assert recording.ticks == 29
    last = recording.last()
    assert last is not None
    *_, frame = Replay(recording).exact(last)
    assert frame is not None
    probes = {probe.name for probe in recording.header.probes}
    sections = {rule.name: frame.sections[rule.name] for rule in SECTIONS if not probes.isdisjoint(rule.probes)}
    assert len(sections) >= 7
    assert {name: bool(section.rows) for name, section in sections.items()} == dict.fromkeys(sections, True)
    assert {name: section.fault for name, section in sections.items() if section.fault} == {}
    leaks = {row.record.name: row.size.growth for row in sections["slab"].rows if row.record.name == "kmalloc-2k"}
    assert leaks == {"kmalloc-2k": (155 - 102) * 4 * 4096}
    [group] = sections["kmemleak"].rows
    assert (group.record.count, group.record.bytes) == (774, 247_680)
