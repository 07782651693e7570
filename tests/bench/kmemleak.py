"""What a long report of kmemleak costs: `python -m tests.bench.kmemleak [--lines 1000000] [--stacks 2000]`.

A report of that many lines, as Linux 6.12 prints it, is parsed and grouped; as the peer, gawk counts the objects and
sums their bytes by the first function that is not the allocator's, and grep counts the objects alone.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from leaktop.parsers.kmemleak import group, parse_kmemleak
from tests.bench.big_machine_texts import kmemleak_report

if TYPE_CHECKING:
    from collections.abc import Callable

TARGET = 3.0
_SUM = (
    "/^unreferenced/ { size = $5 + 0; n = 0 } /^    [a-z_]/ && !/^    [0-9a-f][0-9a-f] / { if (++n == 3) "
    '{ split($1, f, "+"); count[f[1]]++; bytes[f[1]] += size } } '
    "END { for (name in count) print count[name], bytes[name], name }"
)


def median_of(work: Callable[[], object], rounds: int) -> float:
    """Median seconds on the clock."""
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def peer(command: list[str], path: Path, rounds: int) -> float | None:
    """The same for a program that reads the file; None where it is not here."""
    if shutil.which(command[0]) is None:
        return None
    return median_of(
        lambda: subprocess.run([*command, str(path)], stdout=subprocess.PIPE, check=True, env={"LC_ALL": "C"}),
        rounds,
    )


def main() -> None:
    """Make the report, and measure."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--lines", type=int, default=1_000_000)
    options.add_argument("--stacks", type=int, default=2_000)
    options.add_argument("--rounds", type=int, default=3)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "kmemleak"
        with path.open("w") as file:
            file.writelines(kmemleak_report(chosen.lines, chosen.stacks))
        content = path.read_bytes()
        groups = group(parse_kmemleak(content).objects)
        own = median_of(lambda: group(parse_kmemleak(content).objects), chosen.rounds)
        print(
            f"{len(content.splitlines())} lines, {len(content) / 2**20:.0f} MiB, "
            f"{sum(found.count for found in groups)} objects in {len(groups)} groups, {chosen.rounds} rounds"
        )
        print(f"parsed and grouped    {own:6.2f} s   target {TARGET:g} s: {'met' if own <= TARGET else 'MISSED'}")
        for name, command in (
            ("gawk, summing by function", ["gawk", _SUM]),
            ("grep -c", ["grep", "-c", "^unreferenced"]),
        ):
            seconds = peer(command, path, chosen.rounds)
            if seconds is not None:
                print(f"{name:<26}{seconds:8.2f} s   ratio {own / seconds:.1f}")


if __name__ == "__main__":
    main()
