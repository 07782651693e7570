"""The chapters of a recording that lies somewhere: found by its seek table, or one after another around all damage."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from typing import TYPE_CHECKING

from leaktop.recording.blocks import FRAME_MAGIC
from leaktop.recording.chapter import Chapter
from leaktop.recording.layout import (
    SEEK_TABLE_MAGIC,
    UNDESCRIBED,
    Damage,
    Stretch,
    find_start,
    frame_end,
    read_seek_table,
    read_signpost,
)
from leaktop.recording.verdict import describe, judge

if TYPE_CHECKING:
    from collections.abc import Iterator

    from leaktop.recording.layout import Extent, Moment, Signpost, Start, Storage

_PIECE = 1 << 20
_NO_RECORDING = "it is no recording"
_NOT_CLOSED = "it was not closed: the recorder is still writing, or was killed"


class StoredChapters:
    """The chapters of a file, or of bytes that arrive.

    Args:
        storage: the bytes.
        is_growing: more may come at the end, so that a cut end is no damage.
    """

    def __init__(self, storage: Storage, *, is_growing: bool = False) -> None:
        self._storage = storage
        self._is_growing = is_growing
        self._known: list[Stretch] = []
        self._damage: list[Damage] = []
        self._position = 0
        """All before it is known."""
        self._sound = 0
        """All before it is sound: a signpost that says otherwise lies."""
        self._searched = 0
        """No chapter begins between the position and here."""
        self._is_open = False
        """Whether a recorder wrote the last chapter, and did not close the file after it."""
        self._scanned = -1
        self._tail: list[Stretch] = []
        self._tail_damage: list[Damage] = []
        self._follow(read_seek_table(storage) or [])

    def stretches(self) -> tuple[list[Stretch], list[Damage]]:
        """The chapters that are there now, in order, and what is damaged."""
        size = self._storage.size()
        if size != self._scanned:
            self._scanned = size
            self._tail, self._tail_damage = [], []
            while self._position < size and self._advance(size):
                pass
            if self._is_open and self._position >= size and not self._is_growing:
                self._tail_damage.append(_unclosed(size))
        return [*self._known, *self._tail], [*self._damage, *self._tail_damage]

    def packed(self, stretch: Stretch, start: int) -> Iterator[bytes]:
        """The bytes of a chapter, a piece at a time."""
        position, end = stretch.offset + start, stretch.offset + stretch.length
        while position < end:
            piece = self._storage.read(position, min(_PIECE, end - position))
            if not piece:
                return
            yield piece
            position += len(piece)

    def _follow(self, sizes: list[int]) -> None:
        """Take the boundaries that the seek table gives, as far as they fit."""
        position = 0
        for size in sizes:
            if self._storage.read(position, 4) == FRAME_MAGIC:
                described = read_signpost(self._storage, position + size)
                if position != self._position or described is None or not _fits(described[0], size):
                    return
                self._add(position, *described)
            position += size

    def _advance(self, size: int) -> bool:
        """Take what stands at the position; False where that is the end of what can be taken now."""
        position = self._position
        extent = frame_end(self._storage, position)
        if extent is None or not extent.is_whole:
            # A frame that is cut, yet more follows inside it: its block headers lead nowhere, it is damaged.
            start, self._searched = find_start(self._storage, max(position + 1, self._searched), size)
            if start is None:
                self._take_tail(position, size, extent)
                return False
            self._pass_damage(position, start)
            return True
        if self._storage.read(position, 4) != FRAME_MAGIC:
            self._pass_skippable(position, extent.end)
            return True
        described = read_signpost(self._storage, extent.end)
        if described is not None and _fits(described[0], extent.end - position):
            self._add(position, *described)
            return True
        if self._is_growing and self._is_awaited(extent.end):
            self._tail.append(Stretch(len(self._known), position, extent.end - position, UNDESCRIBED, is_closed=False))
            return False
        self._add_unpacked(position, extent.end - position, UNDESCRIBED)
        self._position = extent.end
        return True

    def _take_tail(self, position: int, size: int, extent: Extent | None) -> None:
        is_chapter = self._storage.read(position, 4) == FRAME_MAGIC
        if extent is None and not is_chapter:
            self._tail_damage.append(Damage(position, size - position, _NO_RECORDING, None, None, None))
            return
        if is_chapter:
            self._tail.append(Stretch(len(self._known), position, size - position, UNDESCRIBED, is_closed=False))
        if not self._is_growing:
            self._tail_damage.append(_unclosed(position))

    def _pass_skippable(self, position: int, end: int) -> None:
        """Go on behind a skippable frame; a signpost that no chapter stands before tells what is missing."""
        described = read_signpost(self._storage, position)
        if described is not None:
            signpost = described[0]
            reason = "the chapter that was here is missing"
            self._damage.append(Damage(position, 0, reason, *_span(signpost)))
            self._position = self._sound = end
            return
        if self._storage.read(position, 4) == SEEK_TABLE_MAGIC:
            self._is_open = False
        # A length that is damaged may reach over chapters.
        start, _ = find_start(self._storage, position + 1, end)
        if start is not None:
            self._pass_damage(position, start)
        else:
            self._position = end

    def _pass_damage(self, position: int, start: Start) -> None:
        """Go on behind damaged bytes; what a signpost says of the chapter that they were is kept."""
        signpost = start.signpost
        self._position = start.offset
        if signpost is None:
            if self._storage.read(position, 4) == FRAME_MAGIC:
                self._add_unpacked(position, start.offset - position, UNDESCRIBED)
            else:
                self._damage.append(Damage(position, start.offset - position, _NO_RECORDING, None, None, None))
            return
        begin = start.offset - signpost.length
        end = read_signpost(self._storage, start.offset)
        self._position = self._searched = end[1] if end is not None else start.offset
        self._is_open = True
        if begin < self._sound:
            lost = Damage(position, start.offset - position, "its beginning is missing", *_span(signpost))
            self._damage.append(lost)
            return
        # What looked like shorter chapters, or like none, since the last sound one may have been parts of this one.
        while self._known and self._known[-1].offset >= begin:
            self._known.pop()
        while self._damage and self._damage[-1].offset >= begin:
            self._damage.pop()
        if begin > position:
            self._damage.append(Damage(position, begin - position, _NO_RECORDING, None, None, None))
        self._add_unpacked(begin, signpost.length, signpost)
        self._sound = self._position

    def _add(self, offset: int, signpost: Signpost, end: int) -> None:
        """Take a chapter, and the signpost after it."""
        self._known.append(Stretch(len(self._known), offset, signpost.length, signpost, is_closed=True))
        self._position = self._sound = end
        self._is_open = True

    def _add_unpacked(self, offset: int, length: int, signpost: Signpost) -> None:
        """Take a chapter that is damaged, or that no signpost describes."""
        stretch = Stretch(len(self._known), offset, length, signpost, is_closed=True)
        chapter = Chapter()
        chapter.feed(self.packed(stretch, 0))
        damage = judge(stretch, chapter)
        if damage is not None:
            self._damage.append(damage)
        else:
            self._sound = offset + length
        if signpost is UNDESCRIBED:
            stretch = stretch._replace(signpost=describe(chapter, length))
        if stretch.signpost.ticks or stretch.signpost.events:
            self._known.append(stretch)

    def _is_awaited(self, offset: int) -> bool:
        """Whether what stands at the end may be the beginning of a signpost."""
        extent = frame_end(self._storage, offset)
        return (extent is not None and not extent.is_whole) or offset >= self._storage.size()


class FileStorage:
    """A file, opened for reading: a plain file and nothing else, so that no device or pipe blocks us.

    Raises:
        OSError: it cannot be opened, or is no plain file.
    """

    def __init__(self, path: str) -> None:
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
        if not stat.S_ISREG(os.fstat(self._descriptor).st_mode):
            self.close()
            raise OSError(errno.EINVAL, "it is not a plain file", path)

    def __del__(self) -> None:
        self.close()

    def size(self) -> int:
        """Bytes that are there now."""
        return os.fstat(self._descriptor).st_size

    def state(self) -> os.stat_result:
        """What the file is, whatever name it has now."""
        return os.fstat(self._descriptor)

    def read(self, offset: int, length: int) -> bytes:
        """At most so many bytes from there; none where the disk fails."""
        try:
            return os.pread(self._descriptor, length, offset)
        except OSError:
            return b""

    def close(self) -> None:
        """Close the file; a second time does nothing."""
        descriptor, self._descriptor = getattr(self, "_descriptor", -1), -1
        if descriptor >= 0:
            with suppress(OSError):
                os.close(descriptor)


def _fits(signpost: Signpost, length: int) -> bool:
    """Whether a signpost describes the chapter before it; one that holds nothing is better looked at."""
    return signpost.length == length and bool(signpost.ticks or signpost.events)


def _span(signpost: Signpost) -> tuple[Moment, Moment, int]:
    return signpost.first, signpost.last, signpost.ticks


def _unclosed(offset: int) -> Damage:
    return Damage(offset, 0, _NOT_CLOSED, None, None, 0)
