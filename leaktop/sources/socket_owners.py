"""Which processes hold a socket, found through the links of /proc/PID/fd; the text form "socket_owners".

The kernel names a socket's inode and uid but not its process, so that finding owners means reading a link for every
open file there is. Here that is done once for each socket: afterwards one readlink confirms what was found.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from leaktop.sources.fd_links import guess_socket_fd, list_pids, walk_fd_links
from leaktop.sources.text_form import encode, escape

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_GUESSES = 32
_MISSING_FOR = 30.0
"""Seconds before a socket without an owner (orphaned, or of a process that is denied) is searched for again."""


class OwnerIndex:
    """Finds owners of sockets, and remembers them between calls. For one thread."""

    def __init__(self, proc_root: str = "/proc", clock: Callable[[], float] = time.monotonic) -> None:
        self._proc = proc_root
        self._clock = clock
        self._owners: dict[int, list[tuple[int, int]]] = {}
        self._missing: dict[int, float] = {}

    def find(self, wanted: frozenset[int] | None) -> bytes:
        """Rows of inode, pid, fd and comm for the sockets with these inodes, None for every socket.

        A search ends with the process in which the last wanted socket was found: of a socket that several processes
        share (by fork, or sent as SCM_RIGHTS) it may name one. None searches them all.

        Raises:
            OSError: the root of proc cannot be listed.
        """
        if wanted is None:
            found = self._search(None)
        else:
            now = self._clock()
            found = {inode: live for inode in wanted & self._owners.keys() if (live := self._confirm(inode))}
            self._missing = {inode: when for inode, when in self._missing.items() if now - when < _MISSING_FOR}
            sought = wanted - found.keys() - self._missing.keys() - {0}
            if sought:
                found |= self._search(sought)
            self._missing |= dict.fromkeys(sought - found.keys(), now)
        self._owners = found
        comms = {pid: self._comm(pid) for held in found.values() for pid, _ in held}
        return encode(
            "socket_owners",
            (f"{inode}\t{pid}\t{fd}\t{comms[pid]}" for inode, held in found.items() for pid, fd in held),
        )

    def _search(self, sought: frozenset[int] | None) -> dict[int, list[tuple[int, int]]]:
        likely = dict.fromkeys(pid for held in self._owners.values() for pid, _ in held)
        found = self._guess(sought, likely) if sought is not None else {}
        if sought is not None:
            sought -= found.keys()
            if not sought:
                return found
        links = None if sought is None else {f"socket:[{inode}]" for inode in sought}
        for pid in likely | dict.fromkeys(list_pids(self._proc)):
            for _, fd, link in walk_fd_links(self._proc, (pid,)):
                if (link in links) if links is not None else link.startswith("socket:["):
                    found.setdefault(int(link[8:-1]), []).append((pid, fd))
            if sought is not None and sought <= found.keys():
                break
        return found

    def _guess(self, sought: frozenset[int], likely: Iterable[int]) -> dict[int, list[tuple[int, int]]]:
        """Owners that take a few links to find, of the first sockets that are sought: a walk pays for many."""
        found: dict[int, list[tuple[int, int]]] = {}
        pids = dict.fromkeys(likely) | dict.fromkeys(list_pids(self._proc))
        for inode in sorted(sought)[:_GUESSES]:
            for pid in pids:
                fd = guess_socket_fd(self._proc, pid, inode)
                if fd is not None:
                    found[inode] = [(pid, fd)]
                    break
        return found

    def _confirm(self, inode: int) -> list[tuple[int, int]]:
        """Those owners found before which still hold the socket."""
        link = f"socket:[{inode}]"
        return [(pid, fd) for pid, fd in self._owners[inode] if self._read_link(pid, fd) == link]

    def _read_link(self, pid: int, fd: int) -> str:
        try:
            return os.readlink(f"{self._proc}/{pid}/fd/{fd}")
        except OSError:
            return ""

    def _comm(self, pid: int) -> str:
        """The name that the process has now: it changes with execve and prctl."""
        try:
            with open(f"{self._proc}/{pid}/comm", "rb") as file:
                return escape(os.fsdecode(file.read().removesuffix(b"\n")))
        except OSError:
            return "?"
