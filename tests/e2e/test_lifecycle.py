"""How leaktop starts and how it ends: the terminal is given back whatever happens."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import sysconfig
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.e2e.terminal import LEAKTOP, MOUSE, REPO, Terminal

if TYPE_CHECKING:
    from collections.abc import Callable

NOBODY = 65534

BLOCKED = """
import sys, time
from leaktop.sources.filesystem import FileSystemSource
read = FileSystemSource.read
def slow(self, probe, wanted=None):
    if probe.name == "vmallocinfo":
        time.sleep(30)
    return read(self, probe, wanted)
FileSystemSource.read = slow
"""
FAILING_PANE = """
import sys
from leaktop.view.panes import pane_named
def fail(frame, switches):
    raise ZeroDivisionError("as if\\x1b[31m")
object.__setattr__(pane_named("slab"), "rows", fail)
"""
FAILING_APP = """
import sys
from leaktop.ui.header import Header
def fail(self, *words):
    raise ZeroDivisionError("the header fails")
Header.show = fail
"""
MAIN = "from leaktop.cli import main\nsys.exit(main())"


def patched(program: str) -> tuple[str, ...]:
    """leaktop with something done to it first."""
    return sys.executable, "-c", program + MAIN


def ends(terminal: Terminal, within: float) -> int:
    """The exit status, which has to come in time."""
    began = time.monotonic()
    status = terminal.exit_status()
    took = time.monotonic() - began
    assert took < within, f"took {took:.2f} s"
    return status


def test_q_quits_at_once() -> None:
    with Terminal() as terminal:
        terminal.wait_for("MemAvailable")
        os.write(terminal._master, b"q")
        assert ends(terminal, 4) == 0
        terminal.check_restored()
        assert "Traceback" not in terminal.text


def test_q_quits_at_once_while_a_probe_blocks() -> None:
    with Terminal(patched(BLOCKED)) as terminal:
        terminal.wait_for("MemAvailable")
        terminal.wait_for("slow: vmallocinfo")
        terminal.wait_for("3 Vmalloc")
        terminal.wait_for("RSS")  # the others go on
        terminal.wait_for(" caches ")
        os.write(terminal._master, b"q")
        assert ends(terminal, 4) == 0
        terminal.check_restored()


@pytest.mark.parametrize(
    ("end", "statuses"),
    [
        (lambda terminal: terminal.press("ctrl+c"), {0, 130}),
        (lambda terminal: terminal.signal(signal.SIGTERM), {0, 143}),
        (lambda terminal: terminal.signal(signal.SIGHUP), {0, 129}),
        (lambda terminal: terminal.signal(signal.SIGINT), {0, 130}),
    ],
    ids=["ctrl+c", "SIGTERM", "SIGHUP", "SIGINT"],
)
def test_the_terminal_is_given_back(end: Callable[[Terminal], None], statuses: set[int]) -> None:
    with Terminal(size=(80, 24)) as terminal:
        terminal.wait_for("MemAvailable")
        end(terminal)
        assert ends(terminal, 3) in statuses
        terminal.check_restored()
        assert "Traceback" not in terminal.text


def test_a_signal_ends_it_behind_a_dialog_too() -> None:
    with Terminal() as terminal:
        terminal.wait_for("MemAvailable")
        terminal.press("?")
        terminal.wait_for("keys and ")
        terminal.signal(signal.SIGTERM)
        assert ends(terminal, 3) in {0, 143}
        terminal.check_restored()


def test_a_pane_that_fails_says_so_and_the_others_go_on() -> None:
    with Terminal(patched(FAILING_PANE)) as terminal:
        terminal.wait_for("MemAvailable")
        line = terminal.wait_for("This pane failed")
        assert "ZeroDivisionError" in line
        assert "\\x1b" in terminal.text
        terminal.wait_for("RSS")
        terminal.wait_for("address space")
        terminal.press("q")
        assert ends(terminal, 3) == 0
        terminal.check_restored()


def test_a_failure_of_the_whole_gives_the_terminal_back() -> None:
    with Terminal(patched(FAILING_APP), size=(80, 24)) as terminal:
        assert terminal.exit_status() == 1
        terminal.check_restored()
        assert b"ZeroDivisionError" in terminal.output


@pytest.mark.parametrize("term", ["dumb", "unknown", "", None])
def test_a_terminal_that_cannot_draw_is_refused_in_one_line(term: str | None) -> None:
    with Terminal(environment={"TERM": term}) as terminal:
        assert terminal.exit_status() == 2
        said = terminal.text.strip().splitlines()
        assert said[0].startswith("leaktop: TERM=")
        assert "leaktop show all" in terminal.text
        assert b"\x1b" not in terminal.output


def test_without_a_terminal_one_line_says_so() -> None:
    done = subprocess.run(
        LEAKTOP, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=10, cwd=REPO, check=False
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert "needs a terminal" in done.stderr


def test_resized_to_almost_nothing_and_back() -> None:
    with Terminal(size=(160, 48)) as terminal:
        terminal.wait_for("MemAvailable")
        for size in ((20, 5), (1, 1), (80, 24), (20, 5)):
            terminal.resize(*size)
            end = time.monotonic() + 0.4
            while time.monotonic() < end:
                terminal.read(0.05)
        terminal.wait_for("MemAvail")
        terminal.resize(160, 48)
        terminal.wait(lambda: terminal.line("8 Suspects") and terminal.line("MemAvailable"), "the dashboard again")
        assert all(len(line) == 160 for line in terminal.screen.display)
        terminal.press("q")
        assert ends(terminal, 3) == 0
        terminal.check_restored()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become nobody")
def test_as_nobody_it_shows_what_it_can() -> None:
    python = _python_of(NOBODY)
    if python is None:
        pytest.skip("neither this python nor /usr/bin/python3 can run leaktop as nobody")
    packages = sysconfig.get_path("purelib")
    with Terminal(
        (python, "-m", "leaktop"), environment={"PYTHONPATH": f"{REPO}:{packages}", "HOME": "/"}, uid=NOBODY, cwd="/"
    ) as terminal:
        terminal.wait_for("MemAvailable")
        terminal.wait_for("/proc/slabinfo needs root")
        assert terminal.line("sudo leaktop")
        terminal.wait_for("/proc/vmallocinfo needs root")
        terminal.wait_for("RSS")
        terminal.press("6")
        terminal.wait_for("python", str(terminal.process.pid))
        terminal.press("q")
        assert ends(terminal, 3) == 0
        terminal.check_restored()


def _python_of(uid: int) -> str | None:
    """A python that this user can run leaktop with."""
    for python in (sys.executable, "/usr/bin/python3"):
        environment = {**os.environ, "PYTHONPATH": f"{REPO}:{sysconfig.get_path('purelib')}"}
        try:
            done = subprocess.run(
                [python, "-c", "import leaktop.ui.app"],
                user=uid,
                env=environment,
                capture_output=True,
                cwd="/",
                check=False,
            )
        except OSError:
            continue
        if done.returncode == 0:
            return python
    return None


def test_no_color_means_no_colour() -> None:
    with Terminal(environment={"NO_COLOR": "1"}) as terminal:
        terminal.wait_for("MemAvailable")
        terminal.press("down", "q")
        assert ends(terminal, 3) == 0
        assert _colours(terminal.output) == set()


def _colours(output: bytes) -> set[str]:
    """Every colour that an SGR sequence chose."""
    import re

    found: set[str] = set()
    for parameters in re.findall(rb"\x1b\[([\d;:]*)m", output):
        numbers = [int(number) for number in parameters.replace(b":", b";").split(b";") if number]
        if any(number in range(30, 39) or number in range(40, 49) or number >= 90 for number in numbers[:1]):
            found.add(parameters.decode())
        found |= {parameters.decode() for number in numbers if number in {38, 48}}
    return found


def test_ascii_means_ascii() -> None:
    with Terminal((*LEAKTOP, "--ascii")) as terminal:
        terminal.wait_for("MemAvailable")
        for keys in ((), ("z",), ("enter",), ("escape", "2", "enter"), ("escape", "?"), ("escape", "/")):
            terminal.press(*keys)
            terminal.press()
            strange = {character for character in terminal.text if not character.isascii()}
            assert strange == set(), (keys, strange, terminal.text)
        terminal.press("escape", "q")
        assert ends(terminal, 3) == 0


def test_no_mouse_leaves_the_mouse_alone() -> None:
    with Terminal((*LEAKTOP, "--no-mouse"), size=(80, 24)) as terminal:
        terminal.wait_for("MemAvailable")
        terminal.press("q")
        assert ends(terminal, 3) == 0
        assert not any(terminal.modes().get(mode) for mode in MOUSE)
        assert not any(b"\x1b[?%dh" % mode in terminal.output for mode in MOUSE)


def test_a_mouse_click_moves_the_cursor() -> None:
    with Terminal(size=(160, 48)) as terminal:
        terminal.wait_for("MemAvailable")
        terminal.wait_for(" caches ")
        y = next(i for i, line in enumerate(terminal.screen.display) if "same slab as" in line) + 3
        os.write(terminal._master, b"\x1b[<0;80;%dM\x1b[<0;80;%dm" % (y, y))
        terminal.press()
        terminal.wait_for("unreclaimable only")  # a key of the slab pane
        terminal.press("q")
        assert ends(terminal, 3) == 0


def test_root_of_a_capture_shows_the_capture(tmp_path: Path) -> None:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc" / "slabinfo").write_bytes((REPO / "tests/data/slabinfo/live-6.18.txt").read_bytes())
    (tmp_path / "proc" / "meminfo").write_bytes((REPO / "tests/data/meminfo/live-6.18.txt").read_bytes())
    with Terminal((*LEAKTOP, "--root", str(tmp_path))) as terminal:
        terminal.wait_for("23.5G in all")
        terminal.wait_for("ext4_inode_cache")
        terminal.wait_for("is not in this capture")
        assert "READ-ONLY" in terminal.screen.display[0]
        terminal.press("q")
        assert ends(terminal, 3) == 0


@pytest.mark.parametrize("junk", [b"\xff", b"\xe9", b"\x1b[1114112u", b"\x1b[99999999999u"])
def test_bytes_that_are_no_text_are_passed_over(junk: bytes) -> None:
    with Terminal() as terminal:
        terminal.wait_for("MemAvailable")
        terminal.write(junk + b"?" + junk)
        terminal.wait_for("keys and ")
        terminal.write(junk + b"q" + junk)
        terminal.wait(lambda: "keys and " not in terminal.text, "the screen below the help", 20)


def test_a_filter_typed_ahead_is_the_filter() -> None:
    with Terminal() as terminal:
        terminal.wait_for("MemAvailable")
        terminal.write(b"2/^kmalloc-64$\rz")
        terminal.wait_for("/^kmalloc-64$")
        line = terminal.wait_for("1 Memory", "8 Suspects")
        assert "2 Slab" in line


def test_sigterm_ends_it_though_the_terminal_takes_no_bytes() -> None:
    with Terminal() as terminal:
        terminal.wait_for("MemAvailable")
        terminal.write(b"z" * 60)  # sixty whole screens, of which nobody reads one
        time.sleep(2)
        terminal.signal(signal.SIGTERM)
        assert terminal.process.wait(timeout=5) in {0, 128 + signal.SIGTERM}
