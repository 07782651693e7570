"""The curve of a gauge over a whole recording."""

from __future__ import annotations

from leaktop.engine.survey import DEFAULT, Survey
from leaktop.recording.reader import Recording, StoredChapters, TapedChapters
from leaktop.recording.recorder import Recorder
from leaktop.recording.tape import Tape
from tests.engine.played import START_MONO, Memory, fed, header, leaking, opened, recorded, recorder_to, tick


def looked_at(survey: Survey) -> int:
    """Let it look at everything; how often it had to."""
    turns = 0
    while survey.is_busy:
        survey.advance()
        turns += 1
        assert turns < 1000
    return turns


def free_at(n: int, count: int) -> int:
    rows = fed(leaking(count))[n].sections["memory"].rows
    return next(row.size.value or 0 for row in rows if row.record.name == "MemFree")


def test_a_short_recording_is_read_at_every_tick() -> None:
    survey = Survey(opened(recorded(leaking(150))))
    looked_at(survey)
    points = survey.points()
    assert [mono for _, mono, _ in points] == [START_MONO + n for n in range(150)]
    assert points[40][2] == free_at(40, 150)
    assert survey.gauge == DEFAULT


def test_a_long_one_at_some_hundred_moments_from_end_to_end() -> None:
    survey = Survey(opened(recorded(leaking(3000))))
    assert looked_at(survey) == 25  # chapters
    points = survey.points()
    assert 300 <= len(points) <= 800
    assert points[0][1] == START_MONO
    assert points[-1][1] > START_MONO + 2980
    assert [place for place, _, _ in points] == sorted(place for place, _, _ in points)


def test_another_gauge_needs_no_second_look() -> None:
    survey = Survey(opened(recorded(leaking(20))))
    looked_at(survey)
    assert survey.choose("Slab")
    assert not survey.choose("Slab")
    assert survey.points()[0][2] == 120 << 10
    assert not survey.is_busy
    survey.choose("NoSuchLine")
    assert survey.points() == []


def test_what_comes_later_is_looked_at_too() -> None:
    memory = Memory()
    recorder = recorder_to(memory)
    recording = Recording(StoredChapters(memory, is_growing=True), is_growing=True)
    survey = Survey(recording)
    assert not survey.is_busy
    seen = []
    for n, given in enumerate(leaking(300)):
        recorder.take(given)
        if n % 50 == 3:
            recording.refresh()
            looked_at(survey)
            seen.append(survey.points()[-1][1] - START_MONO)
    assert seen == [3, 53, 103, 153, 203, 253]
    assert len(survey.points()) == 254


def test_following_for_days_takes_no_more_memory() -> None:
    memory = Memory()
    recorder = recorder_to(memory)
    recording = Recording(StoredChapters(memory, is_growing=True), is_growing=True)
    survey = Survey(recording)
    for given in leaking(2500):
        recorder.take(given)
        if given.mono % 5 == 0:
            recording.refresh()
            looked_at(survey)
            assert len(survey.points()) <= 810
    points = survey.points()
    assert points[0][1] == START_MONO
    assert points[-1][1] >= START_MONO + 2490


def test_what_a_tape_has_dropped_is_not_on_the_curve() -> None:
    tape = Tape()
    recorder = Recorder(header(), tape, suspended=lambda: 0.0)
    recording = Recording(TapedChapters(tape), is_growing=True)
    survey = Survey(recording)
    for given in leaking(4200):
        recorder.take(given)
        if given.mono % 100 == 0:
            recording.refresh()
            looked_at(survey)
    assert recording.stretches[0].number > 0
    first = recording.stretches[0].signpost.first.mono
    assert survey.points()[0][1] >= first > START_MONO


def test_garbage_and_nothing_are_no_points_and_no_end() -> None:
    ticks = [tick(n, {"meminfo": b"\xff\xfe" * n, "slabinfo": b""}) for n in range(130)]
    survey = Survey(opened(recorded(ticks)))
    looked_at(survey)
    assert survey.points() == []
    survey = Survey(opened(recorded([tick(n, {"slabinfo": b"x"}) for n in range(5)])))
    looked_at(survey)
    assert survey.points() == []


def test_a_damaged_chapter_is_left_out() -> None:
    content = bytearray(recorded(leaking(400)))
    middle = opened(bytes(content)).stretches[1]
    content[middle.offset + 30 : middle.offset + middle.length] = bytes(middle.length - 30)
    survey = Survey(opened(bytes(content)))
    looked_at(survey)
    seconds = [mono - START_MONO for _, mono, _ in survey.points()]
    assert seconds[0] == 0
    assert seconds[-1] > 390
    assert not any(120 <= second < 240 for second in seconds)
