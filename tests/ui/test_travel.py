"""Time travel as the user sees it: in a recording, and from the live screen into its last hour."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from textual.binding import Binding

from leaktop.engine import player as player_module
from leaktop.model.sample import Event, Fault
from leaktop.ui.keys import BINDINGS
from leaktop.units import human_delta
from leaktop.view.panes import PANES
from tests.ui.fake_source import MACHINE, Live, everything, growing, live
from tests.ui.replayed import START_MONO, START_WALL, Script, at, press, replaying, travelled, until

SIZES = [(10, 5), (40, 12), (160, 48)]
NAMES = [pane.name for pane in PANES if not pane.letter]
BACK, ON, BACK_TEN, ON_TEN = "left_square_bracket", "right_square_bracket", "left_curly_bracket", "right_curly_bracket"


def mark(n: float, text: str = "", kind: str = "mark", seconds: float | None = None) -> Event:
    return Event(START_MONO + n, START_WALL + n, kind, text, seconds)


def grown(n: int) -> str:
    """How kmalloc-2k stands at tick n, as its row shows it."""
    return human_delta(n * 320 << 10)


def header(shown: Live) -> str:
    return shown.lines("#header")[0]


@pytest.fixture(autouse=True)
def prompt(monkeypatch: pytest.MonkeyPatch) -> None:
    """The exact Frame need not wait until the first one is painted."""
    monkeypatch.setattr(player_module, "_PAINTING", 0.0)


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits a second for each tick."""
    monkeypatch.setattr(player_module, "_LONGEST_WAIT", 0.02)
    monkeypatch.setattr(player_module, "_PAINTED_EVERY", 0.0)


# From the live screen into its last hour


async def test_a_step_back_from_live_shows_the_past_while_reading_goes_on() -> None:
    async with live(growing(30), first=8) as shown:
        assert not shown.visible("#timeline")
        assert grown(7) in shown.pane("slab")
        await press(shown, BACK)
        assert "PAST -1s" in header(shown)
        assert shown.visible("#timeline")
        assert "●" in shown.text("#timeline")
        assert grown(6) in shown.pane("slab")
        assert grown(7) not in shown.pane("slab")
        assert "14:13:26" in header(shown)
        # WHEN more ticks come
        await shown.ticks(3)
        # THEN the panes stand, and the distance grows
        assert at(shown) == 6
        assert grown(6) in shown.pane("slab")
        assert "PAST -4s" in header(shown)
        await press(shown, ON_TEN)
        assert at(shown) == 10
        assert grown(10) in shown.pane("slab")


async def test_steps_by_one_and_by_ten_and_to_both_ends_and_back_to_live() -> None:
    async with live(growing(40), first=30) as shown:
        seen = []
        for key in (BACK, BACK, BACK_TEN, ON, ON_TEN, "T", "t", "0", BACK, "dollar_sign", ON):
            await press(shown, key)
            seen.append(at(shown))
        assert seen == [28, 27, 17, 18, 28, 27, 28, 0, 0, 29, 29]
        await shown.ticks(4)
        assert at(shown) == 29
        await press(shown, "L")
        assert "LIVE 1s" in header(shown)
        assert not shown.visible("#timeline")
        assert at(shown) == 33
        assert grown(33) in shown.pane("slab")
        # From a pause, back from what stands there.
        await shown.press("space")
        await shown.ticks(3)
        await press(shown, BACK)
        assert at(shown) == 32
        await press(shown, "L")
        assert at(shown) == 36
        assert "LIVE 1s" in header(shown)
        await shown.ticks()
        assert grown(37) in shown.pane("slab")


@pytest.mark.usefixtures("hurried")
async def test_space_plays_the_past_up_to_now_and_goes_on_with_what_comes() -> None:
    async with live(growing(60), first=20) as shown:
        await press(shown, "0")
        await shown.press("space")
        await until(shown, lambda: at(shown) == 19, "the newest tick")
        await until(shown, lambda: "following" in header(shown), "following")
        await shown.ticks(2)
        await until(shown, lambda: at(shown) == 21, "what came since")
        assert "PAST" in header(shown)
        await shown.press("space")
        await shown.ticks(2)
        await travelled(shown)
        assert at(shown) == 21


