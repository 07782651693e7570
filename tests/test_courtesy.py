"""The screen goes first: other threads wait for it, but never for ever, and it never for itself."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from leaktop import courtesy
from leaktop.courtesy import give_way, in_turns, leave_way, let_go, take_way

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
    monkeypatch.setattr(courtesy._WAY.is_free, "wait", lambda _: pytest.fail("it waited"))
    take_way()
    give_way()


def test_where_nothing_draws_nobody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(courtesy._WAY.is_free, "wait", lambda _: pytest.fail("it waited"))
    give_way()


def test_a_long_list_is_let_go_from_its_end_and_the_screen_goes_first() -> None:
    items = [object() for _ in range(1000)]
    kept = items[0]
    take_way()
    letting_go = threading.Thread(target=let_go, args=(items,), daemon=True)
    letting_go.start()
    letting_go.join(0.01)
    assert items[0] is kept
    leave_way()
    letting_go.join(10)
    assert items == []


def test_every_item_has_its_turn() -> None:
    assert list(in_turns(range(1000))) == list(range(1000))
