"""200,000 lines of allocinfo to a Frame, against gawk: `python tests/bench/allocinfo.py [--lines 200000]`.

Made of the captured lines, of which every fourth holds something. From read to read one used line of fifty moves, as
on a machine that works; the peer is a one-line gawk sum by line over the same file, process start included. CPU time,
in turn.
"""

from __future__ import annotations

import argparse
import random
import resource
import statistics
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from leaktop.engine.engine import Engine
from leaktop.model.sample import Tick
from leaktop.sources.filesystem import FileSystemSource

if TYPE_CHECKING:
    from collections.abc import Callable

RATIO = 3.0
GAWK = "NR > 2 {bytes[$3] += $1; calls[$3] += $2} END {for (line in bytes) print line, bytes[line], calls[line]}"
CAPTURE = Path(__file__).parents[1] / "data" / "allocinfo" / "vm-6.12b.txt"
_ROUNDS = 15


def lines_of(count: int) -> list[str]:
    """So many lines under names of their own."""
    captured = [line for line in CAPTURE.read_text().splitlines()[2:] if line.strip()]
    return [captured[i % len(captured)].replace(" func:", f"{i // len(captured)} func:") for i in range(count)]


def write(path: Path, lines: list[str]) -> None:
    """The file as the kernel prints it."""
    path.write_text("\n".join(["allocinfo - version: 1.0", "#     <size>  <calls> <tag info>", *lines, ""]))


def move(lines: list[str], chance: random.Random) -> None:
    """Let one used line of fifty gain an allocation."""
    for at, line in enumerate(lines):
        size, calls, rest = line.split(None, 2)
        if size != "0" and chance.random() < 0.02:
            lines[at] = f"{int(size) + 64:12} {int(calls) + 1:8} {rest}"


def cpu(work: Callable[[], object], who: int) -> float:
    """Milliseconds of CPU, user and system, that one call took of this process or of its children."""
    before = resource.getrusage(who)
    work()
    after = resource.getrusage(who)
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1000


def main() -> None:
    """Print the ratio."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--lines", type=int, default=200_000)
    lines, chance = lines_of(parser.parse_args().lines), random.Random(1)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "proc" / "allocinfo"
        path.parent.mkdir()
        write(path, lines)
        source = FileSystemSource(folder)
        probe = next(probe for probe in source.probes if probe.name == "allocinfo")
        engine = Engine(source.machine)
        ticks = iter(range(1 << 20))

        def ours() -> None:
            sample = source.read(probe)
            assert sample is not None
            assert sample.fault is None, sample.fault
            now = 5.0 * next(ticks)
            engine.feed(Tick(now, now, (sample,)))

        def theirs() -> None:
            subprocess.run(["gawk", GAWK, str(path)], stdout=subprocess.DEVNULL, check=True)

        mine, peer = cpu(ours, resource.RUSAGE_SELF), cpu(theirs, resource.RUSAGE_CHILDREN)
        first = mine / peer
        print(f"first read  leaktop {mine:7.1f} ms   gawk {peer:7.1f} ms   ratio {first:.2f}")
        pairs = []
        for _ in range(_ROUNDS):
            move(lines, chance)
            write(path, lines)
            pairs.append((cpu(ours, resource.RUSAGE_SELF), cpu(theirs, resource.RUSAGE_CHILDREN)))
    mine, peer = (statistics.median(side) for side in zip(*pairs, strict=True))
    ratio = max(first, mine / peer)
    print(f"next reads  leaktop {mine:7.1f} ms   gawk {peer:7.1f} ms   ratio {mine / peer:.2f}")
    print(f"target {RATIO:g}: {'met' if ratio <= RATIO else 'MISSED'}")


if __name__ == "__main__":
    main()
