"""Each cause, made here, is seen in its pane."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import struct
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from tests.e2e.terminal import LEAKTOP, Terminal

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="slabinfo, raw sockets and owners of sockets take root")

FAST = (*LEAKTOP, "-d", "0.5", "--budget", "none")
UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


def amount(text: str) -> float:
    """Bytes of "+64.0M"."""
    found = re.fullmatch(r"([+-]?[\d.]+)([KMG]?)", text)
    assert found is not None, text
    return float(found[1]) * UNITS[found[2]]


def figures(line: str) -> list[float]:
    """Every amount in a line, from left to right."""
    return [amount(word) for word in line.split() if re.fullmatch(r"[+-]?[\d.]+[KMG]?", word)]


def most(line: str) -> float:
    """The largest amount in a line, 0 where there is none."""
    return max(figures(line), default=0)


@contextlib.contextmanager
def pane(digit: str, pattern: str) -> Iterator[Terminal]:
    """One pane alone on the screen, filtered."""
    with Terminal(FAST, size=(150, 30)) as terminal:
        terminal.wait_for("MemAvailable")
        terminal.press(digit, "/", pattern, "enter")
        terminal.wait_for(f"/{pattern}")
        yield terminal
        terminal.press("q")
        assert terminal.exit_status() == 0


@contextlib.contextmanager
def helper(program: str) -> Iterator[subprocess.Popen[bytes]]:
    """A child that does something at each line it is sent, and ends with us."""
    child = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        yield child
    finally:
        child.kill()
        child.wait(10)
        for pipe in (child.stdin, child.stdout):
            if pipe is not None:
                pipe.close()


def tell(child: subprocess.Popen[bytes]) -> None:
    """Let it go on, and wait until it has."""
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.write(b"\n")
    child.stdin.flush()
    assert child.stdout.readline()


def largest_cache() -> str:
    """The cache that holds the most pages, by this test's own arithmetic over /proc/slabinfo."""
    with open("/proc/slabinfo") as file:
        rows = [line.split() for line in file.readlines()[2:]]
    return max(rows, key=lambda fields: int(fields[5]) * int(fields[14]))[0]


def test_first_paint_is_of_this_machine() -> None:
    with open("/proc/meminfo") as file:
        total = int(file.readline().split()[1]) * 1024
    with Terminal() as terminal:
        terminal.wait_for("MemAvailable")
        line = terminal.wait_for("in all")
        found = re.search(r"([\d.]+[KMG]) in all", line)
        assert found is not None
        assert abs(amount(found[1]) - total) < total * 0.01
        assert os.uname().release in terminal.text
        terminal.wait_for(largest_cache())
        terminal.press("q")
        assert terminal.exit_status() == 0
        terminal.check_restored()


def test_a_udp_socket_that_is_never_read() -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender,
    ):
        deaf.bind(("127.0.0.1", 0))
        port = deaf.getsockname()[1]
        with pane("4", f"udp 127.0.0.1:{port}") as terminal:
            for _ in range(100):
                sender.sendto(b"x" * 500, deaf.getsockname())
            terminal.wait_for("▲", "udp", f"127.0.0.1:{port}", f" {os.getpid()} ")

            def holds_and_growth() -> list[float]:
                words = terminal.line("▲", "udp", f"127.0.0.1:{port}").partition(f":{port}")[2]
                return figures(words.replace("UNCONN", ""))[:2]

            terminal.wait(lambda: min(holds_and_growth(), default=0) > 50_000, "100 datagrams of 500 bytes")
            terminal.press("enter")
            recv = terminal.wait_for("Recv-Q")
            assert int(recv.split()[-2].replace(",", "")) > 50_000
            terminal.press("\x1b[6~", "\x1b[6~")
            terminal.wait_for(f" {os.getpid()} ", f" {deaf.fileno()} ")
            terminal.press("escape")


def test_a_raw_icmp_socket_that_is_never_read() -> None:
    def checksum(data: bytes) -> int:
        words: tuple[int, ...] = struct.unpack(f"!{len(data) // 2}H", data)
        total = sum(words)
        total = (total >> 16) + (total & 0xFFFF)
        return ~(total + (total >> 16)) & 0xFFFF

    with (
        socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP),
        socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as pinger,
    ):
        head = struct.pack("!BBHHH", 8, 0, 0, 7, 1) + b"leaktop!" * 40
        ping = head[:2] + struct.pack("!H", checksum(head)) + head[4:]
        with pane("4", "^raw ") as terminal:
            for _ in range(100):
                pinger.sendto(ping, ("127.0.0.1", 0))
            terminal.wait_for("▲", "raw", f" {os.getpid()} ")
            terminal.wait(lambda: most(terminal.line("▲", "raw")) > 30_000, "100 pings")


