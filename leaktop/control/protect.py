"""Staying alive while memory runs out: what the kernel is told about this process, and about no other.

/proc/self/oom_score_adj (fs/proc/base.c, mm/oom_kill.c), mlockall(2), setpriority(2). None of it is inherited by the
programs that leaktop starts. A program that the kernel may not kill must not grow: beyond a limit all is given back.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import platform
import threading
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from leaktop import children
from leaktop.units import human_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SCORE = "/proc/self/oom_score_adj"
_SCORES = (-1000, 0)
"""Never chosen; and where that is denied, as likely as any other of its size."""
_NICE = -5
"""Before what has the usual priority, behind what the administrator put first."""
LIMIT = 256 << 20
"""Resident bytes up to which it is protected."""
_EVERY = 10.0
"""Seconds between two looks at that."""
_SHIFT = 13 if platform.machine().startswith(("ppc", "sparc", "alpha")) else 0
_CURRENT, _ON_FAULT = 1 << _SHIFT, 4 << _SHIFT
"""MCL_CURRENT and MCL_ONFAULT (since 4.4): what is mapped now stays once it is there, and nothing is read in for it."""


class _Before(NamedTuple):
    score: int | None
    nice: int


class Protection:
    """What this process has asked for itself; once a process, and before it starts threads, which inherit the priority.

    Args:
        resident: tells the resident bytes of this process.
    """

    def __init__(self, resident: Callable[[], int | None]) -> None:
        self._resident = resident
        self._troubles: deque[str] = deque()
        self._lock = threading.Lock()
        self._before = _Before(_read_score(), os.getpriority(os.PRIO_PROCESS, 0))
        self._score: int | None = None
        self._nice: int | None = None
        self._is_locked = False
        self._end = threading.Event()

    @property
    def parts(self) -> tuple[str, ...]:
        """What is in force, for people."""
        score = {None: (), -1000: ("never the kernel's victim",)}.get(self._score, ("an ordinary victim",))
        locked = ("code locked in memory",) if self._is_locked else ()
        return (*score, *locked, *((f"priority {self._nice}",) if self._nice is not None else ()))

    @property
    def is_whole(self) -> bool:
        """Whether all of it is in force."""
        return self._score == _SCORES[0] and self._is_locked and self._nice is not None

    def take_troubles(self) -> Iterator[str]:
        """What could not be had, or was given back, for people: each once."""
        while self._troubles:
            yield self._troubles.popleft()

    def begin(self) -> None:
        """Ask for everything; each part that is denied says so, and the others stand."""
        for ask in (self._lower_score, self._lock_memory, self._raise_priority):
            if trouble := ask():
                self._troubles.append(f"--protect: {trouble}")
        if self.parts:
            children.put_off(self.put_off)
            threading.Thread(target=self._watch, name="leaktop-protect", daemon=True).start()

    def end(self) -> None:
        """Give everything back: the kernel may do with this process what it does with others."""
        with self._lock:
            self._end.set()
            if self._score is not None and self._before.score is not None:
                with contextlib.suppress(OSError):
                    _write_score(self._before.score)
            if self._is_locked:
                ctypes.CDLL(None).munlockall()
            if self._nice is not None:
                with contextlib.suppress(OSError):
                    for thread in os.listdir("/proc/self/task"):  # to Linux each has a priority of its own
                        os.setpriority(os.PRIO_PROCESS, int(thread), self._before.nice)
            self._score, self._nice, self._is_locked = None, None, False

    @contextlib.contextmanager
    def put_off(self) -> Iterator[None]:
        """While a child is started, be what we were before: it inherits the score, and the priority of this thread."""
        with self._lock:
            score, nice = self._score, self._nice
            if score is not None and self._before.score is not None:
                _write_score(self._before.score)
            if nice is not None:
                os.setpriority(os.PRIO_PROCESS, 0, self._before.nice)
            try:
                yield
            finally:
                with contextlib.suppress(OSError):
                    if nice is not None:
                        os.setpriority(os.PRIO_PROCESS, 0, nice)
                    if score is not None:
                        _write_score(score)

    def _lower_score(self) -> str | None:
        if self._before.score is None:
            return f"{SCORE} cannot be read, so that the kernel may choose leaktop when memory runs out"
        for score in _SCORES:
            if score >= self._before.score:
                break
            with contextlib.suppress(OSError):
                _write_score(score)
                self._score = score
                break
        if self._score == _SCORES[0] or self._before.score == _SCORES[0]:
            return None
        return (
            "the kernel may choose leaktop when memory runs out: that takes CAP_SYS_RESOURCE "
            "(sudo; in a container --cap-add SYS_RESOURCE; in a unit OOMScoreAdjust=-1000)"
        )

    def _lock_memory(self) -> str | None:
        if (self._resident() or 0) > LIMIT:
            return f"it has more than {human_bytes(LIMIT)} in memory already, and locks nothing"
        libc = ctypes.CDLL(None, use_errno=True)
        self._is_locked = libc.mlockall(_CURRENT | _ON_FAULT) == 0
        if self._is_locked:
            return None
        if ctypes.get_errno() in {errno.EINVAL, errno.ENOSYS}:
            return "leaktop's code is not locked in memory: that takes Linux 4.4"
        return (
            "leaktop's code is not locked in memory: that takes CAP_IPC_LOCK, or a higher limit "
            "(ulimit -l unlimited; in a unit LimitMEMLOCK=infinity)"
        )

    def _raise_priority(self) -> str | None:
        if self._before.nice <= _NICE:
            return None
        try:
            os.setpriority(os.PRIO_PROCESS, 0, _NICE)
        except OSError:
            return "its priority stays what it is: that takes CAP_SYS_NICE (sudo; in a unit Nice=-5)"
        self._nice = _NICE
        return None

    def _watch(self) -> None:
        while not self._end.wait(_EVERY):
            if (self._resident() or 0) > LIMIT:
                self.end()
                self._troubles.append(f"no longer protected: leaktop itself has more than {human_bytes(LIMIT)}")


def _read_score() -> int | None:
    try:
        with open(SCORE, "rb") as file:
            return int(file.read())
    except (OSError, ValueError):
        return None


def _write_score(score: int) -> None:
    descriptor = os.open(SCORE, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        os.write(descriptor, str(score).encode())
    finally:
        os.close(descriptor)