async def test_the_kernel_is_not_written_to_from_the_past() -> None:
    async with live(first=3) as shown:
        await press(shown, BACK)
        await shown.press("K")
        assert "L goes back to live first" in shown.said()
        assert "Kernel actions" not in shown.text()
        await shown.click("#pane-kmemleak #scan")
        assert "writes 'scan'" not in shown.text()


async def test_a_mark_in_the_past_is_of_the_past_only() -> None:
    async with live(growing(30), first=12) as shown:
        await press(shown, BACK_TEN, "m")
        assert "Baseline marked" in shown.said()
        await press(shown, ON, ON, ON)
        assert at(shown) == 4
        assert grown(3) in shown.pane("slab")
        await press(shown, "L")
        assert grown(11) in shown.pane("slab")


async def test_a_mark_of_the_live_screen_shows_on_the_line_and_counts_in_the_past() -> None:
    async with live(growing(30), first=10) as shown:
        await shown.press("m")
        await shown.ticks(6)
        await press(shown, BACK)
        assert "◇" in shown.lines("#timeline")[1]
        assert grown(14 - 9) in shown.pane("slab")
        await press(shown, "left_parenthesis")
        assert at(shown) == 10
        assert "the baseline was marked here" in header(shown)
        assert grown(1) in shown.pane("slab")
        await press(shown, BACK)
        assert grown(9) in shown.pane("slab")


async def test_there_is_no_past_before_the_first_tick() -> None:
    async with live(first=0) as shown:
        await shown.press(BACK, "J", "0")
        assert not shown.visible("#timeline")
        await shown.ticks(2)
        assert grown(1) in shown.pane("slab")


# Going somewhere


async def test_j_asks_where_to_and_goes_there() -> None:
    async with replaying() as shown:
        for wish, number in (("14:13:33", 13), ("+10s", 23), ("-3s", 20), ("end", 39), ("start", 0)):
            await shown.press("J")
            assert "Go to" in shown.text()
            assert "14:02" in shown.text("#jump")
            await shown.type(wish)
            await press(shown, "enter")
            assert at(shown) == number, wish
            assert "Go to" not in shown.text()


async def test_escape_goes_nowhere_and_letters_in_the_dialog_are_no_keys() -> None:
    async with replaying() as shown:
        await press(shown, ON, ON)
        await shown.press("J")
        await shown.type("LW0qm")
        assert "LW0qm" in shown.text("#jump")
        await press(shown, "escape")
        assert shown.app.is_running
        assert at(shown) == 2
        await press(shown, "J", "enter")
        assert at(shown) == 2


async def test_what_cannot_be_gone_to_is_said() -> None:
    async with replaying() as shown:
        for wish, words in (
            ("noonish", "is no time; write 14:02"),
            ("gap", "no gap"),
            ("09:00", "does not reach there"),
        ):
            await press(shown, "J")
            await shown.type(wish)
            await press(shown, "enter")
            await until(shown, lambda words=words: words in " ".join(shown.said().split()), words)  # type: ignore[misc]  # mypy has no type for a lambda with a default


async def test_events_are_told_in_the_header_and_drawn_on_the_line() -> None:
    events = [(5, mark(4.5, "load begins")), (20, mark(20, "", "gap", 75.0)), (30, mark(30, "", "clock", -3600.0))]
    async with replaying(Script(events=events).record(40), size=(160, 48)) as shown:
        line = shown.lines("#timeline")[1]
        assert [line.count(glyph) for glyph in "◆░◷●"] == [1, 1, 1, 1]
        for number, words in ((5, "mark: load begins"), (20, "a gap of 1m15s ends here"), (30, "set back by 1h00m")):
            await press(shown, "right_parenthesis")
            assert at(shown) == number
            assert words in header(shown)
        await press(shown, "right_parenthesis")
        await until(shown, lambda: "There is no event after this" in shown.said())
        await press(shown, "left_parenthesis", "left_parenthesis")
        assert at(shown) == 5
        await press(shown, ON)
        assert "load" not in header(shown)


