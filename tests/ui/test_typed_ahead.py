"""Keys that arrive faster than the screen follows: nothing is answered twice, nothing ends the program."""

from __future__ import annotations

import pytest
from textual import events

from leaktop.cli.demo import DEMO
from leaktop.recording.reader import read_file
from leaktop.ui.app import LeaktopApp
from leaktop.ui.travel import Replayed

BURSTS = (
    ("J", "minus", "1", "s", "enter", "enter"),
    ("J", "escape", "escape", "escape"),
    ("question_mark", "q", "q"),
    ("enter", "enter", "escape", "escape", "escape"),
    ("ctrl+p", "pageup", "pagedown", "escape", "escape", "escape"),
    ("ctrl+p", "down", "enter", "enter", "enter"),
)


@pytest.mark.parametrize("size", [(160, 48), (10, 5)], ids=str)
@pytest.mark.parametrize("burst", BURSTS, ids="-".join)
async def test_a_burst_of_keys_is_survived(burst: tuple[str, ...], size: tuple[int, int]) -> None:
    app = LeaktopApp(None, None, replayed=Replayed(read_file(DEMO), plays=False))
    async with app.run_test(size=size) as pilot:
        await pilot.press(burst[0])
        for key in burst[1:]:
            app.post_message(events.Key(key, key if len(key) == 1 else None))
        await pilot.pause(0.2)
        assert app.is_running or app.return_code == 0  # q may be the last of a burst


@pytest.mark.parametrize("is_forwarded", [False, True], ids=["fresh", "passed up from a widget"])
async def test_keys_that_come_after_the_last_screen_went_are_for_nobody(is_forwarded: bool) -> None:
    app = LeaktopApp(None, None, replayed=Replayed(read_file(DEMO), plays=False))
    async with app.run_test() as pilot:
        await pilot.pause()
    assert not app.screen_stack
    key = events.Key("escape", None)
    if is_forwarded:
        key._set_forwarded()
    await app.on_event(key)
