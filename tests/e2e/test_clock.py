"""The clock is set while the screen runs: what grew, and the way back, go by time that passed."""

from __future__ import annotations

import re
import sys
import time

import pytest

from tests.e2e.terminal import Terminal

SETTING = """
import sys, time
real, began = time.time, time.monotonic()
time.time = lambda: real() if time.monotonic() - began < {after} else {to} + time.monotonic() - began
from leaktop.cli import main
sys.exit(main())
"""


@pytest.mark.parametrize(("day", "year"), [(0.0, 1970), (4_102_444_800.0, 2100)])
def test_the_clock_is_set_far_away(day: float, year: int) -> None:
    to = day + (time.time() + 43_200) % 86_400  # at any hour it shows another minute than now
    program = SETTING.format(after=3.0, to=to)
    with Terminal((sys.executable, "-c", program, "-d", "0.5"), size=(120, 30)) as terminal:
        terminal.wait_for("MemAvail")
        clock = re.compile(r"(\d\d:\d\d):\d\d *$")
        first = clock.search(terminal.screen.display[0].rstrip())
        assert first is not None
        terminal.wait(
            lambda: (found := clock.search(terminal.screen.display[0].rstrip())) and found[1] != first[1],
            f"the clock of {year}",
            timeout=15,
        )
        assert "Traceback" not in terminal.text
        terminal.press("[")
        terminal.wait_for("PAST")
        assert "is no time" not in terminal.text
        terminal.press("[", "[")
        terminal.wait(lambda: re.search(r"PAST -[1-9]\d*s", terminal.text), "some seconds back", timeout=15)
        terminal.press("L")
        terminal.wait_for("LIVE")
        terminal.press("q")
        assert terminal.exit_status() == 0
        terminal.check_restored()
