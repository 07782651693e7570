"""What is recorded while it is shown gives the same Frames when it is replayed: this machine, here and now."""

from __future__ import annotations

import mmap
import socket
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from leaktop.engine.backlog import BacklogWatch, backlogged
from leaktop.engine.engine import Engine
from leaktop.engine.feed import LiveFeed
from leaktop.engine.replay import Replay
from leaktop.model.frame import Frame
from leaktop.recording.reader import Recording, TapedChapters, read_file
from leaktop.sources.filesystem import FileSystemSource
from tests.engine.played import differences, until

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from leaktop.model.frame import ProbeState
    from leaktop.model.sample import Tick


def test_a_tick_that_comes_to_nothing_is_said_once_and_the_next_one_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    source = FileSystemSource("/", is_read_only=True)
    engine, frames, words = Engine(source.machine), list[Frame](), list[str]()
    feed = LiveFeed(source, engine, frames.append, 0.1, words.append)
    makes, ticks = engine.feed, iter(range(1000))

    def short_of_memory(tick: Tick, states: Mapping[str, ProbeState]) -> Frame:
        if next(ticks) in {2, 3}:
            raise MemoryError("no room")
        return makes(tick, states)

    monkeypatch.setattr(engine, "feed", short_of_memory)
    feed.poller.start()
    try:
        until(lambda: len(frames) > 5)
    finally:
        feed.poller.stop()
    assert words == ["A tick came to nothing (MemoryError: no room; memory is short). leaktop goes on."]


class Recorded:
    """Some seconds of this machine: the Frames that were shown, the file, and the tape."""

    def __init__(self, path: Path) -> None:
        source = FileSystemSource("/", is_read_only=True)
        self.frames: list[Frame] = []
        self.machine = source.machine
        self.feed = LiveFeed(source, Engine(source.machine), self.frames.append, 0.1)
        self.path = path
        self.feed.recorder.start(str(path))
        self.marked = 0
        self.feed.poller.start()
        try:
            self._live()
        finally:
            self.feed.poller.stop()
            self.feed.recorder.stop()

    def _live(self) -> None:
        until(lambda: len(self.frames) > 5)
        grown = mmap.mmap(-1, 24 << 20)
        grown.write(b"x" * len(grown))
        with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as deaf, closing(grown):
            deaf.bind(("127.0.0.1", 0))
            for _ in range(8):
                deaf.sendto(bytes(1000), deaf.getsockname())
                self._more(1)
            self.feed.mark_baseline()
            self.marked = len(self.frames)
            self._more(4)
        self._more(5)

    def _more(self, count: int) -> None:
        seen = len(self.frames)
        until(lambda: len(self.frames) >= seen + count)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    return Recorded(tmp_path_factory.mktemp("live") / "here.leaktop")


def test_every_tick_replays_as_it_was_live(recorded: Recorded) -> None:
    recording = read_file(str(recorded.path))
    assert recording.damage == []
    replay = Replay(recording)
    place = recording.first()
    assert place is not None
    replay.rough(place)
    *_, frame = replay.exact(place)
    for n, live in enumerate(recorded.frames[: recording.ticks]):
        assert frame is not None, n
        assert differences(live, frame) == [], n
        frame = replay.forward()
    assert frame is None
    assert recording.ticks >= recorded.marked + 8
    assert sum(len(section.rows) for section in recorded.frames[-1].sections.values()) > 50


def test_a_moment_that_is_gone_to_is_as_it_was_live(recorded: Recorded) -> None:
    recording = read_file(str(recorded.path))
    replay = Replay(recording)
    places = [place for place, _ in recording.walk()]
    for n in (recorded.marked + 6, 3, recorded.marked - 1, 0, recorded.marked + 1, recorded.marked, 1):
        *_, frame = replay.exact(places[n])
        assert frame is not None
        assert differences(recorded.frames[n], frame) == [], n
        known = replay.known(places[n])
        assert known is not None
        assert differences(known, frame) == []


def test_charts_of_the_past_are_those_of_the_live_screen(recorded: Recorded) -> None:
    recording = read_file(str(recorded.path))
    last = recording.last()
    assert last is not None
    *_, frame = Replay(recording).exact(last)
    live = recorded.frames[recording.ticks - 1]
    assert frame is not None
    compared = 0
    for name, section in live.sections.items():
        for row in section.rows:
            points = live.history.points(name, row.key, "size", live.mono)
            assert frame.history.points(name, row.key, "size", live.mono) == points
            compared += len(points[0])
    assert compared > 100


def test_the_tape_holds_what_the_file_holds(recorded: Recorded) -> None:
    taped, filed = Recording(TapedChapters(recorded.feed.tape)), read_file(str(recorded.path))
    assert [tick for _, tick in taped.walk()][: filed.ticks] == [tick for _, tick in filed.walk()]
    assert [(event.kind, event.mono) for event in filed.events() if event.kind == "baseline"] == [
        ("baseline", recorded.frames[marked_at(recorded)].mono)
    ]


def marked_at(recorded: Recorded) -> int:
    """The tick at which the baseline was marked."""
    walls = [frame.baseline_wall for frame in recorded.frames]
    return next(n for n, wall in enumerate(walls) if wall != walls[0])


def test_growth_counts_from_the_mark(recorded: Recorded) -> None:
    n = marked_at(recorded)
    assert recorded.frames[n].baseline_wall == recorded.frames[n].wall
    before, after = recorded.frames[n - 1], recorded.frames[n]
    values = {row.key: row.size.value for row in before.sections["memory"].rows}
    for row in after.sections["memory"].rows:
        if row.size.growth is not None and row.size.value is not None and values.get(row.key) is not None:
            assert row.size.growth == row.size.value - (values[row.key] or 0)


def test_a_recorder_without_frames_finds_the_same_sockets(recorded: Recorded) -> None:
    watch = BacklogWatch(recorded.machine)
    found = [watch.take(tick) for _, tick in read_file(str(recorded.path)).walk()]
    assert found == [backlogged(frame) for frame in recorded.frames[: len(found)]]
    assert any(found)
