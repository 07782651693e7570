"""Recordings that grow while they are read: a file, a pipe, the tape of the live screen."""

from __future__ import annotations

from pathlib import Path

import pytest

from leaktop.model.sample import Event
from leaktop.recording import tape as tape_module
from leaktop.recording.encoder import Encoder
from leaktop.recording.layout import seek_table
from leaktop.recording.reader import Place, Recording, StoredChapters, TapedChapters, read_file
from leaktop.recording.tape import MemoryStorage, Tape, copy_stream
from tests.recording.recordings import HEADER, check_ticks, encode, in_chapters, opened, plain, small_ticks, use_all

TICKS = small_ticks(10)


def pieces_of(size: int) -> list[tuple[bytes, int]]:
    """What an encoder gives out, each with the number of ticks that are whole after it."""
    found: list[tuple[bytes, int]] = []
    done = 0
    encoder = Encoder(HEADER, lambda piece: found.append((piece, done)), lambda _: None)
    for at, tick in enumerate(TICKS):
        done = at
        if at and at % size == 0:
            encoder.close_chapter()
        before = len(found)
        encoder.tick(tick)
        assert len(found) > before
        done = at + 1
        found[-1] = found[-1][0], done
    encoder.close_chapter()
    found.append((seek_table([(1, 1)]), done))
    return found


def test_every_whole_tick_is_there_at_once(tmp_path: Path) -> None:
    path = tmp_path / "growing"
    path.write_bytes(b"")
    recording = read_file(str(path), is_growing=True)
    storage = MemoryStorage()
    piped = Recording(StoredChapters(storage, is_growing=True), is_growing=True)
    assert not recording.refresh()
    with path.open("ab", buffering=0) as file:
        for piece, done in pieces_of(4):
            file.write(piece)
            storage.append(piece)
            for growing in (recording, piped):
                growing.refresh()
                assert [plain(tick) for _, tick in growing.walk()] == [plain(tick) for tick in TICKS[:done]]
                assert growing.ticks == done
                assert growing.damage == []
                last = growing.last()
                assert (last and growing.moment(last).mono) == (TICKS[done - 1].mono if done else None)
                assert not growing.refresh()
    assert [stretch.signpost.ticks for stretch in recording.stretches] == [4, 4, 2]
    use_all(recording)


@pytest.mark.parametrize("steps", [1, 3, 50])
def test_byte_by_byte(steps: int) -> None:
    """However the bytes of a recording come, nothing is lost, and nothing is called damaged."""
    pieces = pieces_of(4)
    content = b"".join(piece for piece, _ in pieces)
    ends = {sum(len(p) for p, _ in pieces[: i + 1]): done for i, (_, done) in enumerate(pieces)}
    storage = MemoryStorage()
    recording = Recording(StoredChapters(storage, is_growing=True), is_growing=True)
    known = 0
    for at in range(0, len(content), steps):
        storage.append(content[at : at + steps])
        recording.refresh()
        known = max([known, *(done for end, done in ends.items() if end <= at + steps)])
        assert recording.ticks == known == len(list(recording.walk()))
        assert recording.damage == []


@pytest.mark.parametrize("damage", [b"garbage", b"\x28\xb5\x2f", bytes(400)])
def test_growing_behind_damage(damage: bytes) -> None:
    """A chapter that begins behind damage is found when it comes, byte by byte too."""
    content = encode(in_chapters(TICKS, 4))
    storage = MemoryStorage(content[:300] + damage)
    recording = Recording(StoredChapters(storage, is_growing=True), is_growing=True)
    recording.refresh()
    for at in range(len(content)):
        storage.append(content[at : at + 1])
        recording.refresh()
        recording.first()
    assert check_ticks(recording, TICKS) == {tick.mono for tick in TICKS}
    assert recording.damage
    use_all(recording)


def test_a_session_appended_later() -> None:
    storage = MemoryStorage(encode(in_chapters(TICKS, 4)))
    recording = Recording(StoredChapters(storage, is_growing=True), is_growing=True)
    later = small_ticks(3, start=900.0)
    storage.append(encode([later]))
    assert recording.refresh()
    assert check_ticks(recording, [*TICKS, *later]) == {tick.mono for tick in [*TICKS, *later]}
    assert [event.kind for event in recording.events()] == ["gap"]


