"""A recording as one Frame: all of it where it is short, a choice where it is long, one session of several."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from leaktop.engine import digest as module
from leaktop.engine.digest import digest
from leaktop.recording.reader import read_file
from tests.cli.recorded import HEADER, MACHINE, growing, meminfo, slabinfo, tick, write

if TYPE_CHECKING:
    from pathlib import Path

    from leaktop.engine.digest import Digest
    from leaktop.recording.reader import Recording


def digested(path: Path, **more: int) -> tuple[Digest, Recording]:
    recording = read_file(str(path))
    first, last = recording.first(), recording.last()
    assert first is not None
    assert last is not None
    return digest(recording, recording.step(first, more.get("skip", 0)), last), recording


def growth(found: Digest, name: str = "kmalloc-64") -> int | None:
    rows = found.frame.sections["slab"].rows
    return next(row.size.growth for row in rows if row.record.name == name)


def test_a_short_recording_is_fed_whole(tmp_path: Path) -> None:
    found, recording = digested(write(tmp_path / "a", (HEADER, growing(300))))
    assert (found.ticks, found.fed, recording.ticks) == (300, 300, 300)
    assert growth(found) == 299 * 4096
    assert found.frame.sections["vmalloc"].rows
    assert (found.first.mono, found.last.mono, found.frame.mono) == (100.0, 399.0, 399.0)
    assert found.notes == ()
    assert [event.text for event in found.events] == ["load on db01 begins"]


def test_a_long_one_is_fed_in_part_and_comes_to_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a", (HEADER, growing(900)))
    whole, _ = digested(path)
    monkeypatch.setattr(module, "_ALL", 100)
    monkeypatch.setattr(module, "_SPREAD", 30)
    found, _ = digested(path)
    assert found.ticks == 900
    assert 40 <= found.fed < 100
    assert growth(found) == growth(whole) == 899 * 4096
    assert {name: len(section.rows) for name, section in found.frame.sections.items()} == {
        name: len(section.rows) for name, section in whole.frame.sections.items()
    }
    assert found.frame.diagnosis.verdict.name == whole.frame.diagnosis.verdict.name
    times = found.frame.history.read_times("slab", found.frame.mono)
    early = [time for time in times if time < 400]
    assert len(early) >= 8
    assert times == sorted(set(times))
    assert any("900 ticks" in note for note in found.notes)


def test_history_reaches_back_to_the_beginning(tmp_path: Path) -> None:
    entries = [
        tick(60.0 * i, slabinfo=slabinfo(i), meminfo=meminfo(9000000 - i)) for i in range(300)
    ]  # five hours, where the live screen keeps one
    found, _ = digested(write(tmp_path / "a", (HEADER._replace(interval=60.0), entries)))
    assert found.frame.history.read_times("slab", found.frame.mono)[0] == 100.0
    assert found.frame.diagnosis.seconds == pytest.approx(299 * 60)


def test_only_the_last_session_is_judged(tmp_path: Path) -> None:
    rebooted = HEADER._replace(machine=replace(MACHINE, boot_id="another"))
    later = [tick(i, 5.0, slabinfo=slabinfo(1000 + i), meminfo=meminfo(5000000)) for i in range(30)]
    found, recording = digested(write(tmp_path / "a", (HEADER, growing(50)), (rebooted, later)))
    assert (found.ticks, recording.ticks) == (30, 80)
    assert growth(found) == 29 * 4096
    assert found.frame.machine.boot_id == "another"
    assert [note for note in found.notes if "2 sessions" in note]


def test_from_a_later_tick_growth_counts_from_there(tmp_path: Path) -> None:
    found, _ = digested(write(tmp_path / "a", (HEADER, growing(300))), skip=200)
    assert (found.ticks, growth(found)) == (100, 99 * 4096)
    assert found.frame.sections["vmalloc"].rows, "what slower probes said before is known"


def test_one_tick(tmp_path: Path) -> None:
    found, _ = digested(write(tmp_path / "a", (HEADER, growing(1))))
    assert (found.ticks, found.fed, growth(found)) == (1, 1, 0)
    assert found.frame.diagnosis.verdict.name == "insufficient"


def test_progress_is_told(tmp_path: Path) -> None:
    recording = read_file(str(write(tmp_path / "a", (HEADER, growing(50)))))
    first, last = recording.first(), recording.last()
    assert first is not None
    assert last is not None
    shares: list[float] = []
    digest(recording, first, last, shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