def test_a_packet_socket_on_lo() -> None:
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)) as deaf:
        deaf.bind(("lo", 0))
        with pane("4", "packet lo") as terminal, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for _ in range(200):
                sender.sendto(b"x" * 500, ("127.0.0.1", 9))
            terminal.wait_for("packet", "lo", f" {os.getpid()} ")
            whose = f" {os.getpid()} "
            terminal.wait(lambda: most(terminal.line("packet", "lo", whose)) > 30_000, "200 frames", timeout=30.0)


def test_a_file_in_dev_shm() -> None:
    path = f"/dev/shm/leaktop-e2e-{os.getpid()}"
    try:
        with pane("7", "/dev/shm") as terminal:
            terminal.wait_for("/dev/shm  ")  # with "▲" in front where others grow as well
            with open(path, "wb") as file:
                file.write(bytes(256 << 20))
            # Others use the mount as well, and may remove some tens of MiB meanwhile.
            terminal.wait(lambda: _growth(terminal.line("▲", "/dev/shm")) >= 160 << 20, "a file of 256 MiB")
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)


def test_a_memfd() -> None:
    descriptor = os.memfd_create(f"leaktop-e2e-{os.getpid()}")
    try:
        os.write(descriptor, bytes(8 << 20))
        with pane("7", f"e2e-{os.getpid()}") as terminal:
            line = terminal.wait_for("memfd", f"leaktop-e2e-{os.getpid()}", "python")
            assert 8 << 20 in figures(line)
    finally:
        os.close(descriptor)


def test_a_process_that_grows() -> None:
    program = (
        "import sys; sys.stdin.readline(); held = b'x' * (64 << 20); print('grown', flush=True); sys.stdin.readline()"
    )
    with helper(program) as child, pane("6", f" {child.pid}$") as terminal:
        terminal.wait_for(f" {child.pid} ")
        tell(child)
        terminal.wait(lambda: 60 << 20 < _growth(terminal.line("▲", f" {child.pid} ")) < 70 << 20, "64 MiB")


def test_open_files_grow_filp() -> None:
    program = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_NOFILE, (6000, 6000)); sys.stdin.readline();"
        "held = [open('/dev/null') for _ in range(5000)]; print('open', flush=True); sys.stdin.readline()"
    )
    with helper(program) as child, pane("2", r"\bfilp\b") as terminal:
        terminal.wait_for("filp ")
        tell(child)
        terminal.wait(lambda: _growth(terminal.line("▲", "filp")) > 600_000, "5000 files of 192 bytes")


def _growth(line: str) -> float:
    return next((amount(word.rstrip(",")) for word in line.split() if word.startswith("+")), 0)


def test_growth_is_counted_over_a_pause() -> None:
    program = (
        "import sys; sys.stdin.readline(); held = b'x' * (64 << 20); print('grown', flush=True); sys.stdin.readline()"
    )
    with helper(program) as child, pane("6", f" {child.pid}$") as terminal:
        terminal.wait_for(f" {child.pid} ")
        terminal.press(" ")
        terminal.wait_for("PAUSED")
        tell(child)
        terminal.wait_for("PAUSED 3s")
        assert "▲" not in terminal.line(f" {child.pid} ")
        terminal.press(" ")
        terminal.wait(lambda: 60 << 20 < _growth(terminal.line("▲", f" {child.pid} ")) < 70 << 20, "64 MiB")


def test_time_goes_on() -> None:
    with Terminal(FAST, size=(80, 24)) as terminal:
        terminal.wait_for("MemAvailable")
        clock = re.compile(r"\d\d:\d\d:\d\d")
        first = clock.search(terminal.screen.display[0])
        assert first is not None
        began = time.monotonic()
        terminal.wait(
            lambda: (found := clock.search(terminal.screen.display[0])) and found[0] != first[0], "another second"
        )
        assert time.monotonic() - began < 6
