"""Leaks, one a sub-command: after BEFORE seconds of nothing each grows at its own rate until it is ended.

python3 leaks.py NAME BEFORE; what a worker holds goes when it ends (SIGTERM). The names are those of the recordings.
"""

from __future__ import annotations

import contextlib
import ctypes
import mmap
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator

KIB, MIB = 1 << 10, 1 << 20
SO_SNDBUFFORCE, SO_RCVBUFFORCE, ETH_P_ALL, MAP_NORESERVE, MADV_NOHUGEPAGE, PR_SET_NAME = 32, 33, 3, 0x4000, 15, 15
UDP_PORT, TCP_PORT, UNIX_PATH = 15140, 15141, f"{tempfile.gettempdir()}/sleepy-reader.sock"
NR_HUGEPAGES = "/proc/sys/vm/nr_hugepages"
JOURNAL = "/dev/shm/queue.journal"


def name_process(name: str) -> None:
    """Make `name` this process's comm."""
    ctypes.CDLL(None).prctl(PR_SET_NAME, name.encode(), 0, 0, 0)


def paced(per_second: float) -> Iterator[int]:
    """Count for ever, so many numbers a second; what was missed is caught up with."""
    began, count = time.monotonic(), 0
    while True:
        time.sleep(max(0.0, began + count / per_second - time.monotonic()))
        yield count
        count += 1


def read_hugepages() -> str:
    """How many huge pages are set aside."""
    with open(NR_HUGEPAGES) as setting:
        return setting.read()


def set_hugepages(pages: str) -> None:
    """Set so many huge pages aside."""
    with open(NR_HUGEPAGES, "w") as setting:
        setting.write(pages)


def beside(name: str, work: Callable[[], None]) -> None:
    """Run `work` in a process of its own, of that name, in this process group."""
    if os.fork() == 0:
        name_process(name)
        work()
        os._exit(0)


def user_leak_fast() -> None:
    """1 MiB/s of anonymous memory, touched and kept."""
    kept = []
    for _ in paced(16):
        kept.append(bytearray(b"\1") * (64 * KIB))


def user_leak_slow() -> None:
    """10 KB/s: 20 sessions a second of 500 bytes each, never forgotten."""
    sessions: dict[int, bytes] = {}
    for number in paced(20):
        sessions[number] = os.urandom(350)


def user_leak_slow_before() -> None:
    """Keep the machine busy beside it."""
    subprocess.Popen([sys.executable, f"{os.path.dirname(os.path.abspath(__file__))}/benign.py", "busy"])


def fd_leak_files() -> None:
    """50 files a second, opened and kept open."""
    for _ in paced(50):
        os.open("/etc/hostname", os.O_RDONLY)


def fd_leak_sockets() -> None:
    """30 connections a second that their peer closes and this one never does: CLOSE_WAIT."""
    taken = []
    while True:
        taken.append(listening.accept()[0])


def fd_leak_sockets_before() -> None:
    """Listen from the start."""
    global listening  # noqa: PLW0603  # one socket of one process, made before it is recorded
    listening = socket.create_server(("127.0.0.1", TCP_PORT))


def fd_leak_sockets_clients() -> None:
    """30 requests a second, each over a connection of its own, closed when it is done."""
    for _ in paced(30):
        with socket.create_connection(("127.0.0.1", TCP_PORT)) as connection:
            connection.send(b"GET / HTTP/1.0\r\n\r\n")


def fd_leak_eventfd() -> None:
    """20 a second, by turns an eventfd and an epoll descriptor."""
    kept = []
    for number in paced(20):
        kept.append(select.epoll() if number % 2 else os.eventfd(0))


def tmpfs_growth_shm() -> None:
    """512 KiB/s appended to a file in /dev/shm."""
    with open(JOURNAL, "wb") as journal:
        for _ in paced(8):
            journal.write(os.urandom(64 * KIB))
            journal.flush()


def tmpfs_memfd() -> None:
    """300 KB/s appended to a memfd."""
    frames = os.memfd_create("frame-cache")
    for _ in paced(10):
        os.write(frames, os.urandom(30_000))


def thread_leak() -> None:
    """5 threads a second that sleep for ever."""
    for _ in paced(5):
        threading.Thread(target=threading.Event().wait, daemon=True).start()


