"""A file that a recorder is writing, and the one that takes its name after it: read as one, as `cat` would."""

from __future__ import annotations

import os
from bisect import bisect_right

from leaktop.recording.stored import FileStorage


class FollowedFile:
    """All files that have had a name, from the one that has it now on, one behind the other.

    Args:
        path: of the file.

    Raises:
        OSError: it cannot be opened.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._files = [FileStorage(path)]
        self._starts = [0]

    def size(self) -> int:
        """Bytes that are there now, in all of them."""
        size = self._starts[-1] + self._files[-1].size()
        try:
            is_same = os.path.samestat(os.stat(self._path), self._files[-1].state())
            if not is_same and os.stat(self._path).st_size > 0:
                # What came last into the file before is there by now: it was closed before it lost its name.
                size = self._starts[-1] + self._files[-1].size()
                self._files.append(FileStorage(self._path))
                self._starts.append(size)
                size += self._files[-1].size()
        except OSError:
            return size  # it has no name just now
        return size

    def read(self, offset: int, length: int) -> bytes:
        """At most so many bytes from there, of one file or of several."""
        content = b""
        while length > 0:
            at = bisect_right(self._starts, offset) - 1
            end = self._starts[at + 1] if at + 1 < len(self._starts) else None
            room = length if end is None else min(length, end - offset)
            piece = self._files[at].read(offset - self._starts[at], room)
            content += piece
            offset += len(piece)
            length -= len(piece)
            if not piece or (end is None and len(piece) < room):
                break
        return content
