"""A trace instance of our own: instances/leaktop-PID-START-PURPOSE of tracefs (3.10+); the global one is not touched.

It is taken away at the end of the block, by the guard where this process is killed, and by the next start where the
guard was killed too.
"""

from __future__ import annotations

import atexit
import contextlib
import errno
import os
import re
import subprocess
import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING

from leaktop import children
from leaktop.control import mounting, trace_guard

if TYPE_CHECKING:
    from collections.abc import Iterator

_OLD_PLACE = "/sys/kernel/debug/tracing"
"""Where tracing was before tracefs, until 4.1."""
_OURS = re.compile(r"leaktop-([0-9]+)-([0-9]+)-[a-z]+")
_PIECE = 1 << 16
_PATIENCE = 2.0
_TOTAL_KIB, _LEAST_KIB, _MOST_KIB = 8 << 10, 64, 2 << 10
"""Of the ring buffers of all CPUs together; of each."""
_GRACE = 10.0
"""Seconds after its time in which a trace is to end by itself."""
_LOST = re.compile(rb"^(?:overrun|dropped events): ([0-9]+)$", re.MULTILINE)
_REFUSALS = {
    errno.EPERM: "the kernel forbids it (lockdown, or a container)",
    errno.EACCES: "needs root: sudo leaktop",
    errno.ENOENT: "this kernel does not have it",
    errno.EINVAL: "this kernel does not understand it",
    errno.EBUSY: "it is in use",
    errno.EEXIST: "this leaktop traces something already",
    errno.ENOMEM: "the kernel had no memory for it",
    errno.ENOSPC: "the kernel had no memory for it",
    errno.EROFS: "it is mounted read-only here, as in a container",
    errno.ELOOP: "it is a link, which no kernel makes",
}


class TracingError(Exception):
    """The kernel refused; the message says why, for people."""


def find_place() -> str | None:
    """Where tracing is now, None where nothing is mounted."""
    own = mounting.PLACES["tracefs"]
    # Where tracefs has a place of its own, looking below debugfs would mount it there as well.
    place = own if os.path.isdir(own) else _OLD_PLACE
    return place if os.path.isdir(f"{place}/events") else None


