"""A file that is followed while it is rotated away."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leaktop.model.sample import Machine, RawSample, Tick
from leaktop.recording.followed import FollowedFile
from leaktop.recording.lines import Header
from leaktop.recording.reader import Recording
from leaktop.recording.recorder import Limits, Recorder
from leaktop.recording.stored import StoredChapters

if TYPE_CHECKING:
    from pathlib import Path

MACHINE = Machine("6.12.0", "host", 4096, "boot", "x86_64", None, None, is_live=False)


def tick(second: int) -> Tick:
    content = f"MemTotal: {second} kB\n".encode()
    return Tick(float(second), 1e9 + second, (RawSample("meminfo", content, None, float(second), 1e9 + second),))


def test_every_tick_is_seen_across_rotations(tmp_path: Path) -> None:
    path = tmp_path / "x"
    recorder = Recorder(Header(MACHINE, 1.0, (), "0"), suspended=lambda: 0.0)
    recorder.start(str(path), Limits(size=700, keep=9), floor=0)
    recorder.take(tick(1))
    recording = Recording(StoredChapters(FollowedFile(str(path)), is_growing=True), is_growing=True)
    for second in range(2, 60):
        recorder.take(tick(second))
        recording.refresh()
        last = recording.last()
        assert last is not None
        assert recording.moment(last).mono == second
    recorder.stop()
    recording.refresh()
    assert (tmp_path / "x.2").exists()
    assert [found.samples[0].content for _, found in recording.walk()] == [
        tick(s).samples[0].content for s in range(1, 60)
    ]
    assert [damage for damage in recording.damage if damage.ticks != 0] == []


def test_a_file_that_is_removed_ends_where_it_ended(tmp_path: Path) -> None:
    path = tmp_path / "x"
    recorder = Recorder(Header(MACHINE, 1.0, (), "0"), suspended=lambda: 0.0)
    recorder.start(str(path), floor=0)
    recorder.take(tick(1))
    followed = FollowedFile(str(path))
    recording = Recording(StoredChapters(followed, is_growing=True), is_growing=True)
    before = followed.size()
    path.unlink()
    assert followed.size() == before
    assert not recording.refresh()
    assert recording.ticks == 1
