"""The screen goes first: other threads wait for it, but never for ever, and it never for itself."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from leaktop import courtesy
from leaktop.courtesy import give_way, leave_way, take_way

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def nobody() -> Iterator[None]:
    yield
    leave_way()


def in_another_thread() -> threading.Event:
    """Set once a thread that gave way may go on."""
    went_on = threading.Event()

    def work() -> None:
        give_way()
        went_on.set()

    threading.Thread(target=work, daemon=True).start()
    return went_on


def test_others_wait_until_the_screen_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(courtesy, "_MOST", 60.0)
    take_way()
    went_on = in_another_thread()
    assert not went_on.wait(0.05)
    leave_way()
    assert went_on.wait(10)


def test_a_screen_that_is_always_busy_does_not_keep_them_for_ever() -> None:
    take_way()
    assert in_another_thread().wait(10)


def test_the_screen_does_not_wait_for_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: pytest.fail("it waited"))
    take_way()
    give_way()


def test_where_nothing_draws_nobody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: pytest.fail("it waited"))
    give_way()
