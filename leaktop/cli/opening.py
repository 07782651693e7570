"""Opens what a verb was given: a recording, a pipe, or a series of captures."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from leaktop.cli.saying import say
from leaktop.recording.layout import seek_table
from leaktop.recording.reader import Recording, RecordingError, read_file
from leaktop.recording.stored import FileStorage, StoredChapters
from leaktop.recording.tape import MemoryStorage
from leaktop.view.cells import sanitise

if TYPE_CHECKING:
    from leaktop.recording.encoder import Chapter

_MAGIC = b"\x28\xb5\x2f\xfd"
_SKIPPABLE = b"\x2a\x4d\x18"
"""What follows the first byte of a frame that zstd passes over."""


def open_recording(path: str) -> Recording:
    """The recording of that name, or what a series of captures of that name makes, in memory.

    Raises:
        RecordingError: no tick in it can be read; the message names the file.
    """
    try:
        if is_series(path):
            return _convert(path)
        return read_file(path)
    except RecordingError as error:
        raise RecordingError(f"{path}: {error}") from error
    except OSError as error:
        raise RecordingError(f"{path}: {error.strerror or error}") from error


def is_series(path: str) -> bool:
    """Whether a path is to be read as a series of captures; else it is a recording, whole or damaged.

    Raises:
        OSError: it cannot be opened.
    """
    from leaktop.sources.series import first_block, is_archive

    if not stat.S_ISREG(os.stat(path).st_mode):
        return True  # what is neither a directory nor a plain file is refused with what would do
    if is_archive(path):
        return True
    with open(path, "rb") as file:
        start = file.read(4)
    if start == _MAGIC and first_block(path)[:1] in {b"", b"{"}:
        return False
    # Else a log, which zstd may have compressed as well, or a recording whose beginning is damaged.
    return start[1:] != _SKIPPABLE and not _holds_recording(path)


def _holds_recording(path: str) -> bool:
    """Whether there is a recording behind a damaged beginning."""
    storage = FileStorage(path)
    try:
        return Recording(StoredChapters(storage)).header is not None
    except RecordingError:
        return False
    finally:
        storage.close()


class _InMemory:
    """Where a converted series goes while it is looked at."""

    def __init__(self) -> None:
        self.storage = MemoryStorage()
        self._entries: list[tuple[int, int]] = []

    def piece(self, piece: bytes) -> None:
        """Keep it.

        Raises:
            RecordingError: there is no room for more.
        """
        self.storage.append(piece)
        if self.storage.is_full:
            raise RecordingError("more than fits into memory; make a file of it: leaktop import ... -o FILE")

    def chapter(self, chapter: Chapter) -> None:
        """Note it for the end; its pieces were kept."""
        self._entries += chapter.entries

    def close(self) -> None:
        """End it as a file is ended: without that it looks as if a recorder were still writing."""
        self.piece(seek_table(self._entries))


def _convert(path: str) -> Recording:
    from leaktop.cli.converting import convert
    from leaktop.sources.series import SeriesError, open_series

    memory = _InMemory()
    try:
        with open_series([path]) as series:
            convert(series, lambda: memory)
            memory.close()
            notes = series.notes
    except SeriesError as error:
        raise RecordingError(sanitise(str(error).removeprefix(f"{path}: "))) from error
    for note in notes:  # they name what an archive holds, whoever made it
        say(note)
    return Recording(StoredChapters(memory.storage))
