"""Running a command in the foreground, as a shell does: in a process group of its own, which ends with us."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from typing import TYPE_CHECKING

from leaktop import children

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_GRACE = 2.0
"""Seconds between asking a group to end and killing it."""
_STDIN = 0
_INTERRUPTS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run_command(command: Sequence[str], stdout: int | None = None) -> int:
    """Run it to its end; its status, or 128 and the number of the signal that ended it.

    Whatever interrupts us ends the whole group, and so does a Ctrl-C that the terminal gives to the command.

    Args:
        command: without a shell.
        stdout: where its standard output goes; None for ours.

    Raises:
        OSError: it cannot be started.
        KeyboardInterrupt: Ctrl-C.
    """
    has_terminal = _is_in_foreground()
    child = None
    try:
        with _signals_later():
            child = children.start(command, stdout=stdout, process_group=0)
        if has_terminal:
            _go_on(child.pid)
        status = _wait(child, has_terminal=has_terminal)
        if status in {-signal.SIGINT, 128 + signal.SIGINT}:  # the second is how a shell says the first
            raise KeyboardInterrupt
    except BaseException:
        if child is not None:
            _end(child)
        raise
    finally:
        if has_terminal:
            _lend_terminal(os.getpgrp())
    return status if status >= 0 else 128 - status


@contextlib.contextmanager
def _signals_later() -> Iterator[None]:
    """What would interrupt us does so afterwards: a child that is just being started has no name to end it by.

    They cannot be blocked instead: the child would inherit that.
    """
    came: list[int] = []
    handlers = {number: handler for number in _INTERRUPTS if callable(handler := signal.getsignal(number))}
    for number in handlers:
        signal.signal(number, lambda number, _frame: came.append(number))
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        for missed in came:
            signal.raise_signal(missed)


def _wait(child: subprocess.Popen[bytes], *, has_terminal: bool) -> int:
    """Wait for its end; when Ctrl-Z stops it, stop as well, and go on with it."""
    while True:
        found = os.waitid(os.P_PID, child.pid, os.WEXITED | os.WSTOPPED | os.WNOWAIT)
        if found is None or found.si_code != os.CLD_STOPPED:
            return child.wait()
        os.waitid(os.P_PID, child.pid, os.WSTOPPED)
        if has_terminal:
            _lend_terminal(os.getpgrp())
            os.killpg(os.getpgrp(), signal.SIGTSTP)
            _go_on(child.pid)


def _end(child: subprocess.Popen[bytes]) -> None:
    """End the group, children of the child included, and wait for it."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGTERM)
        os.killpg(child.pid, signal.SIGCONT)
        end = time.monotonic() + _GRACE
        with contextlib.suppress(KeyboardInterrupt):  # who asks twice does not want to wait
            while child.poll() is None and time.monotonic() < end:
                time.sleep(0.01)
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def _go_on(group: int) -> None:
    """Lend it the terminal, and wake what asked for that too early."""
    _lend_terminal(group)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGCONT)


def _lend_terminal(group: int) -> None:
    # From the background the call itself would stop us.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTTOU})
    with contextlib.suppress(OSError):
        os.tcsetpgrp(_STDIN, group)
    signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _is_in_foreground() -> bool:
    """Whether standard input is a terminal that is ours to lend."""
    try:
        return os.tcgetpgrp(_STDIN) == os.getpgrp()
    except OSError:
        return False
