"""What lets a key through at any time: how long threads keep the interpreter, and when its garbage is collected."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import selectors
import sys
import time
from typing import TYPE_CHECKING

from textual._styles_cache import StylesCache

from leaktop.courtesy import leave_way, take_way

if TYPE_CHECKING:
    from leaktop.model.frame import Frame

_TURN = 0.0005
"""Seconds that a thread keeps the interpreter while another wants it. A key changes threads five times on its way
through the screen, and waits each time while a tick is parsed: Python's own 5 ms are 25 then."""
_YOUNG, _MIDDLE, _NEVER = 3000, 4, 1 << 30
"""Thresholds of the collector: what is young is looked at often, in some milliseconds, and all that lives, never."""
_SHOWN = 2.0
"""Seconds until the first figures are shown, and more: looking for garbage before is a twentieth of that time."""
_FEW = 20_000
"""Rows of a machine of which all that lives is looked through in some 50 ms."""
SWEPT_EVERY = 60.0
"""Seconds between two sweeps: dialogs that are opened and closed all the time leave 20 MB a minute behind."""


def calm_collector() -> None:
    """Have garbage collected without walking all that lives, which on a big machine is a second without keys.

    What the program is made of stays for good, and Frames hold no cycles: they go when nobody looks at them any more.
    """
    gc.freeze()
    gc.set_threshold(_YOUNG, _MIDDLE, _NEVER)
    gc.enable()


class _Courteous(selectors.DefaultSelector):
    """Where the screen's thread waits for what comes next: while it does not wait, the others do."""

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is not None and timeout <= 0:  # there is more to be done at once
            return super().select(timeout)
        leave_way()
        try:
            return super().select(timeout)
        finally:
            take_way()


def screens_loop() -> asyncio.AbstractEventLoop:
    """An event loop for the thread that draws, and goes before all others.

    The garbage collector, which is off while the program starts, is on again when the first figures are shown.
    """
    sys.setswitchinterval(_TURN)
    loop = asyncio.SelectorEventLoop(_Courteous())
    loop.call_later(_SHOWN, calm_collector)
    return loop


class Sweeper:
    """Lets go, now and then, of what closed dialogs leave behind.

    Textual keeps the lines of 1,024 widgets that are gone, 15 MB of them
    (https://github.com/Textualize/textual/issues/6665), and the collector's calm their cycles: these are collected
    while that is quick.
    """

    def __init__(self) -> None:
        self._swept = time.monotonic()

    def look(self, frame: Frame) -> None:
        """Sweep, if it is time: that of whoever sits here, since a replay jumps."""
        now = time.monotonic()
        if now - self._swept < SWEPT_EVERY:
            return
        self._swept = now
        StylesCache.get_inner_outer.cache_clear()
        rows = sum(len(section.rows) for section in frame.sections.values())
        if rows <= _FEW and gc.get_threshold()[2] == _NEVER:
            gc.collect()
            _give_back()


def _give_back() -> None:
    """Hand free memory back to the kernel: what one thread reads and another drops stays in the first one's arena."""
    import ctypes  # noqa: PLC0415  # takes 5 ms, long after the start

    with contextlib.suppress(OSError, AttributeError):  # malloc_trim(3) is glibc's; musl has none, and keeps less
        ctypes.CDLL(None).malloc_trim(0)
