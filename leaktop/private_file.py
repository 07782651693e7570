"""New files that a root process makes on other people's machines: private, never over something that is there."""

from __future__ import annotations

import contextlib
import os


def create_private(path: str) -> int:
    """Make a new file, mode 0600, owned by the user behind sudo, and return its descriptor, open for writing.

    A file, a link or anything else that is there already is left alone: O_EXCL does not follow it.

    Raises:
        FileExistsError: something has that name.
        OSError: it cannot be made.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    user, group = os.environ.get("SUDO_UID", ""), os.environ.get("SUDO_GID", "")
    if os.geteuid() == 0 and user.isdecimal() and group.isdecimal():
        with contextlib.suppress(OSError, OverflowError):  # NFS with root squashed: it stays whose it is
            os.fchown(descriptor, int(user), int(group))
    return descriptor
