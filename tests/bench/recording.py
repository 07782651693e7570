"""What recording costs, beside atop's raw log in the same minutes: `python tests/bench/recording.py [--seconds N]`.

Twice: with this machine as it is, and while it compiles something. Bytes a tick are of the whole file, CPU and resident
memory are of the recorder after its start.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from leaktop.recording.reader import read_file

if TYPE_CHECKING:
    from collections.abc import Iterator

TICK = os.sysconf("SC_CLK_TCK")
BYTES_IDLE, BYTES_BUSY, OF_ATOP, CPU, RSS = 600, 4096, 0.5, 0.6, 40.0
SOURCE = "int f{n}(int a) {{ int s = 0; for (int i = 0; i < a; i++) s += (i * {n}) ^ (s >> 3); return s; }}\n"


class Cost(NamedTuple):
    """Of one recorder: bytes a sample, percent of a core, MiB resident."""

    bytes: float
    cpu: float
    rss: float


@contextlib.contextmanager
def compiling(directory: Path) -> Iterator[None]:
    """The compiler, again and again, on one core."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        sys.exit("there is no compiler to keep this machine busy with")
    source = directory / "busy.c"
    source.write_text("".join(SOURCE.format(n=n) for n in range(800)))
    loop = f"while :; do {compiler} -O2 -c {source} -o {directory}/busy.o; done"
    child = subprocess.Popen(["/bin/sh", "-c", loop], start_new_session=True)
    try:
        yield
    finally:
        os.killpg(child.pid, 9)
        child.wait()


def used(pid: int) -> float:
    """Seconds of CPU."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def resident(pid: int) -> float:
    """MiB."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def measure(directory: Path, seconds: float) -> tuple[Cost, Cost | None]:
    """leaktop and atop, side by side."""
    ours, theirs = directory / "ours.leaktop", directory / "theirs.atop"
    for path in (ours, theirs):
        path.unlink(missing_ok=True)
    leaktop = subprocess.Popen([sys.executable, "-m", "leaktop", "record", str(ours), "--interval", "1"])
    program = shutil.which("atop")
    atop = subprocess.Popen([program, "-w", str(theirs), "1"]) if program else None
    time.sleep(3)
    began, before = time.monotonic(), used(leaktop.pid)
    before_atop = used(atop.pid) if atop else 0.0
    time.sleep(seconds)
    passed = time.monotonic() - began
    cpu, rss = (used(leaktop.pid) - before) / passed * 100, resident(leaktop.pid)
    leaktop.terminate()
    leaktop.wait()
    cost = Cost(ours.stat().st_size / read_file(str(ours)).ticks, cpu, rss)
    if atop is None:
        return cost, None
    atop_cost = Cost(0.0, (used(atop.pid) - before_atop) / passed * 100, resident(atop.pid))
    atop.terminate()
    atop.wait()
    return cost, atop_cost._replace(bytes=theirs.stat().st_size / (passed + 3))


def report(state: str, seconds: float, directory: Path, bytes_target: int) -> None:
    """Measure and print."""
    ours, theirs = measure(directory, seconds)
    print(f"{state}: {ours.bytes:.0f} bytes a tick (target {bytes_target})")
    print(f"{state}: CPU {ours.cpu:.2f} % (target {CPU}), resident {ours.rss:.1f} MiB (target {RSS:.0f})")
    if theirs is None:
        print(f"{state}: atop is not installed, nothing to compare with")
        return
    print(
        f"{state}: atop {theirs.bytes:.0f} bytes a sample, CPU {theirs.cpu:.2f} %, resident {theirs.rss:.1f} MiB; "
        f"bytes ratio {ours.bytes / theirs.bytes:.2f} (target {OF_ATOP})"
    )


def main() -> None:
    """Measure and print, idle and busy."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=240, help="of each of the two (default 240)")
    choices = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        report("idle", choices.seconds, Path(name), BYTES_IDLE)
        with compiling(Path(name)):
            report("compiling", choices.seconds, Path(name), BYTES_BUSY)


if __name__ == "__main__":
    main()
