"""What is under way to the terminal and not drawn yet, so that no more is sent than it can take."""

from __future__ import annotations

from collections import deque

ASK_EVERY = 512
"""Bytes after which the terminal is asked how far it is."""
_ROOM = 1536
"""Bytes that may be under way: a second and a half at 9600 baud, and some presses of a key on a fast line far away."""
_LOST = 30.0
"""Seconds after which an answer is not waited for any more: a full screen takes twenty at 9600 baud."""
_FAST, _SLOWEST = 1e6, 960.0
"""Bytes a second of a terminal that was never seen to be slow, and the least that is believed: 9600 baud."""
_BLOCKED, _SURELY = 0.05, 0.3
"""Seconds that taking a piece lasts only where buffers on the way are full: if they were when it was offered, or if
that is not known. On a busy machine a thread that waits for nothing else waits for its turn."""
_SURE, _PIECES, _IDLE = 1.0, 2, 0.2
"""Seconds, and pieces that were not taken at once, after which a line is believed to be slow: any terminal hesitates
now and then. A piece that is taken at once after so many seconds of nothing shows that there was room."""
_BUFFERS = 20_000
"""Bytes that they hold then: a pty of Linux, 16 to 21 KB."""
_HOPE = 1.002
"""By how much a slow line is believed to be faster with each piece that it takes: nothing else would tell."""
_AHEAD = 0.5
"""Seconds of the line's time that may be under way where the terminal does not answer."""
_PATIENCE = 25.0
"""Seconds that are waited at most for a terminal that does not answer: a guess must not stop the screen."""


class Line:
    """The line to a terminal.

    The kernel, ssh and the network take megabytes at once and deliver them minutes later on a slow line. So after
    some output the terminal is asked where its cursor is (CPR, ECMA-48), and once it was seen to answer, more is sent
    only when it did. One that never answers is judged by how fast it took bytes while the buffers were full.

    It is told what happens by several threads, each with a call of its own; each field has one that writes it.

    Args:
        now: monotonic seconds.
    """

    def __init__(self, now: float) -> None:
        self._sent = 0
        self._asked = 0
        self._drawn = 0
        self._questions: deque[tuple[int, float]] = deque()
        self._does_answer = False
        self._speed = _FAST
        self._buffered = 0.0
        self._as_of = now
        self._full_since: float | None = None
        self._full_pieces = self._full_taken = 0
        """Pieces since then that were not taken at once, and bytes in all."""

    @property
    def is_answer_due(self) -> bool:
        """Whether an answer is still to come, which nobody else should read."""
        return self._does_answer and bool(self._questions)

    def send(self, count: int) -> None:
        """So many bytes were given out."""
        self._sent += count

    def ask(self, now: float) -> bool:
        """Whether the terminal is to be asked now; if so, it counts as done."""
        if self._sent - self._asked < ASK_EVERY and self._asked:
            return False
        self._asked = self._sent
        self._questions.append((self._sent, now))
        return True

    def answer(self) -> None:
        """The terminal answered the oldest question."""
        if self._questions:
            self._drawn, _ = self._questions.popleft()
            self._does_answer = True

    def take(self, count: int, began: float, ended: float, *, was_full: bool) -> None:
        """The kernel took bytes.

        Args:
            count: how many.
            began: monotonic seconds before.
            ended: and after.
            was_full: whether the kernel had no room when they were offered.
        """
        self._buffered = min(self._buffered_at(began) + count, _BUFFERS)
        is_late = ended - began > (_BLOCKED if was_full else _SURELY)
        if is_late and self._full_since is None:
            self._full_since, self._full_pieces, self._full_taken = began, 0, 0
        elif not is_late and began - self._as_of > _IDLE:
            self._full_since = None
        self._as_of = ended
        if self._full_since is None:
            self._speed = min(self._speed * _HOPE, _FAST)
            return
        self._full_pieces += is_late
        self._full_taken += count
        passed = ended - self._full_since
        if passed >= _SURE and self._full_pieces >= _PIECES:
            self._speed = min(max(self._full_taken / passed, _SLOWEST), _FAST)
            self._buffered = _BUFFERS
            self._full_since = None

    def is_free(self, now: float) -> bool:
        """Whether the terminal has drawn so much that it can be sent more."""
        if self._questions and now - self._questions[0][1] > _LOST:
            self._questions.clear()
            self._does_answer = False
        if self._does_answer:
            return self._sent - self._drawn <= _ROOM or not self._questions
        return now - self._as_of > _PATIENCE or self._buffered_at(now) <= self._speed * _AHEAD

    def _buffered_at(self, now: float) -> float:
        return max(self._buffered - self._speed * (now - self._as_of), 0.0)
