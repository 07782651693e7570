"""What tracing one busy cache costs who uses it: a loop that opens and closes a file, alone and while filp is traced.

sudo python -m tests.bench.trace [--for 10] [--rounds 3]

The loop runs for as long as the trace does. Run by hand, as root, on a machine that does nothing else: the two take
turns, and the medians are compared.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TARGET = 1.3
LOOP = """
import os, sys, time
seconds = float(sys.argv[1])
os.read(0, 1)
begin, used, done = time.perf_counter(), time.process_time(), 0
while time.perf_counter() - begin < seconds:
    for _ in range(1000):
        os.close(os.open("/etc/passwd", os.O_RDONLY))
    done += 1000
print((time.perf_counter() - begin) / done, (time.process_time() - used) / done)
"""
SETTLE = 1.5
"""Seconds until leaktop has begun to record."""


class Loop:
    """The workload, waiting to be started."""

    def __init__(self, seconds: float) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-S", "-c", LOOP, str(seconds)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def start(self) -> None:
        """Let it run."""
        assert self.process.stdin
        self.process.stdin.write(".")
        self.process.stdin.flush()

    def finish(self) -> tuple[float, float]:
        """Seconds that an open and close took: elapsed, and of CPU."""
        output, _ = self.process.communicate()
        wall, cpu = output.split()
        return float(wall), float(cpu)


def alone(seconds: float) -> tuple[float, float]:
    """The loop by itself."""
    loop = Loop(seconds)
    loop.start()
    return loop.finish()


def traced(seconds: float) -> tuple[tuple[float, float], dict[str, object]]:
    """The loop while filp is traced, and what the trace says."""
    loop = Loop(seconds)
    command = [sys.executable, "-m", "leaktop", "trace", "filp", "--facility", "tracefs", "--json"]
    trace = subprocess.Popen([*command, "--for", f"{seconds + SETTLE}s"], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    time.sleep(SETTLE)
    loop.start()
    took = loop.finish()
    output, _ = trace.communicate()
    return took, json.loads(output)


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--for", dest="seconds", type=float, default=10.0)
    options.add_argument("--rounds", type=int, default=3)
    chosen = options.parse_args()
    plain, slowed = [], []
    for _ in range(chosen.rounds):
        plain.append(alone(chosen.seconds))
        took, found = traced(chosen.seconds)
        slowed.append(took)
        print(
            f"alone {plain[-1][0] * 1e6:.2f} us, traced {took[0] * 1e6:.2f} us an open and close; "
            f"one of {found['sampled']} looked at, {found['lost']} events lost"
        )
    for at, name in enumerate(("elapsed", "CPU")):
        before, after = (statistics.median(pair[at] for pair in pairs) for pairs in (plain, slowed))
        verdict = "met" if after / before <= TARGET else "MISSED"
        print(
            f"{name:8} alone {before * 1e6:6.2f} us, traced {after * 1e6:6.2f} us, "
            f"ratio {after / before:.2f}, target {TARGET}: {verdict}"
        )


if __name__ == "__main__":
    main()
