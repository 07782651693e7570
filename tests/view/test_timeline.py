"""The line under the header: where things lie on it, and how it is drawn."""

from __future__ import annotations

import time
from typing import Any

import pytest

from leaktop.engine.finding import at_position, previous
from leaktop.engine.position import Position
from leaktop.engine.survey import Survey
from leaktop.model.sample import Event, Tick
from leaktop.recording.reader import Place, Recording
from leaktop.recording.timeline import Timeline, lay_out
from leaktop.view.timeline import EDGE, event_words, mode_words, timeline_lines
from tests.engine.played import START_MONO, START_WALL, leaking, opened, recorded


def event(at: float, kind: str = "mark", text: str = "", seconds: float | None = None) -> Event:
    return Event(START_MONO + at, START_WALL + at, kind, text, seconds)


def shown_at(recording: Recording, place: Place, **changes: Any) -> Position:
    """The position as the player makes it."""
    line, survey = lay_out(recording), Survey(recording)
    while survey.is_busy:
        survey.advance()
    at = line.position(place, recording.moment(place).mono)
    position = Position(place, at, previous(recording, line, place), 1, False, False, False, line, survey)
    return position._replace(**changes)


def drawn(position: Position, width: int = 128) -> tuple[str, str]:
    curve, ruler = ("".join(text for text, _ in line) for line in timeline_lines(position, width))
    return curve, ruler


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


# Where things lie


def test_the_line_is_as_long_as_what_was_recorded() -> None:
    line = lay_out(opened(recorded(leaking(300))))
    assert line.length == 299
    assert (line.start, line.end) == ((START_MONO, START_WALL), (START_MONO + 299, START_WALL + 299))
    assert line.events == ()
    assert line.damage == ()
    assert line.position(Place(2, 10), START_MONO + 250) == 250


def test_sleep_takes_no_room_and_a_gap_does() -> None:
    ticks = leaking(60)
    slept = [Tick(t.mono, t.wall + (7200 if n >= 30 else 0), t.samples) for n, t in enumerate(ticks)]
    assert lay_out(opened(recorded(slept))).length == 59
    torn = [*ticks[:20], *ticks[50:]]
    line = lay_out(opened(recorded(torn)))
    assert line.length == 59
    assert [(at, e.kind, e.seconds) for at, e in line.events] == [(50, "gap", 31)]


@pytest.mark.parametrize("uptime", [7.0, START_MONO + 10, START_MONO + 86400])
def test_another_boot_stands_where_the_clock_says(uptime: float) -> None:
    after = leaking(50, start=(uptime, START_WALL + 1000))
    line = lay_out(opened(recorded(leaking(100), after)))
    assert line.length == pytest.approx(1049)
    assert [(at, e.kind) for at, e in line.events] == [(1000, "reboot")]
    assert line.position(Place(1, 0), uptime) == 1000


def test_a_boot_that_the_clock_puts_before_the_last_comes_after_it_all_the_same() -> None:
    line = lay_out(opened(recorded(leaking(100), leaking(50, start=(7.0, START_WALL - 5000)))))
    assert line.length == 99 + 1 + 49


def test_events_lie_between_the_ticks_that_they_happened_between() -> None:
    ticks = leaking(300)
    entries: list[Tick | Event] = [
        event(-3, text="early"), *ticks[:119], event(118.5, text="a"), ticks[119], event(119.5, text="border"),
        *ticks[120:250], event(249.5, text="b"), *ticks[250:], event(400, text="late"),
    ]  # fmt: skip
    line = lay_out(opened(recorded(entries)))
    found = [(at, e.text) for at, e in line.events]
    assert found == [(0, "early"), (118.5, "a"), (119.5, "border"), (249.5, "b"), (299, "late")]


def test_what_the_recorder_told_of_a_gap_is_not_told_twice() -> None:
    ticks = leaking(300)
    line = lay_out(opened(recorded([*ticks[:120], *ticks[180:]])))
    assert [(at, e.kind) for at, e in line.events] == [(180, "gap")]


def test_damage_lies_where_ticks_are_lost() -> None:
    content = bytearray(recorded(leaking(500)))
    stretches = opened(bytes(content)).stretches
    lost = stretches[1]
    content[lost.offset + 30 : lost.offset + lost.length] = bytes(lost.length - 30)
    line = lay_out(opened(bytes(content)))
    assert line.length == 499
    assert line.damage == ((120, 239),)
    # The same where the chapter is cut out, so that only its signpost is left.
    del content[lost.offset : lost.offset + lost.length]
    assert lay_out(opened(bytes(content))).damage == ((120, 239),)


def test_a_place_for_every_moment_of_the_line() -> None:
    ticks = leaking(300)
    recording = opened(recorded([*ticks[:150], *ticks[200:]], leaking(20, start=(3.0, START_WALL + 500))))
    line = lay_out(recording)

    def second(position: float) -> float:
        place = at_position(recording, line, position)
        assert place is not None
        return recording.moment(place).wall - START_WALL

    asked = (0, 0.4, 1, 119, 119.5, 120, 149, 160, 200, 299, 350, 500, 505.5, 519, 10**9, -4)
    found = [0, 1, 1, 119, 120, 120, 149, 200, 200, 299, 500, 500, 506, 519, 519, 0]
    assert [second(position) for position in asked] == found


def test_a_line_of_nothing_holds_nothing() -> None:
    line = Timeline(0.0, (0.0, 0.0), (0.0, 0.0), (), (), {})  # type: ignore[arg-type]  # less than the real thing will do here
    assert line.place_near(0.0) is None
    assert line.position(Place(3, 1), 77.0) == 0


# How it is drawn


