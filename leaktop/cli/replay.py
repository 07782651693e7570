"""`leaktop replay`: the same screen, driven by a recording."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from leaktop.cli.live import is_screen_possible, show_screen
from leaktop.cli.moments import take_moments
from leaktop.cli.opening import open_recording
from leaktop.cli.plain import tell_recording
from leaktop.cli.saying import complain
from leaktop.engine.finding import at_wish
from leaktop.recording.followed import FollowedFile
from leaktop.recording.reader import Recording, RecordingError
from leaktop.recording.stored import StoredChapters
from leaktop.recording.timeline import lay_out

if TYPE_CHECKING:
    from leaktop.recording.tape import MemoryStorage


_RECENT = 10.0
"""Seconds since the last write within which a recording counts as being written, beside three intervals."""

_FOREIGN = 64 << 20
"""Bytes on standard input after which a tick must have come."""
_TURN = 0.05


def add_parser(verbs: Any) -> None:
    """The options of `replay`."""
    parser = verbs.add_parser(
        "replay",
        help="show a recording, or a series of captures, as if live",
        description="Show a recording, a directory or tar of captures, or a log of them. "
        "Space plays and pauses, [ ] step, J goes to a time, ) to the next mark or gap.",
    )
    take_moments(parser)
    parser.add_argument("file", metavar="FILE", help="a recording; - for standard input, which is followed live")
    parser.add_argument(
        "--at",
        metavar="TIME",
        help="where to begin: 14:02, ISO time, +30s (after the start), -5m (before the end), end, mark, gap",
    )
    parser.add_argument("--ascii", action="store_true", default=argparse.SUPPRESS, help="draw with ASCII only")
    parser.add_argument("--theme", metavar="NAME", default=argparse.SUPPRESS, help="a theme by name")
    parser.add_argument("--no-mouse", action="store_true", default=argparse.SUPPRESS, help="leave the mouse alone")
    parser.add_argument(
        "--plain", action="store_true", default=argparse.SUPPRESS, help="no screen: what changes, as lines"
    )
    parser.add_argument("--tour", action="store_true", default=argparse.SUPPRESS, help="begin with the tour")
    parser.set_defaults(run=run)


def run(choices: argparse.Namespace) -> int:
    """Show the recording until the user quits; 2 where it cannot be shown."""
    if choices.file == "-":
        return _run_piped(choices)
    if not choices.plain and not is_screen_possible():
        return 2
    try:
        recording = open_recording(choices.file)
        is_growing = _is_being_written(choices.file, recording)
        if is_growing:
            chapters = StoredChapters(FollowedFile(choices.file), is_growing=True)
            recording = Recording(chapters, is_growing=True)
    except (RecordingError, OSError) as error:
        return complain(error)
    place = None
    if choices.at is not None:
        place, words = at_wish(recording, lay_out(recording), choices.at, None)
        if place is None:
            return complain(f"--at {words}")
    if choices.plain:
        return tell_recording(recording, choices, lambda: is_growing, place)
    return _show(choices, recording, is_growing=is_growing)


def _is_being_written(path: str, recording: Recording) -> bool:
    """Whether a recorder was at work a moment ago; one that was killed leaves the file open as well."""
    last = recording.stretches[-1]
    interval = recording.header.interval if recording.header else 1.0
    return os.path.isfile(path) and not last.is_closed and time.time() - os.stat(path).st_mtime < 3 * interval + _RECENT


def _run_piped(choices: argparse.Namespace) -> int:
    """Take the recording from standard input, and the keys from the terminal."""
    if sys.stdin.isatty():
        return complain("standard input is a terminal; pipe: ssh HOST sudo leaktop record - | leaktop replay -")
    from leaktop.recording.tape import MemoryStorage

    storage = MemoryStorage()
    pipe = os.dup(0)
    if not choices.plain:
        try:
            terminal = os.open("/dev/tty", os.O_RDWR | os.O_CLOEXEC)
        except OSError as error:
            return complain(f"there is no terminal to take keys from: {error.strerror}; --plain needs none")
        os.dup2(terminal, 0)  # Textual reads keys from there
        if not is_screen_possible():
            return 2
    pump = threading.Thread(target=_pump, args=(pipe, storage), name="leaktop-pipe", daemon=True)
    pump.start()
    recording = Recording(StoredChapters(storage, is_growing=True), is_growing=True)
    # Until something comes the terminal is left alone: ssh or sudo may be asking for a password on it.
    while recording.first() is None:
        is_over = not pump.is_alive() or storage.size() > _FOREIGN
        if not recording.refresh() and is_over:
            return complain("standard input: no tick can be read from it")
        time.sleep(_TURN)
    if choices.plain:
        return tell_recording(recording, choices, pump.is_alive)
    return _show(choices, recording, is_growing=True)


def _pump(pipe: int, storage: MemoryStorage) -> None:
    """Take everything that the pipe gives, until it ends."""
    from leaktop.recording.tape import copy_stream

    with contextlib.suppress(OSError):
        copy_stream(partial(os.read, pipe), storage, lambda: None)


def _show(choices: argparse.Namespace, recording: Recording, *, is_growing: bool) -> int:
    from leaktop.ui.travel import Replayed

    plays = choices.at is None and not is_growing
    return show_screen(choices, replayed=Replayed(recording, is_growing, choices.at, plays))
