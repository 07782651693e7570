"""Opens what a verb was given: a recording, a pipe, or a series of captures."""

from __future__ import annotations

import sys

from leaktop.recording.reader import Recording, RecordingError, read_file


def open_recording(path: str) -> Recording:
    """The recording of that name, or what a series of captures of that name makes.

    Raises:
        RecordingError: no tick in it can be read; the message names the file.
    """
    try:
        return read_file(path)
    except RecordingError as error:
        raise RecordingError(f"{path}: {error}") from error
    except OSError as error:
        raise RecordingError(f"{path}: {error.strerror or error}") from error


def complain(error: Exception | str) -> int:
    """Say what is wrong, and return the exit status for it."""
    print(f"leaktop: {error}", file=sys.stderr)
    return 2
