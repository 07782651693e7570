"""A load that makes this machine a big one for as long as it runs: sockets, dentries, processes.

Every process of it dies with its parent, whatever ends that; the directory that the dentries hang on is removed at the
end, and they with it.
"""

from __future__ import annotations

import ctypes
import itertools
import os
import resource
import signal
import socket
import struct
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

BACKLOGGED = 5
"""Sockets with unread bytes in each process."""
_NO_TIME_WAIT = struct.pack("ii", 1, 0)
"""SO_LINGER that resets, so that a second run starts clean."""
_PR_SET_PDEATHSIG = 1
_ROUND, _TURN = 0.01, 60.0
"""Seconds between two handfuls of dentries; and after which those that are there are let go of."""


class Load(NamedTuple):
    """What runs."""

    sockets: int
    holders: int
    processes: int
    dentries: int
    """A second."""
    pid: int
    """The process that everything but the sockets hangs on."""

    def __str__(self) -> str:
        return (
            f"{self.sockets} sockets of {self.holders} processes, {self.processes} processes, "
            f"{self.dentries} dentries a second"
        )


@contextmanager
def live_load(share: float = 1.0) -> Iterator[Load]:
    """100,000 sockets, 5,000 processes and 20,000 dentries a second, or a share of them.

    Yields:
        what there is of each, once all of it is there.
    """
    sockets, processes, dentries = (round(size * share) for size in (100_000, 5_000, 20_000))
    with Crowd(sockets, 6), tempfile.TemporaryDirectory(dir="/var/tmp") as directory:
        ready, tell = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                _die_with_parent(signal.SIGTERM)
                _make_busy(processes, dentries, directory, tell)
            finally:
                os._exit(0)
        os.close(tell)
        os.read(ready, 1)
        os.close(ready)
        try:
            yield Load(sockets, 6, processes, dentries, pid)
        finally:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
            os.waitpid(pid, 0)


def _die_with_parent(number: signal.Signals) -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(number), 0, 0, 0)


def _make_busy(processes: int, dentries: int, directory: str, tell: int) -> None:
    """Sleepers, and names that are looked up and are not there: the kernel keeps a dentry of each."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    for _ in range(processes):
        if os.fork() == 0:
            _die_with_parent(signal.SIGKILL)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            while True:
                signal.pause()
    os.write(tell, b".")
    for turn in itertools.count():
        names = f"{directory}/{turn}"
        os.mkdir(names)
        _look_up(names, dentries)
        os.rmdir(names)  # and with it go the dentries below it


def _look_up(directory: str, per_second: int) -> None:
    began, number = time.monotonic(), 0
    while (passed := time.monotonic() - began) < _TURN:
        while number < passed * per_second:
            number += 1
            with suppress(FileNotFoundError):
                os.stat(f"{directory}/{number}")
        time.sleep(_ROUND)


def hold(address: str, connections: int, ready: int, stay: int) -> None:
    """Open connections from this process to itself, say so, and keep both ends until the parent closes `stay`."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (2 * connections + 64, 2 * connections + 64))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    listener = socket.create_server((address, 0), backlog=128)
    ends = []
    for number in range(connections):
        near = socket.socket()
        near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_TIME_WAIT)
        near.connect(listener.getsockname())
        far, _ = listener.accept()
        ends += [near, far]
        if number < BACKLOGGED:
            near.send(b"unread" * 500)
    os.write(ready, b".")
    os.read(stay, 1)  # returns at the end of file, when the parent closed its end or died


class Crowd:
    """Processes that hold sockets; they end when this context ends, or when this process does."""

    def __init__(self, sockets: int, processes: int) -> None:
        self.connections = sockets // processes // 2
        self.processes = processes

    def __enter__(self) -> Crowd:
        ready, tell = os.pipe()
        stay, self.release = os.pipe()
        self.children = []
        for number in range(self.processes):
            child = os.fork()
            if child == 0:
                os.close(self.release)
                try:
                    hold(f"127.0.{number + 1}.1", self.connections, tell, stay)
                finally:
                    os._exit(0)
            self.children.append(child)
        os.close(tell)
        os.close(stay)
        arrived = b""
        while len(arrived) < self.processes and (more := os.read(ready, 64)):
            arrived += more
        os.close(ready)
        if len(arrived) < self.processes:
            print("some processes could not open their sockets: see ulimit -Hn and fs.nr_open", file=sys.stderr)
        return self

    def __exit__(self, *_exception: object) -> None:
        os.close(self.release)
        for child in self.children:
            os.waitpid(child, 0)
