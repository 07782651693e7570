"""What a report of a day costs: `python tests/bench/report.py [--day FILE] [--ticks 86400]`.

In the same run, as peers: `leaktop info`, which reads all of the same day without judging it, and atop, which reads a
raw log of its own: of a minute, since nobody waits for a day of it.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench.day import synthesise

if TYPE_CHECKING:
    from collections.abc import Sequence

SECONDS, RSS = 20.0, 200.0
ATOP_SAMPLES = 60


def cost(command: Sequence[str]) -> tuple[float, float, float]:
    """Seconds on the clock, seconds of CPU, MiB resident at most."""
    began = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        sys.exit(f"{' '.join(command)} failed with status {child.returncode}")
    return time.perf_counter() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def show(name: str, figures: tuple[float, float, float], target: str = "") -> None:
    """One line."""
    clock, cpu, rss = figures
    print(f"{name:<34} {clock:6.1f} s, CPU {cpu:6.1f} s, {rss:5.0f} MiB{target}")


def main() -> None:
    """Make the day unless there is one, and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ticks", type=int, default=86_400)
    parser.add_argument("--day", metavar="FILE", help="a day that is there already; made there where it is not")
    choices = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        day = choices.day or f"{directory}/day.leaktop"
        if not Path(day).exists():
            synthesise(day, choices.ticks)
        print(f"{day}: {Path(day).stat().st_size / 2**20:.1f} MiB")
        leaktop = [sys.executable, "-m", "leaktop"]
        for form in ("json", "html"):
            show(f"report --format {form}", cost([*leaktop, "report", day, "--format", form]), target_words())
        show("info", cost([*leaktop, "info", day]))
        atop = shutil.which("atop")
        if atop is None:
            print("atop is not installed, nothing more to compare with")
            return
        raw = f"{directory}/raw.atop"
        subprocess.run([atop, "-w", raw, "1", str(ATOP_SAMPLES)], check=True)
        show(f"atop -r, {ATOP_SAMPLES} samples", cost([atop, "-r", raw, "-P", "MEM,PRM"]))


def target_words() -> str:
    """What a report may cost."""
    return f"  (target {SECONDS:.0f} s, {RSS:.0f} MiB)"


if __name__ == "__main__":
    main()
