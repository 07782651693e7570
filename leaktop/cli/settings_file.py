"""Where configurations lie, and that only those are read which nobody else can have written."""

from __future__ import annotations

import os
import pwd
import stat
from typing import TYPE_CHECKING, NamedTuple

from leaktop.private_file import user_behind_sudo

if TYPE_CHECKING:
    from collections.abc import Callable

    from leaktop.model.settings import Complaint, Settings

FOR_ALL = "/etc/leaktop.toml"
OWN = os.path.join("leaktop", "config.toml")
_CEILING = 1 << 18
_OF_OTHERS = stat.S_IWGRP | stat.S_IWOTH


class SettingsError(Exception):
    """A configuration that is not read; the message says why, and what helps."""


class Loaded(NamedTuple):
    """What the configurations say."""

    settings: Settings
    complaints: tuple[str, ...]
    """Lines to be read, each with file and line."""


def paths() -> list[str]:
    """The files that may hold a configuration, the one that counts more last.

    Behind sudo, the second is that of the user who called it: the keys and colours are his.
    """
    user = _user()
    try:
        home = pwd.getpwuid(user).pw_dir
    except KeyError:
        home = os.path.expanduser("~")
    given = os.environ.get("XDG_CONFIG_HOME", "") if user == os.geteuid() else ""
    return [FOR_ALL, os.path.join(given if os.path.isabs(given) else os.path.join(home, ".config"), OWN)]


def load(found: list[str]) -> Loaded:
    """The settings of these files, of which the later ones count more; what cannot be is passed over."""
    from leaktop.cli.wishes import doubts
    from leaktop.model.settings import Settings

    settings = Settings()
    complaints: list[str] = []
    for path in found:
        try:
            asked, wrong = examine(path)
        except SettingsError as error:
            complaints.append(str(error))
            continue
        settings = asked.over(settings)
        complaints += [in_words(path, complaint) for complaint in wrong]
    if len(found) > 1:  # keys may clash between files that are each well
        complaints += [in_words(path, doubt) for doubt in doubts(settings) if not complaints]
    return Loaded(settings, tuple(complaints))


def examine(path: str, find: Callable[[Settings], list[Complaint]] = lambda _: []) -> tuple[Settings, list[Complaint]]:
    """The settings of one file, and everything that is wrong with it.

    Args:
        path: of the file.
        find: what else is wrong with settings.

    Raises:
        SettingsError: it cannot, or must not, be read.
    """
    from leaktop.cli.wishes import doubts
    from leaktop.model.settings import line_of, parse_settings

    text = _read(path)
    settings, complaints = parse_settings(text)
    complaints += [doubt._replace(line=line_of(text, doubt.key)) for doubt in (*doubts(settings), *find(settings))]
    return settings, complaints


def in_words(path: str, complaint: Complaint) -> str:
    """FILE:LINE: KEY: what is wrong."""
    from leaktop.view.cells import safe

    place = path if complaint.line is None else f"{path}:{complaint.line}"
    return safe(": ".join(part for part in (place, complaint.key, complaint.words) if part))


def _user() -> int:
    """Whose configuration it is: the caller's of sudo, else the one that this runs as."""
    caller = user_behind_sudo()
    return os.geteuid() if caller is None else caller


def _read(path: str) -> str:
    """The text of a file that belongs to this user, the caller of sudo, or root, and that no other may write.

    Raises:
        SettingsError: it cannot be read, or is another's.
    """
    handle = descriptor = None
    try:
        # O_PATH first: to open a FIFO or a device that a link leads to would already do something.
        handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise SettingsError(f"{path}: it is no regular file, and is not read")
        if status.st_mode & _OF_OTHERS:
            raise SettingsError(f"{path}: others may write it, so it is not read; chmod go-w {path}")
        is_roots = status.st_uid == 0 and (os.geteuid() == _user() or bool(status.st_mode & stat.S_IROTH))
        if status.st_uid != _user() and not is_roots:
            raise SettingsError(f"{path}: it belongs to another user, so it is not read; chown it to yourself or root")
        descriptor = os.open(f"/proc/self/fd/{handle}", os.O_RDONLY | os.O_CLOEXEC)
        content = os.read(descriptor, _CEILING + 1)
        if len(content) > _CEILING:
            raise SettingsError(f"{path}: it is larger than {_CEILING >> 10} KiB, and is not read")
        return content.decode()
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path}: it is not UTF-8, and is not read") from error
    finally:
        for opened in (handle, descriptor):
            if opened is not None:
                os.close(opened)