def test_the_last_tick_of_a_chapter_is_not_stepped_over() -> None:
    """A chapter under way was counted when it had fewer ticks."""
    storage = MemoryStorage(encode([TICKS[:3]], is_closed=False))
    recording = Recording(StoredChapters(storage, is_growing=True), is_growing=True)
    assert recording.step(Place(0, 0), 9) == Place(0, 2)
    rest = encode(in_chapters(TICKS, 4))[storage.size() :]
    assert encode(in_chapters(TICKS, 4)).startswith(storage.read(0, storage.size()))
    storage.append(rest)
    recording.refresh()
    assert recording.step(Place(0, 2), 1) == Place(0, 3)
    assert recording.step(Place(0, 3), 1) == Place(1, 0)
    assert recording.step(Place(1, 0), -1) == Place(0, 3)


def test_tape(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chapters leave the tape while somebody looks at them; their places lead to what is left."""
    monkeypatch.setattr(tape_module, "HORIZON", 20.0)
    tape = Tape()
    recording = Recording(TapedChapters(tape), is_growing=True)
    encoder = Encoder(HEADER, tape.piece, tape.chapter)
    ticks = small_ticks(200)
    for at, tick in enumerate(ticks):
        if at % 4 == 0:
            encoder.close_chapter()
        encoder.tick(tick)
        if at % 3 == 0:
            assert recording.refresh()
            last = recording.last()
            assert last is not None
            assert recording.moment(last).mono == tick.mono
            first = recording.first()
            assert first is not None
            assert tick.mono - 28 <= recording.moment(first).mono
    recording.refresh()
    stale = Place(0, 2)
    assert recording.chapter(0).header is None
    assert recording.tick(stale).samples == recording.state(stale).samples == ()
    assert recording.step(stale, 0) == recording.first()
    assert recording.header_at(stale) == HEADER._replace(machine=recording.header_at(stale).machine)
    seen = [tick.mono for _, tick in recording.walk()]
    assert seen == [tick.mono for tick in ticks[-len(seen) :]]
    assert tape.size < 20_000
    use_all(recording)
    for tick in small_ticks(100, start=900.0):  # the tape moves on under a recording that was not refreshed
        encoder.tick(tick)
        encoder.close_chapter()
    assert list(recording.walk()) == []
    use_all_but_places(recording)


def use_all_but_places(recording: Recording) -> None:
    recording.first()
    recording.last()
    recording.events()
    recording.step(Place(3, 3), -2)
    recording.at(0.0)


def test_events_before_any_tick() -> None:
    storage = MemoryStorage(encode([[Event(5.0, 1e9, "mark", "here")]], is_closed=False))
    recording = Recording(StoredChapters(storage, is_growing=True), is_growing=True)
    assert [event.text for event in recording.events()] == ["here"]
    assert recording.first() is None
    assert recording.step(Place(0, 0), 1) == Place(0, 0)
    assert recording.moment(Place(0, 0)).mono == 5.0


def test_a_pipe() -> None:
    content = encode(in_chapters(TICKS, 4))
    source = iter([content[:500], content[500:], b""])
    storage, calls = MemoryStorage(), []
    copy_stream(lambda _: next(source), storage, lambda: calls.append(storage.size()))
    assert calls == [500, len(content)]
    assert storage.read(0, len(content) + 5) == content


def test_a_pipe_that_brings_more_than_is_kept() -> None:
    """What was dropped is not followed by what comes after it."""
    storage = MemoryStorage(b"ab", limit=5)
    for piece in (b"cd", b"efgh", b"i"):
        storage.append(piece)
    assert storage.is_full
    assert storage.read(0, 99) == b"abcd"


def test_chapters_that_are_whole_but_unsigned() -> None:
    """The signpost comes after the chapter; between the two, the chapter is one under way."""
    content = encode([TICKS])
    whole = opened(content)
    assert whole is not None
    length = whole.stretches[0].length
    for more in range(60):
        recording = opened(content[: length + more], is_growing=True)
        assert recording is not None
        assert [(s.is_closed, s.signpost.ticks) for s in recording.stretches] == [(False, 10)]
        assert recording.damage == []
