"""Started, and then out of pids, as in a container whose limit is reached: the screen goes on with what it has."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.e2e.terminal import LEAKTOP, Terminal

if TYPE_CHECKING:
    from collections.abc import Iterator

_PLACES = Path("/sys/fs/cgroup/pids"), Path("/sys/fs/cgroup")


@pytest.fixture
def group() -> Iterator[Path]:
    """A cgroup that limits pids, of version 1 or 2."""
    for place in _PLACES:
        path = place / f"leaktop-test-{os.getpid()}"
        try:
            path.mkdir()
        except OSError:
            continue
        if (path / "pids.max").exists():
            break
        path.rmdir()
    else:
        pytest.skip("nobody may limit pids here")
    yield path
    end = time.monotonic() + 10
    while path.exists() and time.monotonic() < end:
        with contextlib.suppress(OSError):  # what ended in it is not gone yet
            path.rmdir()
        time.sleep(0.05)


def test_without_more_threads_the_screen_says_so_and_goes_on(group: Path) -> None:
    with Terminal([*LEAKTOP, "-d", "0.2"], size=(160, 48)) as terminal:
        terminal.wait_for("MemAvailable")
        terminal.wait_for(" caches ")
        (group / "cgroup.procs").write_text(str(terminal.process.pid))
        (group / "pids.max").write_text("1")
        terminal.press("6", "enter", "p")
        terminal.wait_for("no thread could be started: memory is short, or there are too many")
        terminal.press("escape", "[")
        terminal.wait_for("This is as far back as it goes")
        assert terminal.line("leaktop", "LIVE")
        (group / "pids.max").write_text("max")
        terminal.press("[")
        terminal.wait_for("PAST")
        terminal.press("q")
        assert terminal.exit_status() == 0
        terminal.check_restored()
        assert "Traceback" not in terminal.text