@pytest.mark.parametrize("width", [40, 41, 80, 120, 160, 300])
def test_both_lines_are_as_wide_as_the_screen(width: int) -> None:
    recording = opened(recorded(leaking(300)))
    for place in (Place(0, 0), Place(1, 30), Place(2, 59)):
        for line in drawn(shown_at(recording, place), width):
            assert len(line) == width


@pytest.mark.parametrize("width", [0, 1, 20, 39])
def test_where_there_is_no_room_there_is_nothing(width: int) -> None:
    assert timeline_lines(shown_at(opened(recorded(leaking(30))), Place(0, 3)), width) == []


def test_the_ruler_shows_where_we_are_from_end_to_end() -> None:
    recording = opened(recorded(leaking(301)))
    room = 100
    for place, column in ((Place(0, 0), 0), (Place(1, 30), 50), (Place(2, 60), 99)):
        _, ruler = drawn(shown_at(recording, place), room + 2 * EDGE)
        assert ruler.index("●") == EDGE + column
        assert ruler.count("●") == 1
    assert ruler.startswith("     14:13:20 ")
    assert ruler.rstrip().endswith(" 14:18:20")


def test_events_and_damage_have_their_glyphs() -> None:
    ticks = leaking(1000)
    entries: list[Tick | Event] = [
        *ticks[:100], event(100, "mark", "x"), *ticks[100:200], event(200, "baseline"), *ticks[200:300],
        *ticks[400:500], event(500, "suspend", "", 60), *ticks[500:600], event(600, "clock", "", -7200),
        *ticks[600:700], event(700, "new-in-2030", "?"), *ticks[700:],
    ]  # fmt: skip
    recording = opened(recorded(entries, leaking(50, start=(4.0, START_WALL + 1100))))
    line = lay_out(recording)._replace(damage=((800.0, 849.0),))
    position = shown_at(recording, Place(0, 0), timeline=line)
    _, ruler = drawn(position, 115 + 2 * EDGE)
    marks = {i - EDGE: glyph for i, glyph in enumerate(ruler) if i >= EDGE and glyph in "◆◇░◷↻✗"}
    assert marks == {10: "◆", 20: "◇", 40: "░", 50: "░", 60: "◷", 70: "◆", 80: "✗", 81: "✗", 82: "✗", 83: "✗", 84: "✗",
                     110: "↻"}  # fmt: skip


def test_the_curve_is_of_the_gauge_and_says_what_it_spans() -> None:
    recording = opened(recorded(leaking(300)))
    position = shown_at(recording, Place(0, 0))
    curve, _ = drawn(position)
    assert curve.startswith(" MemAvailable ")
    glyphs = curve[EDGE:-EDGE]
    assert glyphs[0] > glyphs[-1] == "▁"
    position.survey.choose("Slab")
    curve, _ = drawn(position)
    assert curve.startswith(" Slab ")
    assert curve[EDGE:-EDGE][0] == "▁"
    assert curve[EDGE:-EDGE][-1] == "█"
    assert " 120K-11.7M" in curve
    position.survey.choose("NoSuchLine")
    curve, _ = drawn(position)
    assert curve[EDGE:].strip() == ""


def test_one_tick_is_a_line_too() -> None:
    recording = opened(recorded(leaking(1)))
    curve, ruler = drawn(shown_at(recording, Place(0, 0)))
    assert ruler.index("●") == EDGE
    assert len(curve) == len(ruler) == 128


# What is said


def test_an_event_is_told_at_the_first_tick_after_it_and_nowhere_else() -> None:
    ticks = leaking(200)
    entries: list[Tick | Event] = [
        event(-1, text="start: make"), *ticks[:50], event(49.5, text="load"), *ticks[50:120],
        event(119.25, text="one"), event(119.5, text="two"), *ticks[120:], event(199.5, text="end"),
    ]  # fmt: skip
    recording = opened(recorded(entries))
    told = {}
    for number, (place, _) in enumerate(recording.walk()):
        words = event_words(shown_at(recording, place)) if number in {0, 1, 49, 50, 51, 119, 120, 121, 198, 199} else ""
        if words:
            told[number] = words
    assert told == {0: "mark: start: make", 50: "mark: load", 120: "mark: one; mark: two", 199: "mark: end"}


@pytest.mark.parametrize(
    ("kind", "text", "seconds", "words"),
    [
        ("mark", "", None, "mark"),
        ("baseline", "", None, "the baseline was marked here"),
        ("experiment", "dentry: 4M before, 1M after", None, "dentry: 4M before, 1M after"),
        ("gap", "", 75.0, "a gap of 1m15s ends here"),
        ("gap", "", None, "a gap of - ends here"),
        ("suspend", "", 7200.0, "the machine slept for 2h00m before this"),
        ("clock", "", -3600.0, "the clock was set back by 1h00m"),
        ("clock", "", 90.0, "the clock was set ahead by 1m30s"),
        ("reboot", "", None, "another boot begins here"),
        ("later", "killed", None, "later: killed"),
    ],
)
def test_events_in_words(kind: str, text: str, seconds: float | None, words: str) -> None:
    ticks = leaking(20)
    recording = opened(recorded([*ticks[:10], event(10, kind, text, seconds), *ticks[10:]]))
    assert event_words(shown_at(recording, Place(0, 10))) == words


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "REPLAY paused x1"),
        ({"is_last": True}, "REPLAY end"),
        ({"is_playing": True, "speed": 100}, "REPLAY x100"),
        ({"is_following": True, "is_last": True}, "REPLAY following"),
    ],
)
def test_what_the_player_does_in_words(changes: dict[str, object], words: str) -> None:
    position = shown_at(opened(recorded(leaking(3))), Place(0, 0), **changes)
    assert mode_words(position)[0] == words
