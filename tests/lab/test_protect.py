"""A recorder in a memory cgroup of version 2 that the kernel kills in: with --protect it is never chosen.

Here root has CAP_SYS_RESOURCE, which in a container it often lacks, so that the lowest score of all is to be had.

In the guest: python -m tests.lab.test_protect
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from leaktop.recording.reader import RecordingError, read_file
from tests.e2e.memory_cgroup import memory_cgroup
from tests.lab.guest import answer, run_in_guest, say

LIMIT = 128 << 20
RECORDING = Path("/run/protected.leaktop")


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return run_in_guest(__name__, tmp_path_factory.mktemp("lab"), parameters="kmemleak=off")


def test_it_has_the_lowest_score_and_its_code_locked(found: dict[str, Any]) -> None:
    assert found["score"] == -1000
    assert found["locked"] > 0
    assert found["said"] == ""


def test_the_kernel_killed_and_the_recorder_went_on(found: dict[str, Any]) -> None:
    assert found["kills"] >= 1
    assert found["after"] > found["before"]
    assert found["status"] == 0
    assert found["damage"] == 0


def ticks() -> int:
    """How many are in the recording so far."""
    try:
        return read_file(str(RECORDING)).ticks
    except (RecordingError, OSError):
        return 0


def until(number: int) -> int:
    """Wait for that many ticks."""
    end = time.monotonic() + 120
    while ticks() < number and time.monotonic() < end:
        time.sleep(0.5)
    return ticks()


def in_guest() -> None:
    """Record where the kernel kills, as its first victim but for --protect."""
    command = [sys.executable, "-m", "leaktop", "record", str(RECORDING), "--interval", "1s", "--protect"]
    with memory_cgroup(LIMIT) as group:
        recorder = group.start(command, 1000, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
        until(3)
        say("running out of memory")
        proc = Path(f"/proc/{recorder.pid}")
        status = dict(line.split(":", 1) for line in (proc / "status").read_text().splitlines())
        score, locked = int((proc / "oom_score_adj").read_text()), int(status["VmLck"].split()[0])
        group.fill().wait(120)
        before = ticks()
        after = until(before + 3)
        kills = group.kills
        recorder.terminate()
        _, said = recorder.communicate(timeout=60)
    answer(
        {
            "score": score,
            "locked": locked,
            "kills": kills,
            "before": before,
            "after": after,
            "status": recorder.returncode,
            "said": said.decode(),
            "damage": len(read_file(str(RECORDING)).verify()),
        }
    )


if __name__ == "__main__":
    in_guest()
