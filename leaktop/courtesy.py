"""Who goes first: the thread that draws and answers keys. The others let it, before each piece of what they do.

Threads of Python run one at a time, and in turns: beside three that parse and sort, the screen would have a quarter of
the time, and a key would take four times as long. Where nothing draws, all of this does nothing.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_T = TypeVar("_T")
_SLICE = 256
"""Items between two chances for the screen, and under one lock: well below a millisecond."""
_MOST = 0.03
"""Seconds that anybody waits, so that a screen which is busy all the time is still given something to show."""


class _Way:
    """Free, or taken by the screen's thread.

    Whoever waits sleeps until it is free: to look again and again would take the interpreter from the screen each time.
    """

    def __init__(self) -> None:
        self.taker: int | None = None
        self.is_free = threading.Event()
        self.is_free.set()


_WAY = _Way()


def take_way() -> None:
    """The screen, whose thread this is, has something to do."""
    _WAY.taker = threading.get_ident()
    _WAY.is_free.clear()


def leave_way() -> None:
    """It has not any more."""
    _WAY.is_free.set()


def give_way() -> None:
    """Let the screen go first. To be called some hundred times a second by whoever works for long."""
    if not _WAY.is_free.is_set() and _WAY.taker != threading.get_ident():
        _WAY.is_free.wait(_MOST)


def in_slices(items: Sequence[_T]) -> Iterator[Sequence[_T]]:
    """The items, some at a time, and the screen first before each."""
    for start in range(0, len(items), _SLICE):
        give_way()
        yield items[start : start + _SLICE]


def in_turns(items: Sequence[_T]) -> Iterator[_T]:
    """The same, one after the other."""
    for some in in_slices(items):
        yield from some


def let_go(items: list[Any]) -> None:
    """Empty a list whose items nobody else may hold, from its end.

    Dropped at once, a hundred thousand rows are freed in one go: 50 ms without a key.
    """
    while items:
        give_way()
        del items[-_SLICE:]
