"""A memory cgroup of a test's own, of version 1 or 2, and what fills it until the kernel kills."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

_V1, _V2 = Path("/sys/fs/cgroup/memory"), Path("/sys/fs/cgroup")
_HOG = """
import sys, time
held = []
while True:
    held.append(bytearray(b"x") * (1 << 20))
    time.sleep({pause})
"""


class MemoryCgroup:
    """A limit on memory, without swap, for what is started in it."""

    def __init__(self, path: Path, limit: int, *, is_v2: bool) -> None:
        self._path = path
        self._is_v2 = is_v2
        path.mkdir()
        (path / ("memory.max" if is_v2 else "memory.limit_in_bytes")).write_text(str(limit))
        swap, most = ("memory.swap.max", "0") if is_v2 else ("memory.memsw.limit_in_bytes", str(limit))
        with contextlib.suppress(OSError):  # a kernel without swap, or that does not count it
            (path / swap).write_text(most)

    def start(self, command: Sequence[str], score: int = 0, **options: Any) -> subprocess.Popen[bytes]:
        """Start a program in it, as likely to be killed as `score` says."""

        def enter() -> None:
            Path("/proc/self/oom_score_adj").write_text(str(score))
            (self._path / "cgroup.procs").write_text("0")

        return subprocess.Popen(command, preexec_fn=enter, **options)  # noqa: PLW1509  # the child is alone in it

    def fill(self, pause: float = 0.002) -> subprocess.Popen[bytes]:
        """Start what takes a MiB at a time, and never ends by itself."""
        return self.start([sys.executable, "-c", _HOG.format(pause=pause)])

    @property
    def kills(self) -> int:
        """How often the kernel killed in it, as far as it counts (since 4.13)."""
        name = "memory.events" if self._is_v2 else "memory.oom_control"
        rows = dict(line.split() for line in (self._path / name).read_text().splitlines())
        return int(rows.get("oom_kill", 0))

    def remove(self) -> None:
        """End what is left in it, and take it away."""
        for _ in range(100):
            with contextlib.suppress(OSError):
                self._path.rmdir()
                return
            for pid in (self._path / "cgroup.procs").read_text().split():
                with contextlib.suppress(OSError):
                    os.kill(int(pid), 9)
            time.sleep(0.05)


@contextlib.contextmanager
def memory_cgroup(limit: int) -> Iterator[MemoryCgroup]:
    """One with this limit in bytes; the test is skipped where there can be none."""
    if os.geteuid() != 0:
        pytest.skip("only root can make a memory cgroup")
    is_v2 = "memory" in _controllers()
    if not is_v2 and not (_V1 / "memory.limit_in_bytes").exists():
        pytest.skip("neither version of memory cgroups is mounted at /sys/fs/cgroup")
    try:
        if is_v2:
            with contextlib.suppress(OSError):
                (_V2 / "cgroup.subtree_control").write_text("+memory")
        group = MemoryCgroup((_V2 if is_v2 else _V1) / f"leaktop-test-{os.getpid()}", limit, is_v2=is_v2)
    except OSError as error:
        pytest.skip(f"no memory cgroup can be made here: {error}")
    try:
        yield group
    finally:
        group.remove()


def _controllers() -> list[str]:
    try:
        return (_V2 / "cgroup.controllers").read_text().split()
    except OSError:
        return []
