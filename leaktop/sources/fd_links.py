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
