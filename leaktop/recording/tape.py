"""Recordings in memory: the last hour of the live screen, and what arrives through a pipe."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

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

    def contents(self) -> tuple[list[tuple[int, Chapter]], int, bytes]:
        """The closed chapters, each with its number; the number of the one under way, and what it holds so far."""
        with self._lock:
            return list(self._closed), self._next, b"".join(self._pieces)

    @property
    def size(self) -> int:
        """Bytes that are kept."""
        with self._lock:
            return self._bytes + sum(map(len, self._pieces))


class MemoryStorage:
    """Bytes that arrive, from a pipe, kept so that they can be read anywhere."""

    def __init__(self, content: bytes = b"", limit: int = 1 << 30) -> None:
        self._content = bytearray(content)
        self._lock = threading.Lock()
        self._limit = limit
        self.is_full = False

    def append(self, content: bytes) -> None:
        """Take what came; beyond the limit it is dropped."""
        with self._lock:
            self.is_full = len(self._content) + len(content) > self._limit
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
