"""New files that a root process makes on other people's machines: private, never over something that is there.

Behind sudo they are made with the rights of the user who typed it, and belong to that user: no directory or link that
somebody puts in the way leads leaktop to where this user could not have written. Where the user may not write, root
does only where nobody but root could have changed where the path leads: /root, /var/log, not /tmp or /home.
"""

from __future__ import annotations

import array
import contextlib
import errno
import os
import pwd
import re
import stat
import sys
from functools import lru_cache
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple, TypeVar

if TYPE_CHECKING:
    import ctypes
    from collections.abc import Callable, Iterator, Sequence

_T = TypeVar("_T")
_WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH
"""An access control list that lets others write shows in the bits of the group as well."""
_NUMBER = re.compile(r"[0-9]{1,10}")
_NOBODY_AT_ALL = (1 << 32) - 1
_SETGROUPS = {"x86_64": 116, "aarch64": 159, "riscv64": 159, "loongarch64": 159, "ppc64le": 81, "s390x": 206}
"""Numbers of setgroups(2), which concerns the calling thread; the function of the C library concerns all of them."""


class _User(NamedTuple):
    name: str
    uid: int
    gid: int
    groups: tuple[int, ...]


def create_private(path: str) -> int:
    """Make a new file, mode 0600, with the rights of the user behind sudo; its descriptor, open for writing.

    A file, a link or anything else that is there already is left alone: O_EXCL does not follow it.

    Raises:
        FileExistsError: something has that name.
        OSError: it cannot be made.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    return on_behalf(path, lambda: os.open(path, flags, 0o600))


def remove_private(path: str) -> None:
    """Remove a file that was made so, with the same rights; one that is gone already, or may not be removed, is left.

    Until now the directory may have become a link to another, so that root's own rights would be too many.
    """
    with contextlib.suppress(OSError):
        on_behalf(path, lambda: os.unlink(path))


def on_behalf(path: str, act: Callable[[], _T]) -> _T:
    """Do something to files in the directory of a path, with the rights of the user behind sudo.

    Only this thread has those rights meanwhile, the others go on reading the kernel. Without sudo it is just done.

    Raises:
        PermissionError: the user may not, and it is no place where only root could have led us.
        OSError: as `act` does.
    """
    user = _behind_sudo()
    if user is None:
        return act()
    try:
        with _rights_of(user):
            return act()
    except PermissionError as error:
        if is_roots_alone(os.path.dirname(path) or "."):
            return act()
        words = f"{user.name} may not write there, and root does only in directories that nobody else can change"
        raise PermissionError(error.errno, words, path) from error


def user_behind_sudo() -> int | None:
    """The number of the user who typed sudo; None where nobody did, or where root did."""
    user = _behind_sudo()
    return None if user is None else user.uid


def is_roots_alone(path: str) -> bool:
    """Whether nobody but root can change what a path leads to.

    So there is no link in it, and all of it is root's and writable by nobody else; but for directories like /tmp, in
    which what is root's cannot be moved by others.

    Args:
        path: of a directory or a plain file, absolute or from here.
    """
    if os.pardir in path.split("/"):
        return False  # behind a link it is another place than it says
    places = [place or "/" for place in accumulate(os.path.abspath(path).split("/"), "{}/{}".format)]
    try:  # from the root down: what was checked cannot be exchanged any more when the next is
        return all(_is_roots(os.lstat(place), is_last=place == places[-1]) for place in places)
    except OSError:
        return False


def _is_roots(state: os.stat_result, *, is_last: bool) -> bool:
    if state.st_uid != 0 or not (stat.S_ISDIR(state.st_mode) or (is_last and stat.S_ISREG(state.st_mode))):
        return False
    return not state.st_mode & _WRITABLE_BY_OTHERS or (not is_last and bool(state.st_mode & stat.S_ISVTX))


def _behind_sudo() -> _User | None:
    """Who typed sudo; None where nobody did, or where root did."""
    uid, gid = os.environ.get("SUDO_UID", ""), os.environ.get("SUDO_GID", "")
    if os.geteuid() != 0 or not (_NUMBER.fullmatch(uid) and _NUMBER.fullmatch(gid)):
        return None
    return _user(int(uid), int(gid)) if 0 < int(uid) < _NOBODY_AT_ALL and int(gid) < _NOBODY_AT_ALL else None


@lru_cache(maxsize=1)
def _user(uid: int, gid: int) -> _User:
    """Asked once: where names come over the network, a machine that is dying may not answer a second time."""
    try:
        name = pwd.getpwuid(uid).pw_name
        return _User(name, uid, gid, tuple(os.getgrouplist(name, gid)))
    except (KeyError, OSError):
        return _User(f"user {uid}", uid, gid, (gid,))


@contextlib.contextmanager
def _rights_of(user: _User) -> Iterator[None]:
    """Access files as that user does, in this thread: setfsuid(2) also takes root's capabilities over files away.

    Raises:
        PermissionError: the kernel does not let us.
    """
    import ctypes  # noqa: PLC0415  # takes 5 ms, and only who comes by sudo needs it

    libc = ctypes.CDLL(None)
    groups = os.getgroups()
    try:
        _set_groups(libc, user.groups)
        libc.setfsgid(user.gid)
        libc.setfsuid(user.uid)
        # They tell no error; what is in force now is the answer to a change that is none.
        if (libc.setfsgid(-1), libc.setfsuid(-1)) != (user.gid, user.uid):
            raise PermissionError(errno.EPERM, f"this root may not act for {user.name}")
        yield
    finally:
        libc.setfsuid(0)
        libc.setfsgid(0)
        _set_groups(libc, groups)


def _set_groups(libc: ctypes.CDLL, groups: Sequence[int]) -> None:
    number = _SETGROUPS.get(os.uname().machine) if sys.maxsize > 1 << 32 else None
    if number is None:
        os.setgroups(groups)
        return
    if libc.syscall(number, len(groups), array.array("I", groups).tobytes()):
        raise PermissionError(errno.EPERM, "this root may not act for others")
