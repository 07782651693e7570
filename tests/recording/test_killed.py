"""kill -9 at any moment: every tick whose recording returned is in the file."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from leaktop.recording.reader import RecordingError, read_file

PROGRAM = """
import sys
from leaktop.recording.recorder import Recorder
from tests.recording.recordings import HEADER, small_ticks
recorder = Recorder(HEADER, None, lambda: 0.0)
recorder.start(sys.argv[1], floor=0)
for tick in small_ticks(10**5):
    recorder.take(tick)
    sys.stdout.write(f"{tick.mono}\\n")
    sys.stdout.flush()
"""
REPO = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("seed", range(12))
def test_killed(tmp_path: Path, seed: int) -> None:
    path = tmp_path / "r"
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(path)], stdout=subprocess.PIPE, text=True, cwd=REPO
    ) as child:
        assert child.stdout is not None
        announced = [float(child.stdout.readline())]
        time.sleep(random.Random(seed).random() * 0.05)
        child.send_signal(signal.SIGKILL)
        announced += [float(line) for line in child.stdout.read().split("\n") if line.endswith(".0")]
    recording = read_file(str(path))
    found = [tick.mono for _, tick in recording.walk()]
    assert found[: len(announced)] == announced
    assert len(found) <= len(announced) + 1
    # Between two chapters nothing is under way that could be said to be missing.
    assert [damage.ticks for damage in recording.verify()] in ([0], [])


def test_killed_before_anything(tmp_path: Path) -> None:
    (tmp_path / "r").write_bytes(b"")
    with pytest.raises(RecordingError, match="it is empty"):
        read_file(str(tmp_path / "r"))
