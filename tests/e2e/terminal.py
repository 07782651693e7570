"""leaktop in a real pty: its output drawn by pyte, keys pressed, signals sent, and what it leaves behind."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import pyte
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import TracebackType

REPO = Path(__file__).resolve().parents[2]
LEAKTOP = (sys.executable, "-m", "leaktop")
KEYS = {"enter": b"\r", "escape": b"\x1b", "tab": b"\t", "down": b"\x1b[B", "up": b"\x1b[A", "ctrl+c": b"\x03"}

_MODES = re.compile(rb"\x1b\[\?([\d;]+)([hl])")
_KITTY = re.compile(rb"\x1b\[[<>=][\d;]*u|\x1b\[\?[\d;]+\$p|\x1b\[\?u")
"""Questions and modes that pyte takes for text."""
MOUSE = {1000, 1002, 1003, 1005, 1006, 1015}
_ENTERED = MOUSE | {1004, 1049, 2004, 2031, 2048}


class Terminal:
    """A program in a pty of its own session.

    Args:
        command: what to run.
        size: columns and lines.
        environment: added to ours; None takes a variable away.
        uid: whom to run as.
    """

    def __init__(
        self,
        command: Sequence[str] = LEAKTOP,
        size: tuple[int, int] = (160, 48),
        environment: Mapping[str, str | None] | None = None,
        uid: int | None = None,
        cwd: str | None = None,
    ) -> None:
        self._master, self._slave = os.openpty()
        self.screen = pyte.Screen(*size)
        self._stream = pyte.ByteStream(self.screen)
        self.output = b""
        self._fed = 0
        self._size(size)
        self.attributes = termios.tcgetattr(self._slave)
        own = {"TERM": "xterm-256color", "LANG": "C.UTF-8", "PYTHONPATH": str(REPO), "COLORTERM": "truecolor"}
        own["LEAKTOP_TOUR"] = "never"  # each of these tests would be somebody's first time
        wanted = {**os.environ, "NO_COLOR": None, "COLUMNS": None, "LINES": None, **own, **(environment or {})}
        identity: dict[str, Any] = {} if uid is None else {"user": uid, "group": uid, "extra_groups": []}
        # setsid gives the program a session with this pty as its terminal, as a shell would.
        self.process = subprocess.Popen(
            ["setsid", "-c", *command],
            stdin=self._slave,
            stdout=self._slave,
            stderr=self._slave,
            env={name: value for name, value in wanted.items() if value is not None},
            cwd=cwd,
            **identity,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.kill()
        self.process.wait(10)
        os.close(self._master)
        os.close(self._slave)

    # What the user does

    def press(self, *keys: str) -> None:
        """Type keys by name, or words, each seen by the program before the next: as people type."""
        for key in keys:
            os.write(self._master, KEYS.get(key, key.encode()))
            end = time.monotonic() + 0.15
            while time.monotonic() < end:
                self.read(0.05)

    def write(self, burst: bytes) -> None:
        """Bytes all at once, as a paste or a fast typist sends them."""
        os.write(self._master, burst)

    def resize(self, columns: int, lines: int) -> None:
        """Change the size, as a terminal window does."""
        self._size((columns, lines))
        self.screen.resize(lines, columns)
        os.kill(self.process.pid, signal.SIGWINCH)

    def signal(self, number: int) -> None:
        """Send a signal to the program."""
        os.kill(self.process.pid, number)

    # What the user sees

    @property
    def text(self) -> str:
        """The whole screen."""
        return "\n".join(self.screen.display)

    def line(self, *words: str) -> str:
        """The first line of the screen with all these words in it, "" where there is none."""
        return next((line for line in self.screen.display if all(word in line for word in words)), "")

    def read(self, seconds: float) -> bool:
        """Take in what comes within a time; False where nothing came."""
        if not select.select([self._master], [], [], seconds)[0]:
            return False
        try:
            part = os.read(self._master, 1 << 16)
        except OSError:
            return False
        self.take(part)
        return True

    def take(self, part: bytes) -> None:
        """Draw what came."""
        self.output += part
        # Feed whole sequences only: what begins with an escape waits until the next one or a later turn ends it.
        ready = self.output.rfind(b"\x1b")
        ready = len(self.output) if ready < 0 or len(self.output) - ready > 24 else ready
        self._feed(max(ready, self._fed))

    def _feed(self, end: int) -> None:
        try:
            self._stream.feed(_KITTY.sub(b"", self.output[self._fed : end]))
        except TypeError:
            # At the end, what the terminal had no time for is dropped, and two sequences may become one with too many
            # numbers: terminals pass over it, and pyte's parser is done for.
            self._stream = pyte.ByteStream(self.screen)
        self._fed = end

    def wait(self, holds: Callable[[], object], what: str, timeout: float = 30.0) -> None:
        """Read until something holds of the screen; fail with the screen where it never does."""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            if not self.read(0.05):
                self._feed(len(self.output))
                if holds():
                    return
                if self.process.poll() is not None and not self.read(0):
                    break
            elif holds():
                return
        pytest.fail(f"never: {what} (status {self.process.poll()})\n{self.text}")

    def wait_for(self, *words: str, timeout: float = 30.0) -> str:
        """Read until a line with all these words is on the screen, and return it."""
        self.wait(lambda: self.line(*words), f"a line with {words}", timeout)
        return self.line(*words)

    # What it leaves behind

    def exit_status(self, timeout: float = 30.0) -> int:
        """Wait for the end; read on meanwhile, so that the program is not held up by a full pty."""
        end = time.monotonic() + timeout
        while self.process.poll() is None:
            self.read(0.01)
            if time.monotonic() > end:
                pytest.fail(f"still running after {timeout} s\n{self.text}")
        while self.read(0.02):
            pass
        self._feed(len(self.output))
        assert self.process.returncode is not None
        return self.process.returncode

    def modes(self) -> dict[int, bool]:
        """Every private mode that was ever set or reset, and how it is left."""
        left = {}
        for numbers, letter in _MODES.findall(self.output):
            for number in numbers.split(b";"):
                left[int(number)] = letter == b"h"
        return left

    def check_restored(self) -> None:
        """The terminal is as it was before: cursor, screen, mouse, line discipline."""
        left = self.modes()
        assert 1049 in left, "it never took the screen"
        assert left.get(25, True), "the cursor is hidden"
        still_on = {mode for mode in _ENTERED if left.get(mode)}
        assert not still_on, f"modes left on: {still_on}"
        assert termios.tcgetattr(self._slave) == self.attributes, "termios is not as it was"

    def _size(self, size: tuple[int, int]) -> None:
        fcntl.ioctl(self._slave, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
