"""Recordings in memory: the last hour of the live screen, and what arrives through a pipe."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from leaktop.recording.layout import UNDESCRIBED, Damage, Stretch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from leaktop.recording.encoder import Chapter

HORIZON = 3600.0
"""Seconds that are kept."""
LARGEST = 64 << 20
"""Bytes that are kept, however much time that is."""


class Tape:
    """What an Encoder writes, kept for an hour. Written by one thread, read by any.

    Attributes:
        closed: the chapters that were closed, each with its number since the start.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._closed: list[tuple[int, Chapter]] = []
        self._next = 0
        self._pieces: list[bytes] = []
        self._bytes = 0

    def piece(self, piece: bytes) -> None:
        """Take a piece of the chapter under way."""
        with self._lock:
            self._pieces.append(piece)

    def chapter(self, chapter: Chapter) -> None:
        """Take the chapter that was under way, now that it is closed."""
        with self._lock:
            self._closed.append((self._next, chapter))
            self._next += 1
            self._pieces = []
            self._bytes += len(chapter.content)
            newest = chapter.signpost.last.mono
            while len(self._closed) > 1 and (
                self._bytes > LARGEST or newest - self._closed[0][1].signpost.last.mono > HORIZON
            ):
                self._bytes -= len(self._closed.pop(0)[1].content)

    def abandon(self) -> None:
        """Drop the chapter under way: it will not be closed."""
        with self._lock:
            self._next += 1
            self._pieces = []

    def contents(self) -> tuple[list[tuple[int, Chapter]], int, bytes]:
        """The closed chapters, each with its number; the number of the one under way, and what it holds so far."""
        with self._lock:
            return list(self._closed), self._next, b"".join(self._pieces)

    @property
    def size(self) -> int:
        """Bytes that are kept."""
        with self._lock:
            return self._bytes + sum(map(len, self._pieces))


class TapedChapters:
    """The chapters of the live screen's last hour."""

    def __init__(self, tape: Tape) -> None:
        self._tape = tape

    def stretches(self) -> tuple[list[Stretch], list[Damage]]:
        """The chapters that are kept, and the one under way."""
        closed, number, under_way = self._tape.contents()
        found = [Stretch(n, 0, len(c.content), c.signpost, is_closed=True) for n, c in closed]
        if under_way:
            found.append(Stretch(number, 0, len(under_way), UNDESCRIBED, is_closed=False))
        return found, []

    def packed(self, stretch: Stretch, start: int) -> Iterator[bytes]:
        """The bytes of a chapter, at once; none of one that was dropped since."""
        closed, number, under_way = self._tape.contents()
        content = next((c.content for n, c in closed if n == stretch.number), b"")
        if stretch.number == number:
            content = under_way
        yield content[start : stretch.length]


class MemoryStorage:
    """Bytes that arrive, from a pipe, kept so that they can be read anywhere."""

    def __init__(self, content: bytes = b"", limit: int = 1 << 30) -> None:
        self._content = bytearray(content)
        self._lock = threading.Lock()
        self._limit = limit
        self.is_full = False

    def append(self, content: bytes) -> None:
        """Take what came; from the limit on it is dropped, and so is everything after it."""
        with self._lock:
            self.is_full = self.is_full or len(self._content) + len(content) > self._limit
            if not self.is_full:
                self._content += content

    def size(self) -> int:
        """Bytes that came so far."""
        return len(self._content)

    def read(self, offset: int, length: int) -> bytes:
        """At most so many bytes from there."""
        with self._lock:
            return bytes(self._content[offset : offset + length])


def copy_stream(read: Callable[[int], bytes], storage: MemoryStorage, on_more: Callable[[], None]) -> None:
    """Take everything that a pipe gives, until it ends."""
    while piece := read(1 << 16):
        storage.append(piece)
        on_more()
