"""Frames out of a recording: at any place what feeding every tick gives, as far as a Frame is said to be exact."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from leaktop.engine.replay import Replay
from leaktop.model.sample import Event, Tick
from leaktop.recording.reader import Place, Recording, StoredChapters
from tests.engine.played import (
    LEAK,
    START_MONO,
    START_WALL,
    STILL,
    Memory,
    contents,
    differences,
    fed,
    leaking,
    machine,
    opened,
    recorded,
    recorder_to,
    row,
    tick,
)

if TYPE_CHECKING:
    from leaktop.model.frame import Frame

LONG = 1500
EATER = (77, 77)


def places_of(recording: Recording) -> list[Place]:
    return [place for place, _ in recording.walk()]


def exact(replay: Replay, place: Place) -> Frame:
    """As the player shows a place: at once, then exactly."""
    replay.rough(place)
    *_, frame = replay.exact(place)
    assert frame is not None
    return frame


def mark_at(n: int) -> Event:
    return Event(START_MONO + n, START_WALL + n, "baseline", "")


def key_of(frame: Frame, section: str, name: str) -> tuple[object, ...]:
    return next(r.key for r in frame.sections[section].rows if name in str(r.record))


@pytest.fixture(scope="module")
def long() -> tuple[Recording, list[Place], list[Frame]]:
    ticks = leaking(LONG, begins=100)
    recording = opened(recorded(ticks))
    return recording, places_of(recording), fed(ticks)


def check_figures(
    found: Frame, live: Frame, *, with_deltas: bool = True, sections: tuple[str, ...] = ("memory", "slab", "processes")
) -> None:
    """Value, growth and delta of every row."""
    for name in sections:
        section = live.sections[name]
        twins = {r.key: r for r in found.sections[name].rows}
        assert twins.keys() == {r.key for r in section.rows}, name
        for r in section.rows:
            twin = twins[r.key]
            assert twin.record == r.record
            for one, other in ((r.size, twin.size), (r.number, twin.number)):
                if one is None or other is None:
                    assert one is other
                    continue
                assert (one.value, one.growth) == (other.value, other.growth), (name, r.key)
                if with_deltas:
                    assert one.delta == other.delta, (name, r.key)


@pytest.mark.parametrize("n", [1, 2, 3, 7, 119, 120, 121, 640, LONG - 1])
def test_at_once_every_value_and_its_growth_are_right(long: tuple[Recording, list[Place], list[Frame]], n: int) -> None:
    recording, places, frames = long
    check_figures(Replay(recording).rough(places[n]), frames[n], with_deltas=False)


@pytest.mark.parametrize("n", [0, 1, 5, 119, 120, 121, 250, 299])
def test_near_the_start_a_frame_is_the_live_one_to_the_last_digit(
    long: tuple[Recording, list[Place], list[Frame]], n: int
) -> None:
    recording, places, frames = long
    assert differences(frames[n], exact(Replay(recording), places[n])) == []


@pytest.mark.parametrize("n", [301, 479, 480, 481, 1000, LONG - 1])
def test_far_from_the_start_figures_are_right_and_slopes_nearly(
    long: tuple[Recording, list[Place], list[Frame]], n: int
) -> None:
    recording, places, frames = long
    found = exact(Replay(recording), places[n])
    check_figures(found, frames[n])
    for key in (LEAK, STILL):  # a slope stands for five seconds, and may stand for others here
        assert row(found, key).size.slope == pytest.approx(row(frames[n], key).size.slope, rel=0.05)
    assert [suspect.key for suspect in found.suspects] == [suspect.key for suspect in frames[n].suspects]
    assert found.baseline_wall == frames[n].baseline_wall
    times, values = found.history.points("slab", LEAK, "size", found.mono)
    assert times[0] == START_MONO
    assert values[-1] == row(frames[n], LEAK).size.value


@pytest.mark.parametrize("n", [50, 118, 700])
def test_going_on_after_a_jump_is_like_having_come_all_the_way(
    long: tuple[Recording, list[Place], list[Frame]], n: int
) -> None:
    recording, places, frames = long
    replay = Replay(recording)
    exact(replay, places[n])
    for following in range(n + 1, n + 131):
        frame = replay.forward()
        assert frame is not None
        assert replay.place == places[following]
        check_figures(frame, frames[following])


def test_at_once_is_the_same_wherever_one_comes_from(long: tuple[Recording, list[Place], list[Frame]]) -> None:
    """What was made ready at one place serves the next, and only where it fits."""
    recording, places, _ = long
    replay = Replay(recording)

    def check(n: int, *marks: int) -> None:
        fresh = Replay(recording)
        for mark in marks:
            fresh.mark(places[mark])
        assert differences(fresh.rough(places[n]), replay.rough(places[n])) == [], n

    for n in (700, 1400, 2, 300, 0, 4, 1499):
        check(n)
        next(replay.exact(places[n]))  # given up, as when the next jump comes soon
    exact(replay, places[0])
    assert replay.forward() is not None
    exact(replay, places[900])
    replay.mark(places[600])
    for n in (800, 300, 602, 1000):
        check(n, 600)
        exact(replay, places[n])
        check(n, 600)


def test_there_is_nothing_before_anything_was_shown_or_after_the_last(
    long: tuple[Recording, list[Place], list[Frame]],
) -> None:
    recording, places, _ = long
    replay = Replay(recording)
    assert replay.forward() is None
    exact(replay, places[-1])
    assert replay.forward() is None
    replay.rough(places[10])
    assert replay.forward() is None  # it has not been fed what was before


def test_stepping_back_over_the_border_of_chapters(long: tuple[Recording, list[Place], list[Frame]]) -> None:
    recording, places, frames = long
    replay = Replay(recording)
    exact(replay, places[250])
    for n in range(249, 230, -1):
        known = replay.known(places[n])
        assert known is not None
        assert differences(frames[n], known) == []
    assert places[240].chapter != places[239].chapter


def test_the_baselines_that_the_user_marked_live_count() -> None:
    ticks = leaking(200)
    entries: list[Tick | Event] = [*ticks[:40], mark_at(40), *ticks[40:90], mark_at(90), *ticks[90:]]
    frames = fed(entries)
    recording = opened(recorded(entries))
    places = places_of(recording)
    replay = Replay(recording)
    for n in (199, 100, 91, 90, 89, 60, 41, 40, 39, 12):
        if n not in {40, 41}:  # live, what the slow probes said last is shown with its growth before the mark
            check_figures(replay.rough(places[n]), frames[n], with_deltas=False)
        assert differences(frames[n], exact(replay, places[n])) == [], n
    # Frames that were made on the way to a later one know of the marks before them only.
    exact(replay, places[95])
    for n in (89, 41, 40, 39):
        known = replay.known(places[n])
        assert known is not None
        assert differences(frames[n], known) == []


def test_a_baseline_far_before_and_far_behind_the_start_counts() -> None:
    ticks = leaking(1200)
    entries: list[Tick | Event] = [*ticks[:500], mark_at(500), *ticks[500:]]
    frames = fed(entries)
    recording = opened(recorded(entries))
    places = places_of(recording)
    for n in (499, 500, 501, 560, 800, 1199):
        check_figures(exact(Replay(recording), places[n]), frames[n])
        if n not in {500, 501}:
            check_figures(Replay(recording).rough(places[n]), frames[n], with_deltas=False)
    # What was made on the way there knows the baseline before.
    replay = Replay(recording)
    exact(replay, places[510])
    for n in (499, 500, 501):
        known = replay.known(places[n])
        assert known is not None
        check_figures(known, frames[n])


def test_a_baseline_that_was_marked_at_the_border_of_chapters_counts() -> None:
    ticks = leaking(200)
    entries: list[Tick | Event] = [*ticks[:120], mark_at(120), *ticks[120:]]
    frames = fed(entries)
    recording = opened(recorded(entries))
    places = places_of(recording)
    for n in (119, 120, 121, 199):
        assert differences(frames[n], exact(Replay(recording), places[n])) == []


@pytest.mark.parametrize("n", [0, 5, 119, 120, 700])
def test_growth_counts_from_where_the_user_marks(long: tuple[Recording, list[Place], list[Frame]], n: int) -> None:
    recording, places, frames = long
    replay = Replay(recording)
    replay.rough(places[n])
    replay.mark(places[n])
    base = row(frames[n], LEAK).size.value or 0
    assert row(exact(replay, places[n]), LEAK).size.growth == 0
    following = replay.forward()
    assert following is not None
    assert row(following, LEAK).size.growth == (row(frames[n + 1], LEAK).size.value or 0) - base
    for later in (n + 2, n + 30, n + 500):
        for frame in (replay.rough(places[later]), exact(replay, places[later])):
            assert row(frame, LEAK).size.growth == (row(frames[later], LEAK).size.value or 0) - base
    if n:
        before = exact(replay, places[n - 1])
        assert differences(frames[n - 1], before) == [] or n > 300
        assert row(before, LEAK).size.growth == row(frames[n - 1], LEAK).size.growth
        # Coming to the mark from before shows what going to it shows.
        marked = replay.forward()
        assert marked is not None
        assert row(marked, LEAK).size.growth == 0


def test_a_second_mark_replaces_the_first_behind_it() -> None:
    recording = opened(recorded(leaking(100)))
    places = places_of(recording)
    frames = fed(leaking(100))
    replay = Replay(recording)
    replay.mark(places[20])
    replay.mark(places[60])

    def growth(n: int) -> int:
        return row(exact(replay, places[n]), LEAK).size.growth or 0

    def value(n: int) -> int:
        return row(frames[n], LEAK).size.value or 0

    assert growth(90) == value(90) - value(60)
    assert growth(50) == value(50) - value(20)
    assert growth(10) == value(10) - value(0)


@pytest.mark.parametrize("boots", [("a", "b"), (None, None)])
@pytest.mark.parametrize("uptime", [10.0, START_MONO + 5000.0])
def test_after_a_reboot_growth_begins_anew_and_is_never_negative(boots: tuple[str | None, ...], uptime: float) -> None:
    before = leaking(300)
    start = (uptime, START_WALL + 90_000)
    after = [Tick(t.mono, t.wall, t.samples) for t in leaking(150, start=start)]
    recording = opened(recorded(before, after, boots=boots))
    frames = fed(after, machine(boots[1]))
    places = places_of(recording)
    second = places[300:]
    replay = Replay(recording)
    for n in (0, 1, 10, 130, 149):
        check_figures(replay.rough(second[n]), frames[n], with_deltas=False)
        found = exact(replay, second[n])
        assert differences(frames[n], found) == []
        assert row(found, LEAK).size.growth is not None
        assert (row(found, LEAK).size.growth or 0) >= 0
    # Playing over the border does the same.
    exact(replay, places[298])
    shown = [replay.forward() for _ in range(6)]
    for n, frame in enumerate(shown[1:]):
        assert frame is not None
        assert differences(frames[n], frame) == []


def test_a_gap_is_no_reboot_and_neither_is_a_clock_that_was_set() -> None:
    ticks = leaking(260)
    jumped = [t if n < 120 else Tick(t.mono, t.wall + 7200, t.samples) for n, t in enumerate(ticks)]
    recording = opened(recorded(jumped, boots=(None,)))
    assert [event.kind for event in recording.events()] == ["clock"]
    places = places_of(recording)
    for n in (119, 120, 200):
        assert differences(fed(jumped, machine(None))[n], exact(Replay(recording), places[n])) == []
    torn = [*ticks[:100], *ticks[180:]]
    recording = opened(recorded(torn))
    places = places_of(recording)
    for n in (99, 100, 130):
        assert differences(fed(torn)[n], exact(Replay(recording), places[n])) == []


def test_what_is_left_of_a_recording_with_a_damaged_chapter_is_shown() -> None:
    ticks = leaking(500)
    content = bytearray(recorded(ticks))
    whole = opened(bytes(content))
    middle = whole.stretches[2]
    content[middle.offset + 30 : middle.offset + middle.length] = bytes(middle.length - 30)
    recording = opened(bytes(content))
    assert recording.damage
    places = places_of(recording)
    left = [t for n, t in enumerate(ticks) if not 240 <= n < 360]
    assert [recording.moment(place).mono for place in places] == [t.mono for t in left]
    frames = fed(left)
    replay = Replay(recording)
    for n in (239, 240, 241, 379):
        # The chapter after the damaged one knows what slow probes said last, which feeding what is left does not.
        check_figures(replay.rough(places[n]), frames[n], with_deltas=False, sections=("memory", "slab"))
        check_figures(exact(replay, places[n]), frames[n], sections=("memory", "slab"))


def test_slow_probes_are_there_wherever_one_goes() -> None:
    def given(n: int) -> dict[str, bytes]:
        everything = contents(n, 30 + n)
        return everything if n < 10 else {name: text for name, text in everything.items() if name != "processes"}

    ticks = [tick(n, given(n)) for n in range(700)]
    recording = opened(recorded(ticks))
    frames = fed(ticks)
    places = places_of(recording)
    for n in (400, 699):
        for frame in (Replay(recording).rough(places[n]), exact(Replay(recording), places[n])):
            assert [r.record.comm for r in frame.sections["processes"].rows] == ["init", "eater"]
            check_figures(frame, frames[n], with_deltas=False)


def test_slow_probes_that_come_after_the_first_look_count_from_where_they_came() -> None:
    """Who looks at a recording of two ticks must not remember them as all of its beginning."""

    def given(n: int) -> Tick:
        everything = contents(n, 30 + n)
        return tick(
            n, everything if n >= 3 else {name: text for name, text in everything.items() if name != "slabinfo"}
        )

    memory = Memory()
    recorder = recorder_to(memory)
    recorder.take(given(0))
    recorder.take(given(1))
    recording = Recording(StoredChapters(memory, is_growing=True), is_growing=True)
    replay = Replay(recording)
    exact(replay, places_of(recording)[1])
    for n in range(2, 60):
        recorder.take(given(n))
    assert recording.refresh()
    frames = fed([given(n) for n in range(60)])
    check_figures(replay.rough(places_of(recording)[59]), frames[59], with_deltas=False)


def test_a_recording_of_garbage_shows_faults() -> None:
    ticks = [tick(n, {"meminfo": bytes(range(256)), "slabinfo": b"\xff\x00" * n, "processes": b"{"}) for n in range(20)]
    recording = opened(recorded(ticks))
    frame = exact(Replay(recording), places_of(recording)[-1])
    for name in ("memory", "slab", "processes"):
        assert frame.sections[name].fault is not None
        assert frame.sections[name].rows == () or name == "memory"
    assert frame.suspects == ()


def test_places_that_are_no_more_are_no_reason_to_fail() -> None:
    recording = opened(recorded(leaking(130)))
    replay = Replay(recording)
    for place in (Place(7, 3), Place(0, 500)):
        assert replay.rough(place).sections["slab"].fault is None
        assert exact(replay, place).sections["slab"].fault is None
