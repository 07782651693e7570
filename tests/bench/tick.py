"""What a tick costs against merely reading its bytes: `python tests/bench/tick.py [--ticks 200]`.

One side reads every probe and makes a Frame; the peer reads the same files, links and descriptors and throws the bytes
away. Both on this machine, in turn, CPU time of this process.
"""

from __future__ import annotations

import argparse
import os
import socket
import statistics
import time
from pathlib import Path
from typing import TYPE_CHECKING

from leaktop.engine.backlog import backlogged
from leaktop.engine.engine import Engine
from leaktop.engine.reading import read_everything
from leaktop.sources.filesystem import FileSystemSource

if TYPE_CHECKING:
    from collections.abc import Callable

TARGET = 5.0


class Reader:
    """Reads what a tick reads, keeps nothing."""

    def __init__(self, source: FileSystemSource, read: set[str]) -> None:
        probes = [probe for probe in source.probes if probe.name in read]
        self._paths = [f"/{probe.path}" for probe in probes if os.path.isfile(f"/{probe.path}")]
        self._descriptors = [os.open(path, os.O_RDONLY) for path in self._paths]
        lines = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
        self._mounts = [mount for _, mount, kind, *_ in lines if kind in {"tmpfs", "devtmpfs"}]

    def read(self) -> None:
        """One tick's worth of bytes."""
        for descriptor in self._descriptors:
            os.lseek(descriptor, 0, os.SEEK_SET)
            while os.read(descriptor, 1 << 20):
                pass
        for pid in os.listdir("/proc"):
            if pid.isdigit():
                self._process(f"/proc/{pid}")
        for entry in os.scandir("/sys/kernel/slab"):
            if entry.is_symlink():
                os.readlink(entry.path)
            elif not entry.name.startswith(":"):
                _read(f"{entry.path}/reclaim_account")
        for mount in self._mounts:
            os.statvfs(mount)
        self._sock_diag()

    def _process(self, path: str) -> None:
        try:
            _read(f"{path}/status")
            os.stat(f"{path}/fd")
            os.readlink(f"{path}/ns/net")
            for descriptor in os.listdir(f"{path}/fd"):
                os.readlink(f"{path}/fd/{descriptor}")
        except OSError:
            pass

    def _sock_diag(self) -> None:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 4) as netlink:
            for family, protocol in ((2, 6), (10, 6), (2, 17), (10, 17)):
                request = bytes([family, protocol, 1 << 6, 0]) + b"\xff\xff\xff\xff" + bytes(48)
                header = (16 + len(request)).to_bytes(4, "little") + bytes([20, 0, 1, 3]) + bytes(8)
                netlink.send(header + request)
                while True:
                    part = netlink.recv(1 << 16)
                    if int.from_bytes(part[4:6], "little") in {2, 3} or len(part) < 16:
                        break
                    if part[-20:-16] and b"\x14\x00\x00\x00\x03\x00" in part[-20:]:
                        break


def _read(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    os.read(descriptor, 4096)
    os.close(descriptor)


def cpu(work: Callable[[], object]) -> float:
    """CPU seconds of one call."""
    began = time.process_time()
    work()
    return time.process_time() - began


def main() -> None:
    """Print the ratio."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--ticks", type=int, default=200)
    ticks = parser.parse_args().ticks
    source = FileSystemSource()
    engine = Engine(source.machine)
    first = read_everything(source, frozenset())
    reader = Reader(source, {sample.probe for sample in first.samples if sample.content is not None})
    frame = engine.feed(first)

    def tick() -> None:
        nonlocal frame
        frame = engine.feed(read_everything(source, backlogged(frame)))

    ours, theirs = [], []
    for _ in range(ticks):
        ours.append(cpu(tick))
        theirs.append(cpu(reader.read))
    mine, peer = statistics.median(ours), statistics.median(theirs)
    ratio = mine / peer
    print(f"every probe, read to Frame   {mine * 1000:7.2f} ms CPU")
    print(f"the same bytes, thrown away  {peer * 1000:7.2f} ms CPU")
    print(f"ratio {ratio:.2f}   target {TARGET:g}: {'met' if ratio <= TARGET else 'MISSED'}")


if __name__ == "__main__":
    main()
