"""In a cgroup whose memory is filled until the kernel kills: the recorder goes on, and what it wrote is whole."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from leaktop.recording.reader import RecordingError, read_file
from tests.e2e.memory_cgroup import MemoryCgroup, memory_cgroup
from tests.e2e.terminal import LEAKTOP, REPO, Terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LIMIT = 128 << 20
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(REPO)}


@pytest.fixture
def group() -> Iterator[MemoryCgroup]:
    with memory_cgroup(LIMIT) as made:
        yield made


def ticks_in(path: Path) -> int:
    try:
        return read_file(str(path)).ticks
    except (RecordingError, OSError):
        return 0


def until(condition: Callable[[], object], what: str) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end, f"{what} did not come to pass"
        time.sleep(0.05)


def recorder(group: MemoryCgroup, path: Path, *options: str, score: int = 0) -> subprocess.Popen[bytes]:
    command = [*LEAKTOP, "record", str(path), "--interval", "0.2s", *options]
    return group.start(
        command, score, env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )


def filled(group: MemoryCgroup) -> None:
    """Fill it until the kernel has killed."""
    hog = group.fill()
    assert hog.wait(30) == -signal.SIGKILL


def test_the_recorder_goes_on_and_what_it_wrote_is_whole(group: MemoryCgroup, tmp_path: Path) -> None:
    path = tmp_path / "x"
    process = recorder(group, path)
    until(lambda: ticks_in(path) >= 3, "three ticks")
    for _ in range(2):
        filled(group)
    before = ticks_in(path)
    until(lambda: ticks_in(path) > before + 5, "ticks after it")
    process.terminate()
    _, said = process.communicate(timeout=20)
    assert (process.returncode, said) == (0, b"")
    recording = read_file(str(path))
    assert recording.verify() == []
    ticks = [tick.mono for _, tick in recording.walk()]
    assert max(later - earlier for earlier, later in pairwise(ticks)) < 5


def test_without_protection_the_kernel_may_choose_it(group: MemoryCgroup, tmp_path: Path) -> None:
    path = tmp_path / "x"
    process = recorder(group, path, score=1000)
    until(lambda: ticks_in(path) >= 3, "three ticks")
    hog = group.fill()
    assert process.wait(30) == -signal.SIGKILL
    hog.kill()
    hog.wait()
    process.communicate()
    recording = read_file(str(path))  # killed, and still to be read up to the last tick
    assert len(list(recording.walk())) >= 3
    assert all(damage.ticks in {0, None} for damage in recording.damage)


def test_protected_it_goes_on_where_it_would_be_chosen(group: MemoryCgroup, tmp_path: Path) -> None:
    path = tmp_path / "x"
    process = recorder(group, path, "--protect", score=1000)
    until(lambda: ticks_in(path) >= 3, "three ticks")
    status = Path(f"/proc/{process.pid}/status").read_text()
    assert int(Path(f"/proc/{process.pid}/oom_score_adj").read_text()) <= 0
    assert "VmLck:\t       0 kB" not in status
    filled(group)
    before = ticks_in(path)
    until(lambda: ticks_in(path) > before + 5, "ticks after it")
    process.terminate()
    _, said = process.communicate(timeout=20)
    assert process.returncode == 0
    assert all(line.startswith(b"leaktop: --protect: ") for line in said.splitlines())
    assert read_file(str(path)).verify() == []


def test_what_a_protected_recorder_starts_is_as_any_other_program(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root is protected")
    shell = "cat /proc/self/oom_score_adj; nice; grep VmLck /proc/self/status"
    command = [*LEAKTOP, "record", str(tmp_path / "x"), "--interval", "0.2s", "--protect", "--", "sh", "-c", shell]
    done = subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT, timeout=30, check=False)
    assert done.returncode == 0
    score, priority, locked = done.stdout.splitlines()
    assert score == Path("/proc/self/oom_score_adj").read_text().strip()
    assert int(priority) == os.nice(0)
    assert locked.split()[1] == "0"


def test_read_only_and_protected_exclude_each_other(tmp_path: Path) -> None:
    command = [*LEAKTOP, "record", str(tmp_path / "x"), "--protect", "--read-only"]
    done = subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT, timeout=30, check=False)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "--read-only writes nothing" in done.stderr
    assert not (tmp_path / "x").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root is protected")
def test_the_live_screen_says_that_it_is_protected() -> None:
    with Terminal((*LEAKTOP, "--protect")) as terminal:
        terminal.wait_for("MemAvailable")
        terminal.wait_for("protected")
        assert int(Path(f"/proc/{terminal.process.pid}/oom_score_adj").read_text()) <= 0
        terminal.press("q")
        assert terminal.exit_status() == 0
        terminal.check_restored()
