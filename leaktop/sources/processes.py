"""Every process of /proc: memory from PID/status, identity from PID/stat, open descriptors from PID/fd.

fs/proc/array.c. RssAnon, RssFile and RssShmem since Linux 4.5; before, PID/statm tells shared pages.
VmSwap since 2.6.34. Since 6.2 the size of the directory PID/fd is the number of open descriptors.
PID/{cmdline,smaps,numa_maps} are never read: they wait for the target's mmap lock.
"""

from __future__ import annotations

import errno
import os
import re
import stat

from leaktop.courtesy import give_way
from leaktop.sources.files import path_below, read_small
from leaktop.sources.text_form import encode, escape

_AMOUNT = re.compile(rb"\n(FDSize|VmRSS|RssAnon|RssFile|RssShmem|VmSwap|Threads):[ \t]+(\d{1,20})")
_ESCAPED = re.compile(rb"\\([0-7]{3}|.)")
_CONTROLS = {b"n": b"\n", b"t": b"\t", b"r": b"\r", b"f": b"\f", b"v": b"\v", b"a": b"\a", b"e": b"\x1b"}
_MOST_COUNTED = 1 << 16
"""Before 6.2 counting descriptors means listing them, a microsecond each; larger tables are left uncounted."""
_PAGE = 4096
_CEILING = 1 << 20
_WHOLE_MACHINE = {errno.EMFILE, errno.ENFILE, errno.ENOMEM}
"""Errors that would hit every process alike, and must not look as if all of them had ended."""

_ENDED = {errno.ENOENT, errno.ESRCH}


class ProcessLister:
    """Lists processes again and again; a process's start time is read once.

    Args:
        root: "/" for this machine, or the directory that holds a captured `proc`.
        page_size: bytes of a page of /proc/PID/statm; None for this machine's.
    """

    def __init__(self, root: str, page_size: int | None = None) -> None:
        self._root = root
        self._is_live = root == "/"
        self._proc = "/proc"
        self._page_size = page_size or os.sysconf("SC_PAGE_SIZE")
        self._starts: dict[str, tuple[tuple[int, int], str]] = {}

    def list(self) -> bytes:
        """The list "processes": pid, starttime, comm, rss, anon, file, shmem, swap, threads, fds.

        Bytes; "-" unknown. A process that ends while it is read is left out; those that cannot be read are counted in
        a first row, "=", "unreadable".

        Raises:
            OSError: /proc cannot be listed, or no descriptor or memory is left.
        """
        if not self._is_live:
            self._proc = path_below(self._root, "proc")
        is_sized = self._is_live and os.path.exists("/proc/self/fd") and os.stat("/proc/self/fd").st_size > 0
        with os.scandir(self._proc) as entries:
            pids = sorted(
                (
                    entry.name
                    for entry in entries
                    if entry.name.isascii() and entry.name.isdecimal() and entry.is_dir(follow_symlinks=False)
                ),
                key=int,
            )
        known, self._starts = self._starts, {}
        lines: list[str] = []
        unreadable = 0
        for pid in pids:
            give_way()
            try:
                lines.append(self._line(pid, is_sized, known.get(pid)))
            except OSError as error:
                if error.errno in _WHOLE_MACHINE:
                    raise
                unreadable += error.errno not in _ENDED
        return encode("processes", [f"=\tunreadable\t{unreadable}", *lines] if unreadable else lines)

    def _line(self, pid: str, is_sized: bool, known: tuple[tuple[int, int], str] | None) -> str:
        path = f"{self._proc}/{pid}"
        status = read_small(f"{path}/status")
        amounts: dict[bytes, bytes] = dict(_AMOUNT.findall(status))
        fds, identity = self._descriptors(path, amounts, is_sized)
        start = self._start(path) if known is None or known[0] != identity else known[1]
        if identity is not None:
            self._starts[pid] = identity, start
        comm = status[5 : status.find(b"\n")].lstrip(b"\t ") if status.startswith(b"Name:") else b""
        threads = amounts.get(b"Threads", b"-").decode()
        memory = "\t".join(self._memory(path, amounts))
        return f"{pid}\t{start}\t{escape(_text(comm))}\t{memory}\t{threads}\t{fds}"

    def _descriptors(
        self, path: str, amounts: dict[bytes, bytes], is_sized: bool
    ) -> tuple[str, tuple[int, int] | None]:
        # For a process that got a used pid the kernel makes this directory's inode anew, with other number
        # and ctime: the one stat() that counts descriptors also tells that the start time must be read again.
        try:
            found = os.stat(f"{path}/fd", follow_symlinks=False)
        except OSError as error:
            if error.errno in _WHOLE_MACHINE:
                raise
            return "-", None
        identity = found.st_ino, found.st_ctime_ns
        if not stat.S_ISDIR(found.st_mode):
            return "-", None
        if is_sized:
            return str(found.st_size), identity
        if int(amounts.get(b"FDSize", _MOST_COUNTED + 1)) > _MOST_COUNTED:
            return "-", identity
        try:
            return str(len(os.listdir(f"{path}/fd"))), identity
        except OSError:
            return "-", identity

    def _start(self, path: str) -> str:
        try:
            return read_small(f"{path}/stat").rpartition(b")")[2].split()[19].decode()
        except (OSError, IndexError):
            # Live, the process has just ended; a captured tree may hold status alone.
            if self._is_live:
                raise ProcessLookupError(errno.ESRCH, os.strerror(errno.ESRCH), path) from None
            return "-"

    def _memory(self, path: str, amounts: dict[bytes, bytes]) -> tuple[str, ...]:
        if b"VmRSS" not in amounts:
            # No address space: a kernel thread or a zombie, which owns no user memory. Else a torn file.
            return ("0" if b"Threads" in amounts else "-",) * 5
        rss, swap = _bytes(amounts, b"VmRSS"), _bytes(amounts, b"VmSwap")
        if b"RssAnon" in amounts:
            parts = (_bytes(amounts, name) for name in (b"RssAnon", b"RssFile", b"RssShmem"))
            return (rss, *parts, swap)
        try:
            resident, shared = (int(field) for field in read_small(f"{path}/statm").split()[1:3])
        except (OSError, ValueError):
            return rss, "-", "-", "-", swap
        return rss, str((resident - shared) * self._page_size), str(shared * self._page_size), "-", swap


def list_processes(root: str, page_size: int | None = None) -> bytes:
    """One list of processes, as ProcessLister.list() gives it.

    Raises:
        OSError: /proc cannot be listed.
    """
    return ProcessLister(root, page_size).list()


def _bytes(amounts: dict[bytes, bytes], name: bytes) -> str:
    return str(int(amounts[name]) * 1024) if name in amounts else "-"


def _text(comm: bytes) -> str:
    """The real name: status escapes newline and backslash (proc_task_name), and nothing else."""
    if b"\\" in comm:
        comm = _ESCAPED.sub(_plain, comm)
    return comm.decode("utf-8", "surrogateescape")


def _plain(found: re.Match[bytes]) -> bytes:
    code: bytes = found[1]
    return bytes([int(code, 8) & 0xFF]) if len(code) == 3 else _CONTROLS.get(code, code)
