"""What the socket pane costs beside ss, on a machine that holds many connections. Run by hand, as root:

python tests/bench/sockets.py [--sockets 96000] [--processes 6] [--rounds 9]
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from leaktop.parsers.sock_diag import parse_sock_diag
from leaktop.parsers.socket_owners import parse_socket_owners
from leaktop.sources import sock_diag
from leaktop.sources.sock_diag import dump_sockets
from leaktop.sources.socket_owners import OwnerIndex
from tests.bench.big_machine_live import BACKLOGGED, Crowd


def tick() -> frozenset[int]:
    """What leaktop does each second: dump, parse, pick the sockets with a backlog."""
    table = parse_sock_diag(dump_sockets(idle_limit=1000))
    return frozenset(entry.inode for entry in table.sockets if entry.rx_queue or entry.tx_queue)


def tick_tcp() -> None:
    """The same for TCP alone, as ss -t asks it."""
    everything = sock_diag.FAMILIES.copy()
    sock_diag.FAMILIES.clear()
    sock_diag.FAMILIES.update({proto: everything[proto] for proto in ("tcp", "tcp6")})
    try:
        tick()
    finally:
        sock_diag.FAMILIES.clear()
        sock_diag.FAMILIES.update(everything)


def tick_with_owners(index: OwnerIndex) -> None:
    """A tick that also names the processes behind every backlog."""
    wanted = tick()
    found = parse_socket_owners(index.find(wanted))
    if len(found) < BACKLOGGED:
        print(f"owners of {len(found)} of {len(wanted)} sockets", file=sys.stderr)


def ss(options: str) -> None:
    """One run of ss, its output thrown away."""
    subprocess.run(["ss", options], stdout=subprocess.DEVNULL, check=True)


def measure(runs: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Median wall seconds of each run; the runs take turns, so that drift of the machine hits all alike."""
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            begin = time.perf_counter()
            run()
            times[name].append(time.perf_counter() - begin)
    return {name: statistics.median(taken) for name, taken in times.items()}


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--sockets", type=int, default=96_000)
    options.add_argument("--processes", type=int, default=6)
    options.add_argument("--rounds", type=int, default=9)
    chosen = options.parse_args()
    with Crowd(chosen.sockets, chosen.processes):
        kept = OwnerIndex("/proc")
        kept.find(tick())
        medians = measure(
            {
                "tick": tick,
                "tick, tcp only": tick_tcp,
                "ss -tanm": lambda: ss("-tanm"),
                "tick + owners, uncached": lambda: tick_with_owners(OwnerIndex("/proc")),
                "tick + owners, cached": lambda: tick_with_owners(kept),
                "ss -tanp": lambda: ss("-tanp"),
            },
            chosen.rounds,
        )
        table = parse_sock_diag(dump_sockets(idle_limit=1000))
    print(f"{sum(table.totals.values())} sockets, {len(table.sockets)} listed, {chosen.rounds} rounds")
    for name, median in medians.items():
        print(f"{name:28} {median * 1000:8.1f} ms")
    for name, rival, target in (
        ("tick", "ss -tanm", 0.8),
        ("tick, tcp only", "ss -tanm", 0.8),
        ("tick + owners, uncached", "ss -tanp", 0.2),
        ("tick + owners, cached", "ss -tanp", 0.2),
    ):
        ratio = medians[name] / medians[rival]
        verdict = "met" if ratio <= target else "MISSED"
        print(f"{name:28} / {rival}  {ratio:.2f}  target {target}: {verdict}")


if __name__ == "__main__":
    main()
