"""The big machine that the benches stand on: every file of it reads, in every form, and nothing of it is left."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from leaktop.engine.engine import Engine
from leaktop.engine.reading import read_everything
from leaktop.recording.reader import read_file
from leaktop.sources.filesystem import FileSystemSource
from tests.bench.big_machine import tick, write_recording, write_tree
from tests.bench.big_machine_live import live_load
from tests.bench.big_machine_texts import BigMachine

SMALL = BigMachine().scaled(0.004)


def test_a_tree_of_it_has_what_it_says(tmp_path: Path) -> None:
    write_tree(tmp_path, SMALL)
    source = FileSystemSource(str(tmp_path))
    given = read_everything(source)
    kmemleak = source.read(next(probe for probe in source.probes if probe.name == "kmemleak"))
    assert kmemleak is not None
    frame = Engine(source.machine).feed(given)
    sizes = {name: len(section.rows) for name, section in frame.sections.items()}
    assert (sizes["slab"], sizes["processes"], sizes["tmpfs"]) == (SMALL.caches, SMALL.processes, SMALL.mounts)
    assert sizes["sockets"] == SMALL.sockets
    assert sum(row.record.areas for row in frame.sections["vmalloc"].rows) == SMALL.areas
    assert (kmemleak.content or b"").count(b"\n") >= SMALL.kmemleak_lines
    assert any(row.record.aliases for row in frame.sections["slab"].rows), "some caches are merged"
    assert any(row.record.owners for row in frame.sections["sockets"].rows), "some sockets have an owner"
    assert {row.record.rss for row in frame.sections["processes"].rows} != {None}


def test_some_of_it_moves_from_tick_to_tick() -> None:
    engine = Engine(FileSystemSource("/").machine)
    engine.feed(tick(SMALL, 0, is_first=True))
    frame = engine.feed(tick(SMALL, 4))
    for name in ("slab", "vmalloc", "processes", "sockets", "tmpfs"):
        rows = frame.sections[name].rows
        moved = sum(bool(row.size.growth) for row in rows)
        assert 0 < moved <= len(rows) / 2, name


def test_a_recording_of_it_replays(tmp_path: Path) -> None:
    path = str(tmp_path / "big.leaktop")
    write_recording(path, SMALL, 5)
    assert read_file(path).ticks == 5


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="needs /proc")
def test_the_live_load_ends_with_who_began_it() -> None:
    with live_load(0.002) as load:
        children = Path(f"/proc/{load.pid}/task/{load.pid}/children").read_text().split()
        assert len(children) == load.processes == 10
    end = time.monotonic() + 10
    while any(_lives(pid) for pid in children) and time.monotonic() < end:
        time.sleep(0.01)
    assert not any(_lives(pid) for pid in children)
    assert not Path(f"/proc/{load.pid}").exists()


def _lives(pid: str) -> bool:
    """Whether it runs: whoever adopts it may take its time to bury it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def test_nothing_of_the_live_load_is_left_in_var_tmp() -> None:
    before = set(os.listdir("/var/tmp"))
    with live_load(0.001):
        pass
    assert set(os.listdir("/var/tmp")) <= before
