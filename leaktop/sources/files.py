"""Reading whole kernel files: descriptors kept open and rewound, nothing followed out of a captured tree."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import threading
from collections import defaultdict

_PAGE = 4096
_CHUNK = 1 << 20
"""seq_file gives one page a read however much is asked for; single_open files and plain files give it all."""


def path_below(root: str, relative: str) -> str:
    """The path of a file below a root; in a captured tree with its links resolved.

    Raises:
        FileNotFoundError: there is no such file, or a link in the tree points out of it: this machine's own files must
            never stand in for the captured machine's.
    """
    if root == "/":
        return f"/{relative}"
    real_root = os.path.realpath(root)
    real = os.path.realpath(os.path.join(real_root, relative))
    if os.path.commonpath([real_root, real]) != real_root:
        raise FileNotFoundError(errno.ENOENT, "the link leads out of the captured tree", relative)
    return real


def read_small(path: str, ceiling: int = 1 << 20) -> bytes:
    """The content of a small file, read once: neither a link nor a FIFO in a hostile tree leads or hangs the reader.

    Raises:
        OSError: as open() and read() give it.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        content = part = os.read(descriptor, _PAGE)
        # What comes short of a page is the end of a seq_file: one more read only to be told so would cost as much.
        while len(part) == _PAGE and len(content) < ceiling:
            part = os.read(descriptor, _PAGE)
            content += part
        return content
    finally:
        os.close(descriptor)


class KeptFiles:
    """Files below one root, opened once and read again from the start.

    Rewinding /proc/vmallocinfo costs a third of reopening it, since the kernel keeps the buffer it grew; and it goes
    on working where open() no longer does, out of descriptors or memory.
    """

    def __init__(self, root: str) -> None:
        self._root = root
        self._descriptors: dict[str, int] = {}
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        """One a file: two threads that rewind one descriptor would each get half."""

    def read(self, relative: str, ceiling: int) -> bytes:
        """The whole content of a file below the root.

        Raises:
            OSError: as open() and read() give it; EFBIG where there are more than `ceiling` bytes.
        """
        with self._locks[relative]:
            descriptor = self._descriptors.get(relative)
            if descriptor is None:
                return self._first(relative, ceiling)
            try:
                os.lseek(descriptor, 0, os.SEEK_SET)
                return _drain(descriptor, ceiling)
            except OSError:
                # A file that vanished and came back (debugfs remounted, a module reloaded) has a new inode.
                self._forget(relative)
                return self._first(relative, ceiling)

    def _first(self, relative: str, ceiling: int) -> bytes:
        path = path_below(self._root, relative)
        # O_NONBLOCK: a FIFO in a hostile tree must not hang the reader.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise OSError(errno.EINVAL, "not a regular file", path)
            content = _drain(descriptor, ceiling)
        except BaseException:
            os.close(descriptor)
            raise
        self._descriptors[relative] = descriptor
        return content

    def _forget(self, relative: str) -> None:
        with contextlib.suppress(OSError):
            os.close(self._descriptors.pop(relative))

    def close(self) -> None:
        """Close every descriptor."""
        for relative in list(self._descriptors):
            self._forget(relative)


def _drain(descriptor: int, ceiling: int) -> bytes:
    parts = []
    size = 0
    while part := os.read(descriptor, _CHUNK):
        parts.append(part)
        size += len(part)
        if size > ceiling:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
    return b"".join(parts)