class TraceInstance:
    """An instance with nothing enabled, for as long as the block lasts.

    Args:
        purpose: what it is for, in letters: a process has one of each.
        seconds: for how long it is wanted; some seconds later the guard stops it, whatever this process does.

    Raises:
        TracingError: on entering, where there can be none.
    """

    def __init__(self, purpose: str, seconds: float) -> None:
        self._purpose = purpose
        self._seconds = seconds
        self._ring_bytes = min(max(_TOTAL_KIB // (os.cpu_count() or 1), _LEAST_KIB), _MOST_KIB) << 10
        self._mounted = False
        self._rings: dict[int, int] = {}
        self._guard: subprocess.Popen[bytes] | None = None
        self.place = ""
        self._path = ""

    def __enter__(self) -> TraceInstance:
        try:
            self._make()
            self._start_guard()
            self.write("buffer_size_kb", str(self._ring_bytes >> 10))
            self._open_rings()  # what is open cannot be removed by others
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Take it away, and unmount what was mounted for it. Never raises; twice does no harm."""
        atexit.unregister(self.close)
        for descriptor in self._rings.values():
            os.close(descriptor)
        self._rings.clear()
        is_done = not self._path or self._remove()
        if is_done and self._mounted:
            try:
                mounting.unmount("tracefs")
            except mounting.MountError:
                is_done = False  # somebody else uses it by now: the guard waits for that to end
        self._mounted = False
        self._end_guard(is_done=is_done)
        self._path = ""

    def write(self, name: str, text: str, *, adds: bool = False) -> None:
        """Write a line to a file of the instance.

        Args:
            name: below the instance.
            text: what to write.
            adds: as `>>` does: of triggers, what is truncated loses the others.

        Raises:
            TracingError: the kernel refused.
        """
        mode = os.O_APPEND if adds else os.O_TRUNC
        with _refusals(f"{text!r} to {name}", f"{self._path}/{name}"):
            descriptor = os.open(f"{self._path}/{name}", os.O_WRONLY | mode | os.O_CLOEXEC | os.O_NOFOLLOW)
            try:
                os.write(descriptor, text.encode("utf-8", "surrogateescape") + b"\n")
            finally:
                os.close(descriptor)

    def read(self, name: str) -> bytes:
        """A file of the place where tracing is, as all instances share it.

        Raises:
            OSError: as open() and read() give it.
        """
        return _read(f"{self.place}/{name}")

    def read_own(self, name: str) -> bytes:
        """A file of this instance alone.

        Raises:
            OSError: as open() and read() give it.
        """
        return _read(f"{self._path}/{name}")

    def read_rings(self) -> Iterator[tuple[int, bytes]]:
        """What every CPU recorded since the last time: the CPU, and a page of its ring buffer.

        No more than the buffer holds: a CPU that records faster than it is read would never be done.

        Raises:
            TracingError: it cannot be read.
        """
        with _refusals("reading the ring buffers", self._path):
            for cpu, descriptor in self._rings.items():
                left = self._ring_bytes
                with contextlib.suppress(BlockingIOError):
                    while left > 0 and (page := os.read(descriptor, _PIECE)):
                        left -= len(page)
                        yield cpu, page

    def lost(self) -> int:
        """Events that the ring buffers had no room for, so far."""
        total = 0
        with contextlib.suppress(OSError):
            for name in os.listdir(f"{self._path}/per_cpu"):
                total += sum(map(int, _LOST.findall(_read(f"{self._path}/per_cpu/{name}/stats"))))
        return total

    def _make(self) -> None:
        for is_last in (False, True):
            self.place = find_place() or self._mount()
            sweep(self.place)
            self._path = f"{self.place}/instances/leaktop-{os.getpid()}-{_start_of(os.getpid())}-{self._purpose}"
            atexit.register(self.close)
            with _refusals("making a trace instance", self._path):
                try:
                    os.mkdir(self._path, 0o700)
                except FileNotFoundError:
                    if is_last or find_place() is not None:
                        raise
                    continue  # another leaktop, which had mounted it, just took it away
            return

    def _open_rings(self) -> None:
        flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
        with _refusals("opening the ring buffers", self._path):
            for name in sorted(os.listdir(f"{self._path}/per_cpu")):
                if name.startswith("cpu") and name[3:].isdecimal():
                    self._rings[int(name[3:])] = os.open(f"{self._path}/per_cpu/{name}/trace_pipe_raw", flags)

    def _mount(self) -> str:
        try:
            mounting.mount("tracefs")
        except mounting.MountError as error:
            raise TracingError(str(error)) from error
        self._mounted = True
        return mounting.PLACES["tracefs"]

    def _start_guard(self) -> None:
        if not sys.executable:  # inside another program: the next start will have to do
            return
        mount_point = mounting.PLACES["tracefs"] if self._mounted else ""
        command = [
            sys.executable,
            "-I",
            "-S",
            trace_guard.__file__,
            self._path,
            str(self._seconds + _GRACE),
            mount_point,
        ]
        with contextlib.suppress(OSError):
            self._guard = children.start(
                command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/",
                start_new_session=True, env={"LC_ALL": "C"},
            )  # fmt: skip

    def _end_guard(self, *, is_done: bool) -> None:
        guard, self._guard = self._guard, None
        if guard is None or guard.stdin is None:
            return
        with contextlib.suppress(OSError):
            if is_done:
                guard.stdin.write(b".")
            guard.stdin.close()
        if is_done:
            with contextlib.suppress(subprocess.TimeoutExpired):
                guard.wait(_PATIENCE)

    def _remove(self) -> bool:
        # Nothing may be recorded while the instance waits for whoever still looks into it.
        for name in ("tracing_on", "events/enable"):
            with contextlib.suppress(TracingError):
                self.write(name, "0")
        until = time.monotonic() + _PATIENCE
        while not trace_guard.remove(self._path):
            if time.monotonic() > until:
                return False
            time.sleep(0.02)
        return True


def sweep(place: str) -> list[str]:
    """Remove the instances of leaktops that are gone; one that somebody has open is left alone.

    Returns:
        the names of those that were removed.
    """
    removed = []
    with contextlib.suppress(OSError):
        for name in os.listdir(f"{place}/instances"):
            found = _OURS.fullmatch(name)
            # A pid comes again; the moment at which its process started does not.
            if found and _start_of(int(found[1])) != found[2] and trace_guard.remove(f"{place}/instances/{name}"):
                removed.append(name)
    return removed


def _start_of(pid: int) -> str | None:
    """starttime of a process, in ticks since boot, as /proc/PID/stat has it; None where none runs under that number."""
    try:
        state, *rest = _read(f"/proc/{pid}/stat").rpartition(b")")[2].split()
        return None if state in {b"Z", b"X"} else rest[18].decode()
    except (OSError, ValueError, IndexError):
        return None


def _read(path: str) -> bytes:
    with open(path, "rb", buffering=0) as file:
        pieces = []
        while piece := file.read(_PIECE):
            pieces.append(piece)
        return b"".join(pieces)


@contextlib.contextmanager
def _refusals(what: str, path: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        why = _REFUSALS.get(error.errno or 0, os.strerror(error.errno) if error.errno else str(error))
        raise TracingError(f"{what} ({path}): {why}") from error
