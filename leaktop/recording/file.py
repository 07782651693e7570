"""A recording as a file: made privately, written a piece at a time, kept intact through full disks and removals."""

from __future__ import annotations

import errno
import os
import stat
import threading
from typing import TYPE_CHECKING

from leaktop.private_file import create_private, on_behalf
from leaktop.recording.blocks import FRAME_MAGIC
from leaktop.recording.errand import Errand
from leaktop.recording.layout import seek_table
from leaktop.units import human_bytes

if TYPE_CHECKING:
    from leaktop.recording.encoder import Chapter

FLOOR = 64 << 20
"""Bytes of a file system that a recording leaves free: a full disk is worse than a missing recording."""
MOST_PENDING = 16 << 20
"""Bytes that wait in memory for room on the disk."""
PATIENCE = 0.25
"""Seconds to wait for a disk; one that hangs must not hold up whoever reads the kernel."""
LAST_PATIENCE = 10.0
"""Seconds to wait at the end, when everything is to be on the disk."""
_AT_ONCE = 1 << 20
_HANGS = "the disk does not answer"


class RecordingFile:
    """A new file that takes what an Encoder makes, from the beginning of a chapter on.

    What cannot be written waits in memory and is written when there is room again, so that nothing in the file is torn.
    So does what comes while the disk hangs.

    Args:
        path: of the file; nothing may be there yet.
        floor: bytes to be left free on its file system.
        patience: seconds to wait for the disk to take a piece; None for as long as it takes.

    Raises:
        OSError: it cannot be made; ENOSPC where less than the floor is free.

    Attributes:
        path: as given.
        size: bytes taken, written or waiting.
        trouble: what stands in the way of writing now, for people; None while nothing does.
        is_removed: whether somebody removed the file, or emptied it: what was written is lost.
    """

    def __init__(self, path: str, *, floor: int = FLOOR, patience: float | None = None) -> None:
        self.path = path
        self.size = 0
        self.trouble: str | None = None
        self.is_removed = False
        self._floor = floor
        self._patience = patience
        self._lock = threading.Lock()
        """Of what waits: it comes from one thread and goes in another."""
        self._pending = bytearray()
        self._written = 0
        self._entries: list[tuple[int, int]] = []
        directory = os.path.dirname(path) or "."
        if _free(os.statvfs(directory)) < floor:
            raise OSError(errno.ENOSPC, f"less than {human_bytes(floor)} are free there", path)
        self._descriptor = create_private(path)
        self._writing = Errand(self._write, "file")
        self._ending = Errand(self._end, "file-end")

    @property
    def is_in_place(self) -> bool:
        """Whether the file still is what its name leads to."""
        try:
            return os.path.samestat(os.fstat(self._descriptor), os.lstat(self.path))
        except OSError:
            return False

    @property
    def is_hopeless(self) -> bool:
        """Whether more waits for room than is kept in memory."""
        return len(self._pending) > MOST_PENDING

    def piece(self, piece: bytes) -> None:
        """Append what comes next; never raises."""
        self.size += len(piece)
        with self._lock:
            self._pending += piece
        self.write()

    def chapter(self, chapter: Chapter) -> None:
        """Note a chapter whose pieces were given, its signpost included."""
        self._entries += chapter.entries

    def write(self) -> None:
        """Write what waits, as far as there is room; `trouble` says why it does not all go."""
        if not self._writing.send(self._patience):
            self.trouble = _HANGS

    def close(self, patience: float = LAST_PATIENCE) -> str | None:
        """End the file after a closed chapter: the seek table, and everything on the disk.

        Args:
            patience: seconds to wait for that, where there is a limit to waiting.

        Returns:
            what went wrong, for people; None where the file is whole.
        """
        self._floor = 0  # the few bytes of the end may use what was kept free
        if sum(packed for packed, _ in self._entries) == self.size and self._entries:
            table = seek_table(self._entries)
            self.size += len(table)
            with self._lock:
                self._pending += table
        if not self._ending.send(None if self._patience is None else patience):
            self.trouble = _HANGS
        self._writing.end()
        self._ending.end()
        lost = len(self._pending)
        return f"{self.trouble}: the last {human_bytes(lost)} are lost" if lost else self.trouble

    def _write(self) -> None:
        try:
            if self._floor and _free(os.fstatvfs(self._descriptor)) < self._floor:
                self.trouble = f"less than {human_bytes(self._floor)} are free on the disk"
                return
            while chunk := self._next():
                written = os.pwrite(self._descriptor, chunk, self._written)
                if not written:
                    break
                self._written += written
                with self._lock:
                    del self._pending[:written]
            state = os.fstat(self._descriptor)
            self.is_removed = state.st_nlink == 0 or state.st_size < self._written
        except OSError as error:
            self.trouble = _words(error)
        except MemoryError:
            self.trouble = "not enough memory to write"
        else:
            self.trouble = None

    def _next(self) -> bytes:
        with self._lock:
            return bytes(self._pending[:_AT_ONCE])

    def _end(self) -> None:
        self._writing.send(None)
        for last in (os.fsync, os.close):
            try:
                last(self._descriptor)
            except OSError as error:
                self.trouble = self.trouble or _words(error)


def _words(error: OSError) -> str:
    return os.strerror(error.errno) if error.errno else str(error)


def _free(state: os.statvfs_result) -> int:
    """Bytes that an ordinary user may still take; file systems that do not say so have room."""
    return state.f_bavail * state.f_frsize if state.f_blocks else 1 << 62


def rotate(path: str, keep: int) -> None:
    """Make room for a new file of that name: FILE becomes FILE.1, FILE.1 becomes FILE.2; `keep` of these stay.

    Raises:
        OSError: a file cannot be renamed.
    """
    on_behalf(path, lambda: _rotate(path, keep))


def _rotate(path: str, keep: int) -> None:
    last = f"{path}.{keep}"
    if keep and os.path.lexists(last):
        if not (os.path.islink(last) or is_recording(last)):
            raise FileExistsError(errno.EEXIST, f"{last} is no recording, and is left alone", last)
        os.unlink(last)
    for number in range(keep - 1, 0, -1):
        if os.path.lexists(f"{path}.{number}"):
            os.rename(f"{path}.{number}", f"{path}.{number + 1}")
    if keep:
        os.rename(path, f"{path}.1")
    else:
        os.unlink(path)


def is_recording(path: str) -> bool:
    """Whether a plain file of that name begins as a recording does: then it may be rotated away, and nothing else.

    So may an empty one, which a recorder leaves that was killed before its first tick, and one that begins with zeros:
    a lost power supply leaves that, or somebody who truncated it while it was written.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return stat.S_ISREG(os.fstat(descriptor).st_mode) and os.read(descriptor, 4) in {FRAME_MAGIC, b"", bytes(4)}
    except OSError:
        return False
    finally:
        os.close(descriptor)