def pagetables() -> None:
    """One byte touched of every 2 MiB of a sparse map, 100 a second: each needs a page table of its own."""
    region = mmap.mmap(-1, 200 << 30, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | MAP_NORESERVE)
    with contextlib.suppress(OSError):  # there are kernels without transparent huge pages
        region.madvise(MADV_NOHUGEPAGE)
    for number in paced(100):
        region[number * 2 * MIB] = 1


def backlog_udp() -> None:
    """200 KB/s of datagrams to a socket that nobody reads."""
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for _ in paced(200):
        sender.sendto(bytes(1000), ("127.0.0.1", UDP_PORT))


def backlog_udp_before() -> None:
    """Bind the socket that is never read."""

    def keep() -> None:
        deaf = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        deaf.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 400 * MIB)
        deaf.bind(("127.0.0.1", UDP_PORT))
        signal.pause()

    beside("deaf-collector", keep)


def backlog_packet() -> None:
    """150 datagrams a second over lo, read by their receiver but not by the sniffer that sees them as well."""
    receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    receiver.bind(("127.0.0.1", UDP_PORT))
    for _ in paced(150):
        receiver.sendto(bytes(800), ("127.0.0.1", UDP_PORT))
        receiver.recv(2048)


def backlog_packet_before() -> None:
    """Open the packet socket that is never read."""

    def keep() -> None:
        sniffer = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        sniffer.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 400 * MIB)
        sniffer.bind(("lo", 0))
        signal.pause()

    beside("stuck-sniffer", keep)


def backlog_unix() -> None:
    """8 connections, 40 KB/s each, to a reader that fell asleep."""
    streams = [socket.socket(socket.AF_UNIX) for _ in range(8)]
    for stream in streams:
        stream.setsockopt(socket.SOL_SOCKET, SO_SNDBUFFORCE, 64 * MIB)
        stream.connect(UNIX_PATH)
    for number in paced(80):
        streams[number % 8].send(bytes(4000))


def backlog_unix_before() -> None:
    """Listen, take every connection, and read nothing."""
    if os.path.exists(UNIX_PATH):
        os.unlink(UNIX_PATH)
    server = socket.socket(socket.AF_UNIX)
    server.bind(UNIX_PATH)
    server.listen(64)

    def keep() -> None:
        taken = []
        while True:
            taken.append(server.accept()[0])

    beside("sleepy-reader", keep)


def hugepages() -> None:
    """512 huge pages of 2 MiB, set aside and used by nobody."""
    set_hugepages("512")
    signal.pause()


listening: socket.socket
COMM = {
    "user-leak-fast": ("leaky-server", user_leak_fast, None),
    "user-leak-slow-busy": ("slow-leaker", user_leak_slow, user_leak_slow_before),
    "fd-leak-files": ("log-shipper", fd_leak_files, None),
    "fd-leak-sockets": ("leaky-proxy", fd_leak_sockets, fd_leak_sockets_before),
    "fd-leak-eventfd": ("event-loop", fd_leak_eventfd, None),
    "tmpfs-growth-shm": ("journal-writer", tmpfs_growth_shm, None),
    "tmpfs-memfd": ("frame-grabber", tmpfs_memfd, None),
    "thread-leak": ("thread-spawner", thread_leak, None),
    "pagetables": ("sparse-index", pagetables, None),
    "backlog-udp": ("stats-sender", backlog_udp, backlog_udp_before),
    "backlog-packet": ("ping-pong", backlog_packet, backlog_packet_before),
    "backlog-unix": ("chatty-writer", backlog_unix, backlog_unix_before),
    "hugepages": ("sysctl-setter", hugepages, None),
}
"""The worker's comm, what it leaks, and what it does at once."""


def main(name: str, before: float) -> None:
    """Wait, then leak until SIGTERM; then leave nothing behind."""
    comm, leak, prepare = COMM[name]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    name_process(comm)
    pages = read_hugepages() if name == "hugepages" else ""
    if prepare:
        prepare()
    try:
        time.sleep(before)
        print(f"began {time.time():.1f}", flush=True)
        if name == "fd-leak-sockets":
            beside("web-client", fd_leak_sockets_clients)
        leak()
    finally:
        if name == "hugepages":
            set_hugepages(pages)
        for path in (JOURNAL, UNIX_PATH):
            if os.path.exists(path):
                os.unlink(path)


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
