"""What the keys of time travel do: everything through the player's own thread, as the screen asks for it."""

from __future__ import annotations

import threading
import time
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from leaktop.engine import player as player_module
from leaktop.model.sample import Event, Tick
from leaktop.recording.reader import Recording, StoredChapters
from tests.engine.played import (
    LEAK,
    START_MONO,
    START_WALL,
    STILL,
    Memory,
    Watched,
    fed,
    leaking,
    opened,
    recorded,
    recorder_to,
    row,
    tick,
)

if TYPE_CHECKING:
    from collections.abc import Callable


def mark(at: float, text: str = "", kind: str = "mark") -> Event:
    return Event(START_MONO + at, START_WALL + at, kind, text)


def watched(count: int = 300, **start: Any) -> Watched:
    return Watched(opened(recorded(leaking(count))), **start)


@pytest.fixture(autouse=True)
def prompt(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no screen that has to be painted first."""
    monkeypatch.setattr(player_module, "_PAINTING", 0.0)


@pytest.fixture
def utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


# Where it begins


def test_it_begins_at_the_first_tick_and_stands_still() -> None:
    with watched() as shown:
        shown.settled()
        assert shown.at == 0
        assert not shown.position.is_playing
        assert not shown.position.is_last
        assert shown.words == []


@pytest.mark.usefixtures("utc")
@pytest.mark.parametrize(
    ("wish", "at"),
    [
        ("+30s", 30),
        ("-1m", 239),
        ("end", 299),
        ("start", 0),
        ("14:14", 40),
        ("2026-09-21T14:15:00", 100),
        ("mark", 120),
    ],
)
def test_it_begins_where_it_is_told_to(wish: str, at: int) -> None:
    ticks = leaking(300)
    with Watched(opened(recorded([*ticks[:120], mark(119.5, "load"), *ticks[120:]])), wish=wish) as shown:
        shown.settled()
        assert shown.at == at
        assert shown.words == []


def test_a_beginning_that_is_no_time_is_said_and_the_first_tick_shown() -> None:
    for wish in ("noon", "gap"):
        with watched(wish=wish) as shown:
            shown.settled()
            assert shown.at == 0
            assert len(shown.words) == 1


# Going somewhere


def test_steps_go_on_and_back_and_stop_at_both_ends() -> None:
    with watched() as shown:
        player = shown.player
        assert shown.after(lambda: player.step(1)) == 1
        assert shown.after(lambda: player.step(10)) == 11
        assert shown.after(lambda: player.step(-1)) == 10
        assert shown.after(lambda: player.step(-10)) == 0
        assert shown.after(lambda: player.step(-1)) == 0
        assert shown.after(lambda: player.step(10**6)) == 299
        assert shown.position.is_last
        assert shown.after(player.to_start) == 0
        assert shown.after(player.to_end) == 299
        assert not shown.position.is_following


def test_every_step_back_shows_what_was_live() -> None:
    frames = fed(leaking(300))
    with watched() as shown:
        shown.after(lambda: shown.player.step(130))
        for second in range(129, 80, -1):
            assert shown.after(lambda: shown.player.step(-1)) == second
            live, replayed = row(frames[second], LEAK), row(shown.frame, LEAK)
            assert live == replayed


@pytest.mark.usefixtures("utc")
@pytest.mark.parametrize(
    ("wish", "at"),
    [
        ("14:14", 40),
        ("14:14:30", 70),
        (" -5s ", 145),
        ("+30s", 180),
        ("-2m", 30),
        ("2026-09-21T14:15", 100),
        ("1790000007", 7),
        ("start", 0),
        ("end", 299),
        ("$", 299),
    ],
)
def test_times_as_people_write_them(wish: str, at: int) -> None:
    with watched() as shown:
        shown.after(lambda: shown.player.step(150))
        assert shown.after(lambda: shown.player.go(wish)) == at
        assert shown.words == []


@pytest.mark.parametrize("wish", ["tomorrow", "25:00", "14:61", "+", "-", "+soon", "[/]\x1b[31m", "1e999", "9" * 400])
def test_what_is_no_time_is_said_and_changes_nothing(wish: str) -> None:
    with watched() as shown:
        shown.after(lambda: shown.player.step(150))
        assert shown.after(lambda: shown.player.go(wish)) == 150
        assert len(shown.words) == 1
        assert "leaktop failed" not in shown.words[0]


@pytest.mark.usefixtures("utc")
@pytest.mark.parametrize(("wish", "at"), [("18:00", 299), ("09:00", 0), ("-2h", 0), ("+1d", 299)])
def test_a_time_that_the_recording_does_not_reach_is_the_nearest_and_said(wish: str, at: int) -> None:
    with watched() as shown:
        shown.after(lambda: shown.player.step(150))
        assert shown.after(lambda: shown.player.go(wish)) == at
        assert "does not reach" in shown.words[0]


def test_a_share_of_the_line_is_a_moment() -> None:
    with watched() as shown:
        for share, at in ((0.0, 0), (1.0, 299), (0.5, 150), (7.0, 299), (-1.0, 0)):
            assert shown.after(lambda share=share: shown.player.to_share(share)) in {at, at - 1, at + 1}  # type: ignore[misc]  # mypy has no type for a lambda with a default


def with_events() -> Recording:
    """Marks between ticks and on them, before the first and behind the last; a gap; a border of chapters."""
    ticks = leaking(300)
    entries: list[Tick | Event] = [
        mark(-0.5, "start"),
        *ticks[:50],
        mark(49.5, "load"),
        *ticks[50:120],
        mark(119.5, "border"),
        *ticks[120:200],
        *ticks[240:260],
        mark(260, "", "baseline"),
        *ticks[260:],
        mark(299.5, "end"),
    ]
    return opened(recorded(entries))


def test_events_are_gone_to_one_after_another_and_back() -> None:
    with Watched(with_events()) as shown:
        player = shown.player
        shown.settled()
        assert shown.at == 0
        on = [shown.after(lambda: player.to_event((), 1)) for _ in range(6)]
        assert on == [50, 120, 240, 260, 299, 299]
        assert shown.words == ["There is no event after this."]
        back = [shown.after(lambda: player.to_event((), -1)) for _ in range(6)]
        assert back == [260, 240, 120, 50, 0, 0]
        assert shown.words[1:] == ["There is no event before this."]


def test_marks_and_gaps_by_name() -> None:
    with Watched(with_events()) as shown:
        go = shown.player.go
        assert [shown.after(lambda: go("Mark ")) for _ in range(4)] == [50, 120, 260, 299]
        shown.after(shown.player.to_start)
        assert shown.after(lambda: go("gap")) == 240
        assert shown.after(lambda: go("gap")) == 240
        assert shown.words == ["There is no gap or suspend or reboot after this."]


def test_events_after_a_clock_was_set_back_are_found() -> None:
    ticks = leaking(200)
    entries: list[Tick | Event] = [
        *ticks[:100],
        *(tick_at(t, -3600) for t in ticks[100:150]),
        Event(START_MONO + 150, START_WALL + 150 - 3600, "mark", "later"),
        *(tick_at(t, -3600) for t in ticks[150:]),
    ]
    with Watched(opened(recorded(entries))) as shown:
        shown.after(lambda: shown.player.to_event(("mark",), 1))
        assert shown.frame.mono == START_MONO + 150


def tick_at(original: Tick, shift: float) -> Tick:
    return Tick(original.mono, original.wall + shift, original.samples)


def test_the_origin_of_a_row_is_gone_to_or_said_to_be_none() -> None:
    with Watched(opened(recorded(leaking(300, begins=180)))) as shown:
        shown.after(shown.player.to_end)
        assert 180 <= shown.after(lambda: shown.player.to_origin("slab", LEAK)) <= 189
        shown.after(shown.player.to_end)
        assert shown.after(lambda: shown.player.to_origin("slab", STILL)) == 299
        assert shown.words == ["This row has not grown up to here."]


# What is shown there


def test_a_jump_is_shown_at_once_and_then_exactly() -> None:
    frames = fed(leaking(300))
    with watched() as shown:
        shown.settled()
        before = len(shown.shown)
        shown.after(lambda: shown.player.step(200))
        at_once, _ = shown.shown[before]
        assert row(at_once, LEAK).size.value == row(frames[200], LEAK).size.value
        assert row(at_once, LEAK).size.growth == row(frames[200], LEAK).size.growth
        assert row(at_once, LEAK) != row(frames[200], LEAK)
        assert row(shown.frame, LEAK) == row(frames[200], LEAK)


def test_only_the_last_of_many_wishes_is_made_exact() -> None:
    with watched(1000) as shown:
        for second in range(100, 900, 50):
            shown.player.go(f"{START_WALL + second:.0f}")
        shown.settled()
        assert shown.at == 850
        assert row(shown.frame, LEAK).size.slope is not None


def test_growth_counts_from_the_mark() -> None:
    frames = fed(leaking(300))
    with watched() as shown:
        shown.after(lambda: shown.player.step(100))
        shown.after(shown.player.mark)
        assert row(shown.frame, LEAK).size.growth == 0
        shown.after(lambda: shown.player.step(50))
        growth = (row(frames[150], LEAK).size.value or 0) - (row(frames[100], LEAK).size.value or 0)
        assert row(shown.frame, LEAK).size.growth == growth
        shown.after(lambda: shown.player.step(-60))
        assert row(shown.frame, LEAK).size.growth == row(frames[90], LEAK).size.growth


def test_the_curve_is_of_the_gauge_that_was_chosen() -> None:
    with watched() as shown:
        shown.settled()
        assert shown.position.survey.gauge == "MemAvailable"
        shown.player.choose_gauge("Slab")
        shown.settled()
        assert shown.position.survey.gauge == "Slab"
        amounts = [amount for _, _, amount in shown.position.survey.points()]
        assert len(amounts) == 300
        assert amounts == sorted(amounts)


def test_damage_in_the_middle_is_on_the_line_and_is_passed() -> None:
    content = bytearray(recorded(leaking(500)))
    middle = opened(bytes(content)).stretches[1]
    content[middle.offset + 30 : middle.offset + middle.length] = bytes(middle.length - 30)
    with Watched(opened(bytes(content))) as shown:
        shown.settled()
        assert shown.position.timeline.damage == ((120.0, 239.0),)
        assert shown.after(lambda: shown.player.step(119)) == 119
        assert shown.after(lambda: shown.player.step(1)) == 240
        assert shown.after(lambda: shown.player.step(-1)) == 119
        assert shown.after(lambda: shown.player.go(f"{START_WALL + 170:.0f}")) == 240
        assert shown.words == []


def test_a_recording_of_garbage_is_shown_with_its_faults() -> None:
    ticks = [tick(n, {"meminfo": bytes(range(256)), "slabinfo": b"\xff" * n}) for n in range(150)]
    with Watched(opened(recorded(ticks))) as shown:
        shown.after(shown.player.to_end)
        assert shown.frame.sections["slab"].fault is not None
        assert shown.words == []


# Playing


QUICK = 0.02
"""Seconds between the ticks of recordings that are played."""


def played(count: int, **start: Any) -> Watched:
    return Watched(opened(recorded(leaking(count, every=QUICK))), every=QUICK, **start)


@pytest.fixture
def painted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every Frame is shown, however fast they pass."""
    monkeypatch.setattr(player_module, "_PAINTED_EVERY", 0.0)


@pytest.mark.usefixtures("painted")
@pytest.mark.parametrize(("speed", "count"), [(1, 40), (10, 300), (100, 600)])
def test_playing_passes_every_tick_in_order_until_the_end(speed: int, count: int) -> None:
    with played(count, plays=True, speed=speed) as shown:
        shown.until(lambda: shown.shown and shown.position.is_last and not shown.position.is_playing, "the end")
        assert shown.passed() == list(range(count))
        assert {position.speed for _, position in shown.shown} == {speed}
        assert not shown.position.is_following
        live = fed(leaking(count, every=QUICK))[-1]
        assert row(shown.frame, LEAK).size == row(live, LEAK).size


@pytest.mark.usefixtures("painted")
@pytest.mark.parametrize("speed", [1, 10, 100])
def test_what_passes_in_between_takes_its_time(speed: int) -> None:
    due: list[float] = []
    with played(300, plays=True, speed=speed) as shown:
        shown.player._on_frame = lambda *_: due.append(shown.player._due)
        shown.until(lambda: len(due) > 12)
    waits = [round(b - a, 6) for a, b in pairwise(due)]
    assert QUICK / speed in waits[-8:]


def test_what_passes_too_fast_to_be_seen_is_not_painted() -> None:
    with played(3000, plays=True, speed=100) as shown:
        shown.until(lambda: shown.shown and shown.position.is_last and not shown.position.is_playing, "the end")
        assert shown.passed() == sorted(shown.passed())
        assert len(shown.shown) < 600


def test_the_speed_stays_within_its_bounds() -> None:
    with watched() as shown:
        for steps, speed in ((1, 10), (1, 100), (1, 100), (-1, 10), (-5, 1), (-1, 1)):
            shown.after(lambda steps=steps: shown.player.faster(steps))  # type: ignore[misc]  # mypy has no type for a lambda with a default
            assert shown.position.speed == speed
        assert not shown.position.is_playing


@pytest.mark.usefixtures("painted")
def test_pause_stops_and_play_goes_on_from_there() -> None:
    with played(2000, plays=True) as shown:
        shown.until(lambda: shown.at >= 20)
        shown.after(shown.player.toggle)
        assert not shown.position.is_playing
        stopped = shown.at
        shown.after(lambda: None)
        assert shown.at == stopped
        shown.player.toggle()
        shown.until(lambda: shown.at >= stopped + 20)
        assert all(b == a + 1 for a, b in pairwise(shown.passed()))


@pytest.mark.usefixtures("painted")
def test_playing_goes_on_after_a_jump_far_into_a_long_recording() -> None:
    frames = fed(leaking(1500, every=QUICK))
    with played(1500) as shown:
        shown.player.step(1200)
        shown.player.toggle()  # at once, before all was fed that the slopes need
        shown.until(lambda: shown.at >= 1230)
        shown.after(shown.player.toggle)
        live, replayed = row(frames[shown.at], LEAK).size, row(shown.frame, LEAK).size
        assert replayed[:4] == live[:4]
        assert replayed.slope == pytest.approx(live.slope, rel=0.05)
        assert shown.passed() == [0, *range(1200, shown.at + 1)]


@pytest.mark.usefixtures("painted")
def test_playing_goes_on_after_stepping_back() -> None:
    with played(600) as shown:
        shown.after(lambda: shown.player.step(400))
        shown.after(lambda: shown.player.step(-15))
        shown.player.toggle()
        shown.until(lambda: shown.at >= 450)
        assert shown.passed() == [0, 400, *range(385, shown.at + 1)]


def test_stepping_while_it_plays_stops_it() -> None:
    with played(2000, plays=True) as shown:
        shown.until(lambda: shown.at >= 10)
        shown.after(lambda: shown.player.step(-5))
        assert not shown.position.is_playing
        here = shown.at
        assert shown.after(lambda: None) == here


def test_a_gap_is_waited_for_only_so_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(player_module, "_LONGEST_WAIT", 0.1)
    ticks = leaking(9000, every=QUICK)
    recording = opened(recorded([*ticks[:10], *ticks[8990:]]))
    with Watched(recording, every=QUICK, plays=True) as shown:
        shown.until(lambda: shown.at == 8999)  # a gap of three minutes
        assert [event.kind for _, event in shown.position.timeline.events] == ["gap"]


# A recording that grows


class Growing:
    """A recorder at work, and a player on what it writes."""

    def __init__(self, first: int, every: float = 1.0, **start: Any) -> None:
        self.memory = Memory()
        self.recorder = recorder_to(self.memory)
        self.ticks = leaking(1200, every=every)
        self.count = 0
        self.record(first)
        recording = Recording(StoredChapters(self.memory, is_growing=True), is_growing=True)
        self.shown = Watched(recording, is_growing=True, every=every, **start)

    def __enter__(self) -> Growing:
        return self

    def __exit__(self, *_: object) -> None:
        self.shown.player.stop()

    def record(self, count: int) -> None:
        for given in self.ticks[self.count : self.count + count]:
            self.recorder.take(given)
        self.count += count


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(player_module, "_REFRESH", 0.01)


@pytest.mark.usefixtures("eager")
def test_what_comes_is_followed() -> None:
    frames = fed(leaking(1200))
    with Growing(30) as growing:
        shown = growing.shown
        shown.until(lambda: shown.at == 29)
        assert shown.position.is_following
        for count in (1, 1, 5, 100, 1):
            growing.record(count)
            shown.until(lambda: shown.at == growing.count - 1, "what came")
        shown.settled()
        assert row(shown.frame, LEAK) == row(frames[growing.count - 1], LEAK)
        assert shown.position.timeline.length == growing.count - 1
        assert shown.position.at == growing.count - 1
        assert shown.position.is_following


@pytest.mark.usefixtures("eager")
def test_a_pipe_that_has_given_nothing_yet_is_awaited() -> None:
    with Growing(0) as growing:
        shown = growing.shown
        shown.after(lambda: shown.player.step(-1))
        shown.after(lambda: shown.player.go("end"))
        shown.after(shown.player.mark)
        shown.after(shown.player.to_end)
        assert shown.shown == []
        assert "leaktop failed" not in " ".join(shown.words)
        shown.player.to_end(follow=True)
        growing.record(3)
        shown.until(lambda: shown.at == 2)
        assert shown.position.is_following


@pytest.mark.usefixtures("eager")
def test_following_begins_exact_however_long_the_recording_is() -> None:
    frames = fed(leaking(1200))
    with Growing(900) as growing:
        shown = growing.shown

        def fine() -> bool:
            return shown.at >= 0 and row(shown.frame, LEAK).size.slope is not None

        deadline = 0
        while not fine():  # ticks come faster than all that is wanted can be fed
            growing.record(1)
            deadline += 1
            assert deadline < 250
            time.sleep(0.02)
        shown.until(lambda: shown.at == growing.count - 1)
        shown.settled()
        live, replayed = row(frames[growing.count - 1], LEAK).size, row(shown.frame, LEAK).size
        assert replayed[:4] == live[:4]


@pytest.mark.usefixtures("eager")
def test_who_looks_back_is_left_there_until_asking_for_the_end() -> None:
    with Growing(50) as growing:
        shown = growing.shown
        shown.until(lambda: shown.at == 49)
        assert shown.after(lambda: shown.player.step(-20)) == 29
        assert not shown.position.is_following
        growing.record(100)
        shown.until(lambda: shown.recording.ticks == 150)
        assert shown.after(lambda: None) == 29
        assert shown.after(shown.player.to_end) == 149
        assert not shown.position.is_following
        assert shown.after(lambda: shown.player.to_end(follow=True)) == 149
        growing.record(5)
        shown.until(lambda: shown.at == 154)
        assert shown.position.is_following
        assert shown.position.at == 154


@pytest.mark.usefixtures("eager")
def test_pause_leaves_what_is_followed() -> None:
    with Growing(50) as growing:
        shown = growing.shown
        shown.until(lambda: shown.at == 49)
        shown.after(shown.player.toggle)
        assert not shown.position.is_following
        assert not shown.position.is_playing
        growing.record(30)
        shown.until(lambda: shown.recording.ticks == 80)
        assert shown.after(lambda: None) == 49


@pytest.mark.usefixtures("eager", "painted")
def test_playing_to_the_end_of_what_grows_goes_on_with_what_comes() -> None:
    with Growing(60, QUICK) as growing:
        shown = growing.shown
        shown.after(shown.player.to_start)
        shown.player.toggle()
        shown.until(lambda: shown.at == 59)
        growing.record(20)
        shown.until(lambda: shown.at == 79)
        assert shown.passed()[:61] == [59, *range(60)]
        assert shown.position.is_following


# What goes wrong


def test_what_fails_is_said_and_the_next_command_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    with watched() as shown:
        shown.settled()

        def fail(*_: object) -> None:
            raise ZeroDivisionError("as if")

        player = shown.player
        actions: list[tuple[str, Callable[[], None]]] = [
            ("step", lambda: player.step(1)),
            ("at", lambda: player.go("+5s")),
            ("first", player.to_start),
            ("last", player.to_end),
            ("moment", lambda: player.to_event((), 1)),
            ("at_mono", lambda: player.to_share(0.3)),
            ("state", lambda: player.to_origin("slab", LEAK)),
            ("tick", lambda: player.step(170)),
        ]
        for name, action in actions:
            shown.words.clear()
            with monkeypatch.context() as patch:
                patch.setattr(shown.recording, name, fail)
                action()
                shown.until(lambda: shown.words, name)
            assert "leaktop failed on this recording (ZeroDivisionError: as if)" in shown.words[0]
            shown.after(player.to_end)
            assert shown.at == 299
            assert shown.after(player.to_start) == 0


def test_what_fails_on_the_side_is_said_once_and_the_thread_lives_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(player_module, "_REFRESH", 0.01)
    memory = Memory()
    recorder = recorder_to(memory)
    for given in leaking(20):
        recorder.take(given)
    recording = Recording(StoredChapters(memory, is_growing=True), is_growing=True)
    with Watched(recording, is_growing=True) as shown:
        shown.settled()
        tried = []

        def fail() -> bool:
            tried.append(1)
            raise OSError("the disk is gone")

        with monkeypatch.context() as patch:
            patch.setattr(recording, "refresh", fail)
            shown.until(lambda: len(tried) > 10)
        assert len(shown.words) == 1
        assert "the disk is gone" in shown.words[0]
        assert shown.after(lambda: shown.player.step(-5)) == 14


def test_it_ends_when_it_is_told_to() -> None:
    with watched() as shown:
        shown.settled()
        shown.player.stop()
        threads = [thread for thread in threading.enumerate() if thread.name == "leaktop-player"]
        for thread in threads:
            thread.join(5)
        shown.player.step(1)
        assert shown.at == 0
