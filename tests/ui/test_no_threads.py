"""A machine that is out of memory, or of pids, gives no thread: what takes one says so, and the screen goes on."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from leaktop.control import kmemleak, reclaim
from leaktop.engine.allocations import Facility
from tests.ui.fake_source import Live, growing, live

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from leaktop.model.allocations import Allocations

NO_THREAD = "no thread could be started: memory is short, or there are too many"


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was written to the kernel, and who was asked; nothing is, and nobody."""
    done: list[str] = []
    monkeypatch.setattr(reclaim, "drop_caches", lambda what: done.append(f"drop {what}"))
    monkeypatch.setattr(kmemleak, "scan", lambda: done.append("scan"))

    def find(_watch: object) -> Allocations:
        done.append("asked")
        raise AssertionError

    tracefs = Facility("tracefs", 40, "records every allocation", True, lambda *_: None, find)
    monkeypatch.setattr("leaktop.engine.allocations.choose", lambda *_, **__: tracefs)
    return done


@pytest.fixture
async def shown(done: list[str], monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Live]:
    """A screen whose process gets no more threads."""

    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    async with live(growing(12), size=(160, 48), first=4) as running:
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", refuse)
            yield running
        await running.ticks(1)
        assert done == []


def said(shown: Live) -> str:
    return " ".join(shown.said().split())


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        (("5", "K", "s", "y"), "Nothing was done"),
        (("2", "K", "d", "y"), "Nothing was done"),
        (("2", "K", "a", "y"), "Nobody was asked"),
        (("left_square_bracket",), "This is as far back as it goes"),
    ],
)
async def test_what_cannot_be_done_is_said(shown: Live, keys: tuple[str, ...], words: str) -> None:
    for _ in range(2):  # nothing is under way, and it may be tried again
        await shown.press(*keys)
        assert f"{words}: {NO_THREAD}." in said(shown)
        assert "LIVE" in shown.text("#header")


async def test_a_drill_down_shows_what_needs_no_thread(shown: Live) -> None:
    await shown.press("6", "enter", "p")
    assert "RSS" in shown.text()
    assert NO_THREAD in shown.text()
    await shown.press("p", "escape", "1")