async def test_w_goes_to_where_the_growth_of_the_row_began() -> None:
    ticks = [growing(1)[0]] * 20 + growing(20)
    async with replaying(Script(ticks).record(40)) as shown:
        await press(shown, "dollar_sign")
        await shown.press("2")
        assert "kmalloc-2k" in shown.row_under_cursor()
        await press(shown, "W")
        assert at(shown) in {20, 21}
        await press(shown, "dollar_sign")
        await shown.press("slash")
        await shown.type("ext4_inode")
        await shown.press("enter")
        await press(shown, "W")
        await until(shown, lambda: "This row has not grown" in shown.said())
        assert at(shown) == 39
        await shown.press("3", "M")
        await press(shown, "W")
        assert "M lists them" in shown.said()


async def test_a_click_on_the_line_goes_there() -> None:
    async with replaying(size=(128, 40)) as shown:
        await shown.click("#timeline", 14 + 50, 1)
        await travelled(shown)
        assert at(shown) in {19, 20}
        await shown.click("#timeline", 2, 1)
        await travelled(shown)
        assert at(shown) == 0
        await shown.click("#timeline", 126, 0)
        await travelled(shown)
        assert at(shown) == 39
        # Its curve is of the gauge under the cursor.
        assert "MemAvailable" in shown.lines("#timeline")[0]
        await shown.press("1", "slash")
        await shown.type("SUnreclaim")
        await shown.press("enter", "down", "up")
        await until(shown, lambda: "SUnreclaim" in shown.lines("#timeline")[0])


# Playing


@pytest.mark.usefixtures("hurried")
async def test_space_pauses_and_plus_and_minus_change_the_speed() -> None:
    async with replaying(Script(growing(4)).record(180)) as shown:
        assert "REPLAY paused x1" in header(shown)
        await press(shown, "plus")
        assert "REPLAY paused x10" in header(shown)
        await press(shown, "plus", "plus")
        assert "REPLAY paused x100" in header(shown)
        await press(shown, "minus", "minus", "minus")
        await shown.press("space")
        await until(shown, lambda: at(shown) > 5, "playing")
        assert "REPLAY x1" in header(shown)
        await press(shown, "space")
        here = at(shown)
        assert "REPLAY paused x1" in header(shown)
        await travelled(shown)
        assert at(shown) == here
        await shown.press("space", "plus", "plus")
        await until(shown, lambda: "REPLAY end" in header(shown), "the end")
        assert at(shown) == 179


@pytest.mark.usefixtures("hurried")
async def test_what_is_written_while_one_looks_is_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(player_module, "_REFRESH", 0.01)
    script = Script(growing(60)).record(20)
    async with replaying(script, is_growing=True) as shown:
        assert "REPLAY following" in header(shown)
        assert at(shown) == 19
        script.record(3)
        await until(shown, lambda: at(shown) == 22, "what came")
        await press(shown, BACK)
        assert "following" not in header(shown)
        script.record(3)
        await travelled(shown)
        assert at(shown) == 21
        await press(shown, "L")
        script.record(1)
        await until(shown, lambda: at(shown) == 26, "what came")
        assert "REPLAY following" in header(shown)


async def test_a_pipe_that_gives_nothing_yet_is_awaited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(player_module, "_REFRESH", 0.01)
    script = Script()
    async with replaying(script, is_growing=True) as shown:
        for binding in BINDINGS:
            assert isinstance(binding, Binding)
            if binding.id not in {"quit", "suspend"}:
                await shown.press(binding.key.split(",")[0], "escape")
        script.record(2)
        await until(shown, lambda: at(shown) == 1, "the first ticks")
        assert grown(1) in shown.pane("slab")


# Everything else works as live


async def test_the_panes_show_the_recorded_machine() -> None:
    # Live, a conclusion stands for five seconds: the moment is one at which it is made anew.
    async with live(growing(40), first=26) as lived, replaying() as shown:
        await press(shown, "dollar_sign", *[BACK] * 14)
        assert at(shown) == 25
        for name in NAMES:
            rows = [row.split() for row in shown.rows(name)]
            assert rows
            assert rows == [row.split() for row in lived.rows(name)[: len(rows)]], name
        assert shown.lines("#header")[1:] == lived.lines("#header")[1:]


