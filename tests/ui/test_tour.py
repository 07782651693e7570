"""The tour: one screen, gone with the first key, which does what it does all the same."""

from __future__ import annotations

import time

import pytest
from textual import events

from leaktop.ui.app import LeaktopApp
from leaktop.ui.preferences import Preferences
from leaktop.ui.tour import Tour, tour_text
from leaktop.ui.travel import Replayed
from tests.ui.fake_source import Live, live
from tests.ui.replayed import Script, until

SIZES = [(160, 48), (40, 12), (20, 5)]


def tour(shown: Live) -> str:
    return shown.text("#tour") if shown.visible("#tour") else ""


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_it_fits_every_size_and_the_first_key_ends_it(size: tuple[int, int]) -> None:
    async with live(size=size, shows_tour=True) as shown:
        assert shown.visible("#tour")
        region = shown.app.screen.query_one("#tour").region
        assert region.right <= size[0]
        assert region.bottom <= size[1]
        if size >= (40, 12):
            text = " ".join(tour(shown).replace("│", " ").split())
            assert "8 Suspects: begin here" in text
            assert "q quit" in text
        await shown.press("2")
        assert not shown.visible("#tour")
        assert shown.app.dashboard.active.pane.name == "slab"


async def test_at_80x24_it_says_all_of_it() -> None:
    async with live(size=(80, 24), shows_tour=True) as shown:
        text = " ".join(tour(shown).replace("│", " ").split())
        for words in ("who takes it", "verdict", "Triage", "every key", "▲ grows", "not known", "Colours", "--tour"):
            assert words in text


async def test_keys_that_people_press_to_close_a_notice_do_only_that() -> None:
    async with live(size=(80, 24), shows_tour=True) as shown:
        for key in ("escape", "enter", "space"):
            shown.app.action_tour()
            await shown.settle()
            assert shown.visible("#tour")
            await shown.press(key)
            assert not shown.visible("#tour")
            assert len(shown.app.screen_stack) == 1
            assert "PAUSED" not in shown.text("#header")
        await shown.press("space")
        assert "PAUSED" in shown.text("#header")


async def test_q_quits_as_it_does_everywhere() -> None:
    async with live(size=(80, 24), shows_tour=True) as shown:
        await shown.press("q")
        assert not shown.app.is_running


async def test_keys_that_were_typed_ahead_keep_their_order_and_none_is_lost() -> None:
    async with live(size=(80, 24), shows_tour=True) as shown:
        for key, character in (
            ("2", "2"),
            ("slash", "/"),
            ("k", "k"),
            ("m", "m"),
            ("a", "a"),
            ("enter", None),
            ("z", "z"),
        ):
            shown.app.post_message(events.Key(key, character))
        await shown.settle()
        await shown.settle()
        assert "2 Slab · /kma" in shown.text("#panes")
        assert not shown.visible("#pane-memory")


async def test_it_is_not_there_unless_asked_for_and_the_palette_shows_it_again() -> None:
    async with live(size=(80, 24)) as shown:
        assert not shown.visible("#tour")
        await shown.press("2", "enter")
        await shown.press("ctrl+p")
        await shown.type("tour")
        await until(shown, lambda: "Show the tour" in shown.text())
        await shown.press("enter")
        await until(shown, lambda: shown.app._tour.region.area)
        assert shown.visible("#tour")
        await shown.press("escape")
        assert not shown.visible("#tour")


async def test_a_click_on_it_ends_it() -> None:
    async with live(size=(80, 24), shows_tour=True) as shown:
        await shown.click("#tour")
        assert not shown.visible("#tour")


@pytest.mark.parametrize(("seconds", "count"), [(0.0, 0), (5.0, 1)], ids=["typed ahead", "read"])
async def test_it_counts_as_read_only_where_there_was_time_to(seconds: float, count: int) -> None:
    read: list[bool] = []
    wanted = Preferences(shows_tour=True)
    recording = Script().record(5).recording()
    app = LeaktopApp(None, None, wanted, replayed=Replayed(recording, plays=False), on_toured=lambda: read.append(True))
    async with app.run_test() as pilot:
        app._tour._since = time.monotonic() - seconds
        await pilot.press("2")
        await pilot.press("3")
    assert len(read) == count


async def test_it_can_be_read_without_glyphs_and_follows_a_resize() -> None:
    async with live(size=(80, 24), shows_tour=True, is_ascii=True) as shown:
        assert tour(shown).isascii()
        await shown.pilot.resize_terminal(44, 12)
        await shown.settle()
        assert "Suspects" in tour(shown)
        assert shown.app.screen.query_one("#tour", Tour).region.right <= 44


def test_it_names_the_keys_that_the_user_chose() -> None:
    assert "f9" in tour_text(70, 30, {"help": "f9"}).plain
    assert all(len(line) <= 70 for line in tour_text(70, 30, {}).plain.splitlines())
