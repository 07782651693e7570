"""Where the list of suppressions is kept, and how a rule is added to it."""

from __future__ import annotations

import contextlib
import os
import pwd
import stat

from leaktop.engine.kmemleak.suppressions import Rule, Suppressions, parse_suppressions
from leaktop.private_file import is_roots_alone, user_behind_sudo

_CEILING = 1 << 20
_HEADING = (
    "# What leaktop does not list of kmemleak's report: a function, module:NAME, or function < caller, one a line.\n"
)


def default_path() -> str:
    """The user's own list: below $XDG_CONFIG_HOME, else ~/.config.

    Behind sudo it is root's, whatever the environment says: a root process should not write into a user's directory.
    """
    home = pwd.getpwuid(os.geteuid()).pw_dir if os.geteuid() == 0 else os.path.expanduser("~")
    given = "" if user_behind_sudo() is not None else os.environ.get("XDG_CONFIG_HOME", "")
    directory = given if os.path.isabs(given) else os.path.join(home, ".config")
    return os.path.join(directory, "leaktop", "kmemleak.suppressions")


def read_suppressions(path: str) -> Suppressions:
    """The list in a file.

    Raises:
        OSError: it cannot be read; FileNotFoundError where there is none.
    """
    # O_NONBLOCK: a FIFO of that name must not hang the reader.
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    with open(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(f"{path} is no regular file")
        return parse_suppressions(file.read(_CEILING).decode("utf-8", "replace"))


def own_suppressions() -> Suppressions:
    """The user's own list; empty where there is none. Root's is not read where others could have written it."""
    path = default_path()
    try:
        found = read_suppressions(path)
    except FileNotFoundError:
        return Suppressions()
    except OSError as error:
        return Suppressions(faults=(f"{path}: {error.strerror or error}",))
    if os.geteuid() == 0 and not is_roots_alone(path):
        return Suppressions(faults=(f"{path}: not read, since others than root may change it, or a directory above",))
    return found


def add_rule(rule: Rule, path: str) -> None:
    """Write one more line to a list, which is made where there is none: mode 0600, in a directory of mode 0700.

    Raises:
        OSError: it cannot be written.
    """
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    descriptor = os.open(path, flags, 0o600)
    with open(descriptor, "r+b", buffering=0) as file:
        text = rule.text + "\n"
        size = os.fstat(descriptor).st_size
        if size == 0:
            text = _HEADING + text
        elif os.pread(descriptor, 1, size - 1) != b"\n":
            text = "\n" + text
        file.write(text.encode())
        with contextlib.suppress(OSError):  # a file system that cannot, has it in its cache all the same
            os.fsync(descriptor)
