"""What an ordinary user can name, on this machine and in a recording, and every byte that then goes to the terminal."""

from __future__ import annotations

import base64
import contextlib
import ctypes
import os
import re
import signal
import socket
from typing import TYPE_CHECKING

import pytest

from tests import hostile
from tests.cli.recorded import write
from tests.e2e.terminal import LEAKTOP, Terminal
from tests.hostile import NAMES, check_harmless, file_name

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CLIPBOARD = re.compile(rb"\x1b\]52;c;([A-Za-z0-9+/=]*)(?:\x07|\x1b\\)")
CONTROL = re.compile(rb"\x1b(?:\[[0-9;:<=>?!]*[ -/]*[@-~]|[()][0-9A-Z]|[=>78M]|\]22;[a-z-]*\x07)")
"""What Textual sends: cursor, colours, modes, questions, the shape of the pointer."""
PR_SET_NAME = 15


def check_output(output: bytes) -> None:
    """Nothing but what the program itself draws with; what is still on its way is left out."""
    output = output.rpartition(b"\x1b")[0]
    for copied in CLIPBOARD.findall(output):
        check_harmless(base64.b64decode(copied).decode().replace("\t", ""))
    rest = CONTROL.sub(b"", CLIPBOARD.sub(b"", output)).decode()
    check_harmless(rest.replace("\r", "").replace("\n", ""))
    for payload in (b"\x1b[31mred", b"owned\x07", b"\x1b]0;", b"\x1bZ", b"\x1b]52;c;cm0"):
        assert payload not in output


@pytest.fixture
def enemy(tmp_path: Path) -> Iterator[None]:
    """Processes with such names that hold memfds, sockets with a backlog and deleted files of such names."""
    children = []
    for kind in ("clear", "title", "clipboard", "c1", "bidi", "unseen", "lines", "no UTF-8", "html", "rich"):
        child = os.fork()
        if child == 0:  # only what needs no lock follows: this process has threads, perhaps
            with contextlib.suppress(OSError):
                name = os.fsencode(file_name(NAMES[kind]))
                ctypes.CDLL(None).prctl(PR_SET_NAME, name[:15], 0, 0, 0)
                os.write(os.memfd_create(os.fsdecode(name[:200])), bytes(1 << 20))
                reader, writer = (socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) for _ in range(2))
                reader.bind(b"\0" + name[:90] + str(os.getpid()).encode())
                writer.setblocking(False)
                with contextlib.suppress(BlockingIOError):
                    while True:
                        writer.sendto(bytes(4096), reader.getsockname())
                signal.pause()
            os._exit(1)
        children.append(child)
    yield
    for child in children:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


@pytest.mark.usefixtures("enemy")
def test_the_live_screen() -> None:
    with Terminal([*LEAKTOP, "-d", "0.5"]) as terminal:
        terminal.wait_for("MemAvailable", timeout=20)
        terminal.press("4", "/", "x1b", "enter", "enter")
        terminal.wait_for("\\x1b")
        terminal.press("escape", "y", "7", "/", "memfd", "enter", "y", "enter", "escape", "6", "z", "z")
        output = terminal.output
        terminal.press("q")
        assert terminal.exit_status(10) == 0
        check_output(output)
        terminal.check_restored()


def test_a_recording(tmp_path: Path) -> None:
    path = write(tmp_path / file_name(NAMES["title"]), (hostile.HEADER, hostile.entries(12)))
    with Terminal([*LEAKTOP, "replay", str(path), "--at", "-1s"]) as terminal:
        terminal.wait_for("\\x1b", timeout=20)
        for pane in "4678":
            terminal.press(pane, "G", "y", "enter", "escape")
        terminal.press("(")
        output = terminal.output
        terminal.press("q")
        assert terminal.exit_status(10) == 0
        check_output(output)
        terminal.check_restored()
    assert CLIPBOARD.search(terminal.output)
