"""What the signals that ask a program to end do to a verb."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType


def heed(act: Callable[[int, FrameType | None], object], *others: signal.Signals) -> None:
    """On SIGTERM and SIGHUP do this.

    Those that the caller has us ignore stay so: nohup ignores SIGHUP, a shell's background job SIGINT.

    Args:
        act: in the main thread, with the number of the signal.
        others: more signals.
    """
    for number in (signal.SIGTERM, signal.SIGHUP, *others):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, act)


def leave(number: int, _frame: FrameType | None) -> NoReturn:
    """Go the ordinary way out, so that no half of a file, and nothing unpacked, stays behind."""
    raise SystemExit(128 + number)
