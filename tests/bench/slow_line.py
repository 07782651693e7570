"""The screen over a slow line: `python -m tests.bench.slow_line [--baud 9600] [--term vt220] [--silent]`.

leaktop runs at its usual second, and at ten a second, in a pty of 80x24 that is read no faster than that line carries.
Printed: frames that were ready and that were drawn, the time from a key to what it shows, resident memory, and bytes;
and htop's bytes and time beside, which sends what it has, whatever the line. `--silent`: a terminal that answers no
question, so that leaktop has to find out by itself how slow the line is.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

from tests.e2e.lines import SlowLine

COUNTED = """
import atexit, os, sys
from leaktop.ui.app import LeaktopApp
from leaktop.ui.shell import Shell
counts = {"ready": 0, "drawn": 0}
take, display = LeaktopApp._show, Shell.post_display_hook
def ready(self, frame):
    counts["ready"] += 1
    take(self, frame)
def drawn(self):
    counts["drawn"] += 1
    display(self)
LeaktopApp._show, Shell.post_display_hook = ready, drawn
atexit.register(lambda: open(os.environ["COUNTS"], "w").write("{ready} {drawn}".format(**counts)))
from leaktop.cli import main
sys.argv[1:] = os.environ["OPTIONS"].split()
sys.exit(main())
"""
PANES = (("2", "cache"), ("3", "caller"), ("6", "process"), ("4", "proto"), ("7", "mount"))


def rss_mib(pid: int) -> float:
    """Resident memory now."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


def watch(line: SlowLine, until: float) -> None:
    """Read on until then."""
    while time.monotonic() < until:
        line.read(0.05)


def leaktop(interval: float, rate: float, seconds: float, term: str, *, answers: bool) -> None:
    """One run."""
    with tempfile.TemporaryDirectory() as directory:
        environment: dict[str, str | None] = {
            "COUNTS": f"{directory}/counts",
            "OPTIONS": f"-d {interval}",
            "TERM": term,
            "COLORTERM": None,
        }
        command = (sys.executable, "-c", COUNTED)
        with SlowLine(command, rate=rate, answers=answers, size=(80, 24), environment=environment) as line:
            began = time.monotonic()
            line.wait_for("MemAvail", timeout=120)
            first = time.monotonic() - began
            watch(line, began + first + seconds / 2)
            early, bytes_early = rss_mib(line.process.pid), len(line.output)
            keys = []
            for key, word in PANES:
                pressed = time.monotonic()
                line.press(key)
                line.wait_for(word, timeout=120)
                keys.append(time.monotonic() - pressed)
                watch(line, pressed + max(seconds / 2 / len(PANES), 8))
            late = rss_mib(line.process.pid)
            sent = (len(line.output) - bytes_early) / (time.monotonic() - began - first - seconds / 2)
            pressed = time.monotonic()
            line.press("q")
            status = line.exit_status(60)
            quitting = time.monotonic() - pressed
        ready, drawn = Path(f"{directory}/counts").read_text().split()
    print(
        f"leaktop -d {interval:g}, TERM={term}: first screen {first:.1f} s; ready {ready}, drawn {drawn}; "
        f"key to its pane: median {statistics.median(keys):.1f} s, slowest {max(keys):.1f} s; "
        f"{sent:.0f} bytes a second; resident {early:.1f}, later {late:.1f} MiB; q {quitting:.1f} s, status {status}"
    )


def htop(rate: float, seconds: float) -> None:
    """The peer, which has no panes: from F1 to its help."""
    program = shutil.which("htop")
    if program is None:
        print("htop: not installed")
        return
    with SlowLine((program, "-d", "10"), rate=rate, answers=False, size=(80, 24)) as line:
        began = time.monotonic()
        line.wait_for("PID", timeout=120)
        first = time.monotonic() - began
        watch(line, began + first + seconds / 2)
        pressed = time.monotonic()
        line.press("h")
        line.wait_for("Released under", timeout=120)
        print(f"htop: first screen {first:.1f} s; key to its help {time.monotonic() - pressed:.1f} s")


def main() -> None:
    """The two paces, and the peer."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--baud", type=int, default=9600)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--term", default="vt220", help="TERM; on a serial line it is seldom another")
    parser.add_argument("--silent", action="store_true")
    choices = parser.parse_args()
    rate = choices.baud / 10  # a start and a stop bit with each byte
    for interval in (1.0, 0.1):
        leaktop(interval, rate, choices.seconds, choices.term, answers=not choices.silent)
    htop(rate, choices.seconds)


if __name__ == "__main__":
    main()
