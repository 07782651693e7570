"""The links under /proc/PID/fd and /proc/PID/ns (fs/proc/fd.c, fs/proc/namespaces.c), since 2.6 and 3.0.

Reading those of other users' processes needs CAP_SYS_PTRACE; processes that are denied or that end meanwhile are
left out. Threads that unshared their descriptor table are not searched.
"""

from __future__ import annotations

import os
from functools import partial
from itertools import repeat
from operator import itemgetter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


_FEW = 4096
"""Descriptors of one process that a walk reads in no time, and completely; more are worth a guess first."""
_NEAR = 16
"""Descriptors that are looked at for a socket before a guess gives up on going on from here."""


def list_pids(proc_root: str) -> list[int]:
    """Every process there is, in the kernel's order.

    Raises:
        OSError: `proc_root` cannot be listed.
    """
    with os.scandir(proc_root) as entries:
        # A link is not followed: in a captured tree it may lead to this machine's own processes.
        return [int(entry.name) for entry in entries if entry.name.isdecimal() and entry.is_dir(follow_symlinks=False)]


def walk_fd_links(proc_root: str, pids: Iterable[int] | None = None) -> Iterator[tuple[int, int, str]]:
    """Pid, descriptor and link text ("socket:[4711]", "/path (deleted)") of every open file of these processes.

    Raises:
        OSError: `pids` is None and `proc_root` cannot be listed.
    """
    for pid in list_pids(proc_root) if pids is None else pids:
        try:
            directory = os.open(f"{proc_root}/{pid}/fd", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError:
            continue
        try:
            names = [name for name in os.listdir(directory) if name.isdecimal()]
            links = _read_links(directory, names)
        except OSError:
            continue
        finally:
            os.close(directory)
        yield from filter(itemgetter(2), zip(repeat(pid), map(int, names), links))


def _read_links(directory: int, names: list[str]) -> list[str]:
    """One link text for each name, "" for descriptors that were closed meanwhile."""
    remaining = map(partial(os.readlink, dir_fd=directory), names)
    links: list[str] = []
    while True:
        try:
            links.extend(remaining)  # a busy server has 100,000 of them: the loop runs in C
        except OSError:
            links.append("")
        else:
            return links


def guess_socket_fd(proc_root: str, pid: int, inode: int) -> int | None:
    """The descriptor by which a process holds a socket, found by halving; None where that does not find it.

    Descriptors and inodes are both given out in rising order, so in a server that opened its sockets one after the
    other a dozen links tell what 16,000 would. Where they were reused the order is broken, and only a walk will do.
    """
    try:
        low, high = 0, os.stat(f"{proc_root}/{pid}/fd").st_size  # how many there are, since 6.2; 0 before
    except OSError:
        return None
    if high <= _FEW:
        return None
    while low < high:
        middle = (low + high) // 2
        here = _next_socket(f"{proc_root}/{pid}/fd", middle, min(high, middle + _NEAR))
        if here is None or here[1] > inode:
            high = middle
        elif here[1] < inode:
            low = here[0] + 1
        else:
            return here[0]
    return None


def _next_socket(directory: str, start: int, end: int) -> tuple[int, int] | None:
    """The first descriptor from `start` that is a socket, and its inode."""
    for fd in range(start, end):
        try:
            link = os.readlink(f"{directory}/{fd}")
        except OSError:
            continue
        if link.startswith("socket:["):
            return fd, int(link[8:-1])
    return None


def count_net_namespaces(proc_root: str) -> tuple[int, int]:
    """How many network namespaces the processes live in, and how many processes would not say.

    Raises:
        OSError: `proc_root` cannot be listed.
    """
    seen: set[str] = set()
    denied = 0
    for pid in list_pids(proc_root):
        try:
            seen.add(os.readlink(f"{proc_root}/{pid}/ns/net"))
        except PermissionError:
            denied += 1
        except OSError:
            continue
    return len(seen), denied
