"""The line to the terminal: slow, long, cut, or with nobody at its end who answers."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.e2e.lines import SlowLine
from tests.e2e.terminal import LEAKTOP, Terminal

if TYPE_CHECKING:
    from collections.abc import Iterator

BAUD_9600 = 960.0


def rss_mib(pid: int) -> float:
    """Resident memory of a process."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


def idle(terminal: Terminal, seconds: float) -> None:
    """Read on for a while."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        terminal.read(0.05)


@pytest.mark.parametrize(
    ("answers", "rate"),
    [
        (True, BAUD_9600),
        (False, 5 * BAUD_9600),  # the pty takes 20 KB before it tells that nobody reads so fast: 4 s of them
    ],
)
def test_on_a_slow_line_frames_are_skipped_and_keys_answer(answers: bool, rate: float) -> None:
    with SlowLine((*LEAKTOP, "-d", "0.25"), rate=rate, answers=answers, size=(60, 16)) as terminal:
        terminal.wait_for("MemAvail", timeout=20)
        idle(terminal, 3)
        before, resident = terminal.screen.display[0], rss_mib(terminal.process.pid)
        pressed = time.monotonic()
        terminal.press("3")
        terminal.wait_for("caller", timeout=15)
        assert time.monotonic() - pressed < 12, "what was sent before the key held its answer up"
        idle(terminal, 3)
        assert terminal.screen.display[0] != before, "the clock goes on"
        assert rss_mib(terminal.process.pid) - resident < 8
        pressed = time.monotonic()
        terminal.press("q")
        assert terminal.exit_status(15) == 0
        assert time.monotonic() - pressed < 10
        terminal.check_restored()


def test_over_a_line_of_300_ms_each_way_no_key_is_lost_or_doubled() -> None:
    with SlowLine(LEAKTOP, delay=0.3, answers=True, size=(100, 30)) as terminal:
        terminal.wait_for("MemAvail")
        terminal.press("2", "/")
        for typed in "^kmalloc-[1-9k]+$":  # faster than any answer comes
            terminal.press(typed)
            idle(terminal, 0.03)
        terminal.press("enter")
        terminal.wait_for("/^kmalloc-[1-9k]+$")
        terminal.press("m", "I", "g", *["down"] * 3, "enter")  # typed ahead, all in one round trip
        terminal.wait_for("Esc back")
        terminal.press("escape")
        idle(terminal, 1)
        terminal.press("?")
        terminal.wait_for("keys and ")
        terminal.press("escape")
        idle(terminal, 1)
        assert "keys and " not in terminal.text
        terminal.press("q")
        assert terminal.exit_status() == 0
        terminal.check_restored()
        assert not any(chunk in terminal.text for chunk in ("[1;1R", "^[")), "an answer came when nobody waited for it"


@pytest.mark.parametrize("ignored", [False, True], ids=["SIGHUP", "SIGHUP-ignored"])
def test_a_terminal_that_is_closed_ends_it_soon_and_quietly(ignored: bool, tmp_path: Path) -> None:
    start = "signal.signal(signal.SIGHUP, signal.SIG_IGN); leave = signal.signal\n" if ignored else ""
    program = f"""
import signal, sys, os
{start}
if {ignored}:
    keep = signal.signal
    signal.signal = lambda number, handler: None if number == signal.SIGHUP else keep(number, handler)
sys.excepthook = lambda *error: open({str(tmp_path / "fault")!r}, "w").write(repr(error))
from leaktop.cli import main
sys.exit(main())
"""
    with dropped((sys.executable, "-c", program)) as process:
        began = time.monotonic()
        process.wait(20)
        assert time.monotonic() - began < 15
    assert not (tmp_path / "fault").exists(), (tmp_path / "fault").read_text()


@contextlib.contextmanager
def dropped(command: tuple[str, ...]) -> Iterator[subprocess.Popen[bytes]]:
    """A program whose terminal was closed while it drew."""
    with Terminal(command) as terminal:
        terminal.wait_for("MemAvail")
        terminal.write(b"zz")
        own, terminal._master = terminal._master, os.open(os.devnull, os.O_RDONLY)
        os.close(terminal._slave)
        terminal._slave = os.open(os.devnull, os.O_RDONLY)
        os.close(own)
        yield terminal.process


def test_a_recording_is_whole_when_ssh_drops(tmp_path: Path) -> None:
    file = tmp_path / "kept.ltr"
    with dropped((*LEAKTOP, "-d", "0.2", "--record", str(file))) as process:
        process.wait(20)
    told = subprocess.run([*LEAKTOP, "info", str(file)], capture_output=True, text=True, check=True)
    assert "ticks" in told.stdout
    assert "cut short" not in told.stdout + told.stderr


def test_sighup_while_the_terminal_takes_nothing() -> None:
    with Terminal((*LEAKTOP, "-d", "0.1")) as terminal:
        terminal.wait_for("MemAvail")
        time.sleep(2)  # nobody reads
        terminal.signal(signal.SIGHUP)
        assert terminal.process.wait(20) in {0, 128 + signal.SIGHUP}


def test_q_quits_though_the_terminal_takes_nothing() -> None:
    with Terminal((*LEAKTOP, "-d", "0.1")) as terminal:
        terminal.wait_for("MemAvail")
        terminal.write(b"z" * 10)
        time.sleep(2)
        terminal.write(b"q")
        assert terminal.process.wait(20) == 0
