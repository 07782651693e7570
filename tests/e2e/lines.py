"""Lines between leaktop and the terminal: slow ones, long ones, and terminals that answer questions."""

from __future__ import annotations

import os
import re
import select
import time
from collections import deque
from typing import TYPE_CHECKING, Any

from tests.e2e.terminal import KEYS, Terminal

if TYPE_CHECKING:
    from collections.abc import Sequence

_CURSOR = re.compile(rb"\x1b\[6n")
_DEVICE = re.compile(rb"\x1b\[\?(\d+)\$p")


class SlowLine(Terminal):
    """A terminal at the end of a line.

    Args:
        command: what to run.
        rate: bytes a second that come through; None for all at once.
        delay: seconds that everything takes each way.
        answers: whether the terminal says where its cursor is, and that it knows no mode, when it has drawn so far.
    """

    def __init__(
        self, command: Sequence[str], *, rate: float | None = None, delay: float = 0.0, answers: bool, **options: Any
    ) -> None:
        super().__init__(command, **options)
        self._rate = rate
        self._delay = delay
        self._answers = answers
        self._began = time.monotonic()
        self._passed = 0
        self._coming: deque[tuple[float, bytes]] = deque()
        self._going: deque[tuple[float, bytes]] = deque()
        self._answered = 0
        self.arrivals: list[tuple[float, int]] = []
        """When bytes were drawn, in monotonic seconds, and how many there were by then."""

    def write(self, burst: bytes) -> None:
        """Type, at the far end."""
        self._going.append((time.monotonic() + self._delay, burst))

    def press(self, *keys: str) -> None:
        """Type keys by name, or words, without waiting for what they do."""
        for key in keys:
            self.write(KEYS.get(key, key.encode()))

    def read(self, seconds: float) -> bool:
        """Carry both ways for so long, or until something is drawn."""
        end = time.monotonic() + seconds
        while True:
            self._carry()
            if self._draw():
                return True
            if time.monotonic() >= end:
                return False
            time.sleep(min(0.01, max(end - time.monotonic(), 0)))

    def exit_status(self, timeout: float = 8.0) -> int:
        """Wait for the end, and for what was under way."""
        status = super().exit_status(timeout)
        end = time.monotonic() + self._delay + 0.1
        while time.monotonic() < end or self._coming:
            self.read(0.02)
        return status

    def _carry(self) -> None:
        now = time.monotonic()
        while self._going and self._going[0][0] <= now:
            os.write(self._master, self._going.popleft()[1])
        room = 1 << 16
        if self._rate is not None:
            # Nobody saves up for later what a line could have carried while it stood still.
            self._began = max(self._began, now - (self._passed + self._rate * 0.1) / self._rate)
            room = int((now - self._began) * self._rate) - self._passed
        if room <= 0 or not select.select([self._master], [], [], 0)[0]:
            return
        try:
            part = os.read(self._master, room)
        except OSError:
            return
        self._passed += len(part)
        self._coming.append((now + self._delay, part))

    def _draw(self) -> bool:
        parts = []
        while self._coming and self._coming[0][0] <= time.monotonic():
            parts.append(self._coming.popleft()[1])
        if not parts:
            return False
        self.take(b"".join(parts))
        self.arrivals.append((time.monotonic(), len(self.output)))
        if self._answers:
            self._answer()
        return True

    def _answer(self) -> None:
        found = sorted(
            [*_CURSOR.finditer(self.output, self._answered), *_DEVICE.finditer(self.output, self._answered)],
            key=lambda match: match.start(),
        )
        for match in found:
            self.write(b"\x1b[?%s;0$y" % match[1] if match.re is _DEVICE else b"\x1b[1;1R")
            self._answered = match.end()
