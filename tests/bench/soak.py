"""Whether anything grows: `python -m tests.bench.soak [--for 2h] [--ticks 86400] [--only live|replay]`.

Live: the screen on this machine in a pty of 160x48, ten ticks a second, its panes walked through all the time.
Replay: a day of ticks, as tests/bench/day.py makes them, through everything that the live screen does with a tick,
headless, as fast as it goes. Printed at the start, at every tenth and at the end: resident memory, descriptors,
threads. Memory is judged over the second half, since the tape fills for an hour, of ticks in the live part, and the
histories with it: a shorter run is only a sign.
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import NamedTuple

from leaktop.cli.options import seconds
from leaktop.engine.engine import Engine
from leaktop.engine.feed import LiveFeed
from leaktop.recording.reader import read_file
from leaktop.sources.filesystem import FileSystemSource
from tests.bench.day import synthesise
from tests.bench.screen import Terminal

TAPE = 3600.0
"""Seconds until everything that is kept for an hour is full."""
GROWTH = 0.03
"""Of resident memory, over the second half, at most: what an allocator gives back late."""
KEYS = (
    b"2",
    b"3",
    b"4",
    b"6",
    b"7",
    b"8",
    b"9",
    b"1",
    b"z",
    b"z",
    b"?",
    b"\x1b",
    b"\x1b[B",
    b"\x1b[A",
    b"D",
    b"\r",
    b"\x1b",
)


class Reading(NamedTuple):
    """What a process holds."""

    mib: float
    fds: int
    threads: int


def reading(pid: int) -> Reading:
    """What it holds now."""
    process = Path(f"/proc/{pid}")
    pages = int((process / "statm").read_text().split()[1])
    return Reading(
        pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20),
        len(os.listdir(process / "fd")),
        len(os.listdir(process / "task")),
    )


class Course:
    """The readings of one run, printed as they come."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._readings: list[Reading] = []

    def take(self, pid: int, when: str) -> None:
        """One more."""
        found = reading(pid)
        self._readings.append(found)
        print(
            f"{self._name:<7} {when:>10}  {found.mib:7.1f} MiB  {found.fds:3} fds  {found.threads:3} threads",
            flush=True,
        )

    def judge(self, *, is_long: bool) -> bool:
        """Print whether it is flat; the first reading is of a program that has only just begun."""
        later = self._readings[len(self._readings) // 2 :]
        growth = later[-1].mib / later[0].mib - 1
        words = [
            f"memory {growth:+.1%} over the second half: "
            + ("flat" if growth <= GROWTH else "GROWS" if is_long else "the hour that is kept is not full yet"),
        ]
        for name, slack in (("fds", 1), ("threads", 0)):
            counts = [getattr(found, name) for found in self._readings[1:]]
            is_flat = counts[-1] <= counts[0] + slack
            words.append(f"{name} {min(counts)} to {max(counts)}: {'flat' if is_flat else 'GROW'}")
        print(f"{self._name}: {'; '.join(words)}", flush=True)
        return not any("GROW" in word for word in words)


def live(length: float, interval: float) -> bool:
    """The screen, for so long."""
    terminal = Terminal([sys.executable, "-m", "leaktop", "-d", str(interval)])
    course = Course("live")
    began, pressed = time.monotonic(), 0
    terminal.read(5.0)
    course.take(terminal.pid, "5 s")
    for tenth in range(1, 11):
        end = began + length * tenth / 10
        while time.monotonic() < end:
            os.write(terminal.master, KEYS[pressed % len(KEYS)])
            pressed += 1
            terminal.read(min(2.0, max(end - time.monotonic(), 0.01)))
        course.take(terminal.pid, f"{(time.monotonic() - began) / 60:.1f} min")
    print(f"live: {terminal.count / length:.0f} bytes a second, CPU {terminal.cpu_seconds() / length:.1%} of a core")
    terminal.close()
    return course.judge(is_long=length >= 2 * TAPE)


def replay(ticks: int) -> bool:
    """A day of ticks through the engine, the conclusions and the tape."""
    with tempfile.TemporaryDirectory() as directory:
        path = f"{directory}/day.leaktop"
        synthesise(path, ticks)
        recording = read_file(path)
        source = FileSystemSource("/")
        verdicts: set[str] = set()
        feed = LiveFeed(source, Engine(source.machine), lambda f: verdicts.add(f.diagnosis.verdict.name), 1.0)
        course = Course("replay")
        before, began, number = threading.active_count(), time.monotonic(), 0
        for number, (_, tick) in enumerate(recording.walk()):
            if number % max(ticks // 10, 1) == 0:
                gc.collect()
                course.take(os.getpid(), f"{number / 3600:.1f} h")
            feed.take(tick, {})
        gc.collect()
        course.take(os.getpid(), f"{number / 3600:.1f} h")
        took = time.monotonic() - began
        left = threading.active_count() - before
        source.close()
    words = f"threads left behind: {left}; verdicts: {', '.join(sorted(verdicts))}"
    print(f"replay: {took:.0f} s, {took / max(number, 1) * 1000:.1f} ms a tick; {words}")
    return course.judge(is_long=ticks >= 2 * TAPE) and left == 0


def main() -> None:
    """Both, or one; the status is 1 where something grows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--for", dest="length", type=seconds, default=7200.0, metavar="TIME")
    parser.add_argument("--interval", type=seconds, default=0.1, metavar="TIME")
    parser.add_argument("--ticks", type=int, default=86_400)
    parser.add_argument("--only", choices=("live", "replay"))
    choices = parser.parse_args()
    os.nice(10)
    is_flat = True
    if choices.only != "replay":
        is_flat &= live(choices.length, choices.interval)
    if choices.only != "live":
        is_flat &= replay(choices.ticks)
    sys.exit(0 if is_flat else 1)


if __name__ == "__main__":
    main()