async def test_sorting_filtering_zooming_and_drilling_down() -> None:
    async with replaying(size=(120, 40)) as shown:
        await press(shown, "dollar_sign")
        await shown.press("2", "c")
        assert "ext4_inode_cache" in shown.rows("slab")[0]
        await shown.press("D", "slash")
        await shown.type("signal")
        await shown.press("enter")
        assert [row.split()[1] for row in shown.rows("slab")] == ["signal_cache"]
        await press(shown, BACK_TEN)
        assert [row.split()[1] for row in shown.rows("slab")] == ["signal_cache"]
        await shown.press("escape", "z")
        assert [name for name in NAMES if shown.visible(f"#pane-{name}")] == ["slab"]
        await until(shown, lambda: "▄▄" in shown.text("#pane-slab .chart"))
        await shown.press("escape", "enter")
        assert "Slab › kmalloc-2k" in shown.text()
        assert f"{grown(29)} since" in " ".join(shown.text(".facts").split())
        await press(shown, BACK)  # time passes behind the drill-down as it does live
        assert at(shown) == 28
        assert f"{grown(28)} since" in " ".join(shown.text(".facts").split())
        assert "does not hold this" in " ".join(shown.text().split())
        await shown.press("escape")
        assert "kmalloc-2k" in shown.row_under_cursor()


async def test_m_lets_growth_count_from_where_one_is() -> None:
    async with replaying() as shown:
        await press(shown, ON_TEN, "m")
        assert "Baseline marked" in shown.said()
        assert "Nothing but caches has grown since 14:13:30" in shown.lines("#header")[1]
        await press(shown, ON_TEN)
        assert grown(10) in shown.pane("slab")
        await press(shown, BACK_TEN, BACK)
        assert grown(9) in shown.pane("slab")


async def test_what_needs_a_kernel_says_why_not() -> None:
    async with replaying() as shown:
        for keys, words in (("K", "there is no kernel to write to"), ("R", "nothing to be read anew")):
            await shown.press(keys)
            assert words in " ".join(shown.said().split())
        await shown.press("r")
        assert "leaktop cut" in " ".join(shown.said().split())
        assert "Kernel actions" not in shown.text()
        assert "Record" not in shown.text("#header")
        await shown.click("#pane-kmemleak #clear")
        assert "no undo" not in shown.text()
        assert " live" not in shown.text("#keys")
        assert "LIVE" not in header(shown)


async def test_every_key_can_be_pressed_on_a_replay() -> None:
    keys = [key for binding in BINDINGS if isinstance(binding, Binding) for key in binding.key.split(",")]
    async with replaying(size=(80, 24)) as shown:
        for key in keys:
            if key in {"q", "ctrl+c", "ctrl+q", "ctrl+z"}:
                continue
            await press(shown, key)
            await press(shown, "escape")
            assert shown.app.is_running, key
            assert len(shown.app.screen_stack) == 1, key
        await shown.press("2", "enter")
        for key in keys:  # behind the drill-down
            if key not in {"q", "ctrl+c", "ctrl+q", "ctrl+z"}:
                await shown.press(key)
        await press(shown, "escape", "escape", "escape")
        assert shown.app.is_running
        assert "leaktop failed" not in shown.said()
        await shown.press("q")
        assert not shown.app.is_running


async def test_keys_of_time_travel_wait_until_a_dialog_is_answered() -> None:
    async with replaying() as shown:
        await shown.press("question_mark")
        await press(shown, ON, "dollar_sign", "space", "W", "r")
        await press(shown, "escape")
        assert at(shown) == 0
        assert "paused" in header(shown)


# Sizes and hostile recordings


@pytest.mark.parametrize("size", SIZES)
async def test_every_size_shows_as_much_as_fits(size: tuple[int, int]) -> None:
    events = [(5, mark(5, "begins"))]
    async with replaying(Script(events=events).record(40), size=size) as shown:
        for key in (ON_TEN, "left_parenthesis", "J"):
            await press(shown, key)
            lines = shown.lines()
            assert len(lines) == size[1]
            assert {len(line) for line in lines} == {size[0]}
        await press(shown, "escape")
        assert at(shown) == 5
        assert shown.visible("#timeline") == (size[1] >= 12)
        if size[0] >= 40 and size[1] >= 12:
            assert "●" in shown.lines("#timeline")[1]
        assert "leaktop" in header(shown)[:10]


