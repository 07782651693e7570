"""The live screen's cost against htop, glances and btop: `python tests/bench/screen.py [--seconds 30]`.

Each program runs in a pty of 160x48, refreshing once a second, one after the other. Printed: CPU as a share of one
core, bytes a second to the terminal, and for leaktop the time to the first paint and from a key to its paint.
Peers that are not installed are left out.
"""

from __future__ import annotations

import argparse
import os
import pty
import select
import shutil
import signal
import statistics
import struct
import sys
import termios
import time
from fcntl import ioctl
from pathlib import Path

SIZE = (48, 160)
TARGETS = {"cpu_percent": 1.5, "bytes_per_second": 4096, "key_ms": 10, "first_paint_s": 0.6}
REPO = Path(__file__).resolve().parents[2]


class Terminal:
    """A program in a pty, its output read and counted."""

    def __init__(self, command: list[str]) -> None:
        self.began = time.monotonic()
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            os.environ.update(TERM="xterm-256color", COLORTERM="truecolor", PYTHONPATH=str(REPO), LEAKTOP_TOUR="never")
            os.execvp(command[0], command)
        ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", *SIZE, 0, 0))
        self.count = 0

    def read(self, seconds: float, until: bytes | None = None) -> bytes:
        """Read for so long, or until these bytes came."""
        parts = []
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if select.select([self.master], [], [], left)[0]:
                part = os.read(self.master, 1 << 16)
                self.count += len(part)
                parts.append(part)
                if until is not None and until in b"".join(parts[-2:]):
                    break
        return b"".join(parts)

    def cpu_seconds(self) -> float:
        """User and system time so far, children left out."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def rss_mib(self) -> float:
        """Resident memory now."""
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / (1 << 20)

    def close(self) -> None:
        """End the program."""
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.master)


def steady(command: list[str], warm_up: float, seconds: float) -> dict[str, float]:
    """CPU and bytes a second after the warm-up."""
    terminal = Terminal(command)
    terminal.read(warm_up)
    cpu, count, began = terminal.cpu_seconds(), terminal.count, time.monotonic()
    terminal.read(seconds)
    took = time.monotonic() - began
    figures = {
        "cpu_percent": (terminal.cpu_seconds() - cpu) / took * 100,
        "bytes_per_second": (terminal.count - count) / took,
        "rss_mib": terminal.rss_mib(),
    }
    terminal.close()
    return figures


def first_paint(command: list[str]) -> float:
    """Seconds until a figure from the kernel is on the screen."""
    terminal = Terminal(command)
    terminal.read(10, until=b"MemAvailable")
    took = time.monotonic() - terminal.began
    terminal.close()
    return took


def key_to_paint(command: list[str], presses: int) -> float:
    """Median milliseconds from pressing down or up to the first byte that comes back."""
    terminal = Terminal(command)
    terminal.read(4)
    times = []
    for i in range(presses):
        terminal.read(0.15)
        began = time.monotonic()
        os.write(terminal.master, b"\x1b[B" if i % 2 == 0 else b"\x1b[A")
        select.select([terminal.master], [], [], 1)
        times.append((time.monotonic() - began) * 1000)
    terminal.close()
    return statistics.median(times)


def main() -> None:
    """Print the figures and the ratios."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--warm-up", type=float, default=10)
    choices = parser.parse_args()
    leaktop = [sys.executable, "-m", "leaktop"]
    peers = {
        "htop": ["htop", "-d", "10"],
        "glances": [str(Path(sys.executable).with_name("glances")), "-t", "1"],
        "btop": ["btop", "--update", "1000"],
    }
    ours = steady(leaktop, choices.warm_up, choices.seconds)
    ours["first_paint_s"] = statistics.median(first_paint(leaktop) for _ in range(5))
    ours["key_ms"] = key_to_paint(leaktop, 40)
    for name, figure in ours.items():
        target = (
            f"   target {TARGETS[name]}: {'met' if figure <= TARGETS[name] else 'MISSED'}" if name in TARGETS else ""
        )
        print(f"leaktop {name:<18} {figure:10.2f}{target}")
    for name, command in peers.items():
        if shutil.which(command[0]) is None:
            print(f"{name}: not installed")
            continue
        try:
            theirs = steady(command, choices.warm_up / 2, choices.seconds)
        except OSError:
            print(f"{name}: ended by itself, not compared")
            continue
        for measure, value in theirs.items():
            ratio = ours[measure] / value if value else float("nan")
            print(f"{name:<7} {measure:<18} {value:10.2f}   leaktop/{name} {ratio:.2f}")


if __name__ == "__main__":
    main()
