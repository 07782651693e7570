"""Whether somebody has seen the tour: an empty file in the state directory of whoever sits at the terminal."""

from __future__ import annotations

import contextlib
import os
import pwd

from leaktop.aside import aside
from leaktop.private_file import create_private, is_roots_alone, on_behalf, user_behind_sudo

_PATIENCE = 0.2
"""Seconds that the answer may take: a home on a server that is gone must not keep the screen from coming up."""


def has_seen_tour() -> bool:
    """Whether the tour need not be shown: it was seen, it is not wanted, or that cannot be told in time."""
    if os.environ.get("LEAKTOP_TOUR") == "never":
        return True
    answer = [True]

    def look() -> None:
        with contextlib.suppress(OSError):
            answer[0] = os.path.lexists(_path())

    looking = aside(look, "tour")
    if looking is not None:  # else there is no tour
        looking.join(_PATIENCE)
    return answer[0]


def remember_tour() -> None:
    """It was seen. Where that cannot be written down, the tour comes again."""

    def write() -> None:
        with contextlib.suppress(OSError):
            path = _path()
            directory = os.path.dirname(path)
            if os.geteuid() == 0 and user_behind_sudo() is None and not is_roots_alone(_existing(directory)):
                return  # others could lead root anywhere
            on_behalf(directory, lambda: os.makedirs(directory, 0o700, exist_ok=True))
            os.close(create_private(path))

    aside(write, "tour")


def _path() -> str:
    """Below XDG_STATE_HOME, else in the home of the user, or of the one behind sudo.

    Raises:
        OSError: that user has no home.
    """
    state = os.environ.get("XDG_STATE_HOME", "")
    if not os.path.isabs(state):
        state = os.path.join(_home(), ".local", "state")
    return os.path.join(state, "leaktop", "tour-seen")


def _home() -> str:
    uid = user_behind_sudo()
    if uid is None:
        return os.path.expanduser("~")
    try:
        return pwd.getpwuid(uid).pw_dir
    except (KeyError, OverflowError) as error:
        raise FileNotFoundError("the user behind sudo has no home") from error


def _existing(directory: str) -> str:
    """The directory, or the first above it that is there."""
    while not os.path.lexists(directory):
        directory = os.path.dirname(directory)
    return directory
