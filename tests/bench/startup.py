"""How fast leaktop starts, against bare Python and its peers: `python -m tests.bench.startup [--rounds 15]`.

Printed for each command: the median and the least of its wall time, its median over bare `python -c pass` in the same
round, and the CPU it took. Then the seconds until the first frame with a figure of this machine stands on a terminal.
Machines and days differ: the figure of bare Python is beside the others. Peers that are not installed are left out.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

from tests.bench.screen import first_paint

REPO = Path(__file__).resolve().parents[2]
VERSION_OVER_BARE, SHOW, FIRST_FRAME = 0.060, 0.150, 0.5
LEAKTOP = (sys.executable, "-m", "leaktop")
BARE = (sys.executable, "-c", "pass")
OURS = {"leaktop --version": (*LEAKTOP, "--version"), "leaktop show memory": (*LEAKTOP, "show", "memory")}
PEERS = {
    "glances --version": (str(Path(sys.executable).with_name("glances")), "--version"),
    "htop --version": ("htop", "--version"),
    "slabtop --once": ("slabtop", "--once"),
}


class Start(NamedTuple):
    """One run of a command, in seconds."""

    wall: float
    cpu: float


def start(command: tuple[str, ...]) -> Start:
    """Run it to its end."""
    before, began = os.times(), time.perf_counter()
    subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
        env={**os.environ, "PYTHONPATH": str(REPO)},
    )
    wall, after = time.perf_counter() - began, os.times()
    return Start(wall, after.children_user + after.children_system - before.children_user - before.children_system)


def main() -> None:
    """Print the figures, and whether the targets are met."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # what is installed is compiled
    commands = {"python -c pass": BARE, **OURS} | {
        name: command for name, command in PEERS.items() if shutil.which(command[0])
    }
    for command in commands.values():
        start(command)  # files into the page cache, modules compiled
    runs: dict[str, list[Start]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            runs[name].append(start(command))
    print(f"{'':<20} {'median':>9} {'least':>9} {'over bare':>10} {'CPU':>9}")
    over = {}
    for name, all_of_it in runs.items():
        walls = [run.wall for run in all_of_it]
        over[name] = statistics.median(
            run.wall - bare.wall for run, bare in zip(all_of_it, runs["python -c pass"], strict=True)
        )
        cpu = statistics.median(run.cpu for run in all_of_it)
        print(
            f"{name:<20} {statistics.median(walls) * 1e3:6.0f} ms {min(walls) * 1e3:6.0f} ms {over[name] * 1e3:7.0f} ms"
            f" {cpu * 1e3:6.0f} ms"
        )
    frames = [first_paint(list(LEAKTOP)) for _ in range(max(rounds // 3, 3))]
    show = statistics.median(run.wall for run in runs["leaktop show memory"])
    for words, figure, target in (
        ("--version over bare Python", over["leaktop --version"], VERSION_OVER_BARE),
        ("show memory, all of it", show, SHOW),
        ("show memory over bare Python", over["leaktop show memory"], SHOW),
        (f"first frame, least of {len(frames)}", min(frames), FIRST_FRAME),
        ("first frame, median", statistics.median(frames), FIRST_FRAME),
    ):
        verdict = "met" if figure <= target else "MISSED"
        print(f"{words:<32} {figure * 1e3:6.0f} ms   target {target * 1e3:.0f} ms: {verdict}")


if __name__ == "__main__":
    main()
