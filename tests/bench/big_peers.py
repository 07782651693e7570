"""leaktop beside its peers on a busy big machine: `sudo python -m tests.bench.big_peers [--share 1] [--seconds 30]`.

100,000 sockets of six processes, 5,000 processes, 20,000 dentries a second, all here and for as long as this runs. One
program after the other runs in a pty of 160x48 and refreshes once a second; printed are CPU as a share of one core,
resident memory, and the time from a key to the first byte that follows it.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

from tests.bench.big_machine_live import live_load
from tests.bench.screen import key_to_paint, steady

PROGRAMS = {
    "leaktop": [sys.executable, "-m", "leaktop", "--budget", "100"],
    "leaktop, in its budget": [sys.executable, "-m", "leaktop"],
    "glances": [str(Path(sys.executable).with_name("glances")), "-t", "1"],
    "htop": ["htop", "-d", "10"],
    "slabtop": ["slabtop", "-d", "1"],
}


def main() -> None:
    """Make the load, and measure each."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--share", type=float, default=1.0)
    options.add_argument("--seconds", type=float, default=30.0)
    options.add_argument("--warm-up", type=float, default=15.0)
    options.add_argument("--presses", type=int, default=20)
    chosen = options.parse_args()
    with live_load(chosen.share) as load:
        print(load, flush=True)
        for name, command in PROGRAMS.items():
            if shutil.which(command[0]) is None:
                print(f"{name}: not installed")
                continue
            try:
                figures = steady(command, chosen.warm_up, chosen.seconds)
                words = f"CPU {figures['cpu_percent']:6.1f} %   resident {figures['rss_mib']:6.0f} MiB"
                print(f"{name:<22} {words}   {figures['bytes_per_second']:7.0f} bytes/s", end="", flush=True)
                print(f"   key {key_to_paint(command, chosen.presses):6.1f} ms", flush=True)
            except OSError:
                print(f"   {name} ended by itself")


if __name__ == "__main__":
    main()