async def test_a_resize_draws_the_line_anew() -> None:
    async with replaying(size=(160, 48)) as shown:
        await press(shown, "dollar_sign")
        await shown.pilot.resize_terminal(80, 24)
        await shown.settle()
        line = shown.lines("#timeline")[1]
        assert line.index("●") == 80 - 14 - 1


async def test_ascii_means_ascii() -> None:
    events = [(5, mark(5, "x")), (10, mark(10, "", "gap", 9.0)), (15, mark(15, "", "clock", 9.0))]
    async with replaying(Script(events=events).record(40), is_ascii=True) as shown:
        await press(shown, ON)
        assert "@" in shown.lines("#timeline")[1]
        for keys in ((), ("J",), ("escape", "enter")):
            await press(shown, *keys)
            assert {character for character in shown.text() if not character.isascii()} == set(), keys


HOSTILE = [
    "[bold red]x[/]",
    "[/]",
    "\x1b[31mred\x1b]0;title\x07",
    "two\nlines\rback",
    "\u202ertl\u200b",
    "wide 漢字 " * 20,
    "\udcff\ud800",
    "\x00",
]


ODD = re.compile(r"[\x00-\x09\x0b-\x1f\x7f\u202e\u200b\ud800-\udfff]")


@pytest.mark.parametrize("kind", ["mark", "of 2030"])
async def test_what_a_recording_says_is_shown_as_text(kind: str) -> None:
    events = [(n, mark(n, text, f"{kind}{text}" if kind == "of 2030" else kind, 5.0)) for n, text in enumerate(HOSTILE)]
    async with replaying(Script(events=events).record(len(HOSTILE)), size=(160, 24)) as shown:
        for number, text in enumerate(HOSTILE):
            assert at(shown) == number
            assert not ODD.search(shown.text()), text
            assert shown.app.query_one("#header").size.width == 160
            if text.startswith("["):
                assert text in header(shown)
            await press(shown, ON)
        assert shown.app.is_running


@pytest.mark.parametrize("text", ["[/][bold", "\x1b]0;title\x07\n\u202ertl\udcff\x00"])
async def test_a_hostile_machine_is_shown_as_text(text: str) -> None:
    machine = replace(MACHINE, hostname=text, release=text, cmdline=text)
    async with replaying(Script(machine=machine).record(4)) as shown:
        await press(shown, ON, "enter", "escape", "question_mark")
        assert not ODD.search(shown.text())
        assert shown.app.is_running


async def test_a_recording_in_which_nothing_could_be_read_says_why() -> None:
    fault = Fault("denied", "/proc/slabinfo [needs] \x1b[31mroot", "sudo leaktop")
    async with replaying(Script([everything(fault)]).record(5)) as shown:
        await press(shown, ON, "dollar_sign")
        assert "/proc/slabinfo [needs]" in shown.pane("slab")
        assert "\x1b" not in shown.text()


async def test_a_recording_of_garbage_is_shown_with_its_faults() -> None:
    contents = (b"", b"\xff" * 300, b"{}", b"MemTotal: -1 kB\n" * 5, b"slabinfo - version: 9.9\nx y")
    good = growing(1)[0]
    garbage = [dict.fromkeys(good, content) for content in contents]
    async with replaying(Script([*garbage, good]).record(6)) as shown:
        for _ in contents:
            assert "kmalloc-2k" not in shown.pane("slab")
            await press(shown, ON)
        assert "ext4_inode_cache" in shown.pane("slab")
        assert shown.said() == ""


def test_every_key_of_the_line_is_bound() -> None:
    from leaktop.ui.keys import key_line

    bound = {key for binding in BINDINGS if isinstance(binding, Binding) for key in binding.key.split(",")}
    named = {
        key
        for is_travelling in (False, True)
        for key, _, _ in key_line(is_travelling=is_travelling, absent=set(), enter="x")
    }
    assert named - bound == {"slash", "enter", "D", "z", "U", "F", "P"}  # the panes' own
