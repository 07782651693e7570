"""Who goes first: the thread that draws and answers keys. The others let it, before each piece of what they do.

Threads of Python run one at a time, and in turns: beside three that parse and sort, the screen would have a quarter of
the time, and a key would take four times as long. Where nothing draws, all of this does nothing.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_T = TypeVar("_T")
_SLICE = 256
"""Items between two chances for the screen, and under one lock: well below a millisecond."""
_MOST, _LOOK = 0.03, 0.001
"""Seconds that anybody waits, so that a screen which is busy all the time is still given something to show."""


class _Way:
    """Which thread wants it for itself just now: the screen's, or none."""

    def __init__(self) -> None:
        self.taker: int | None = None

    def is_free_for(self, thread: int) -> bool:
        """Whether that thread may go on."""
        return self.taker is None or self.taker == thread


_WAY = _Way()


def take_way() -> None:
    """The screen, whose thread this is, has something to do."""
    _WAY.taker = threading.get_ident()


def leave_way() -> None:
    """It has not any more."""
    _WAY.taker = None


def give_way() -> None:
    """Let the screen go first. To be called some hundred times a second by whoever works for long."""
    thread = threading.get_ident()
    if _WAY.is_free_for(thread):
        return
    end = time.monotonic() + _MOST
    while not _WAY.is_free_for(thread) and time.monotonic() < end:
        time.sleep(_LOOK)


def in_slices(items: Sequence[_T]) -> Iterator[Sequence[_T]]:
    """The items, some at a time, and the screen first before each."""
    for start in range(0, len(items), _SLICE):
        give_way()
        yield items[start : start + _SLICE]


def in_turns(items: Sequence[_T]) -> Iterator[_T]:
    """The same, one after the other."""
    for some in in_slices(items):
        yield from some
