"""A large machine through --root, against gawk: `python -m tests.bench.large_tree`.

The 100,000 lines of vmallocinfo and the 5,000 slab caches of a big machine. Each file is read, parsed and made into a
Frame, a second of its life after the other; the peer is a one-line gawk sum by name over the same file, process start
included.
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from leaktop.engine.engine import Engine
from leaktop.model.sample import Tick
from leaktop.sources.filesystem import FileSystemSource
from tests.bench.big_machine import write_moving
from tests.bench.big_machine_texts import BigMachine

if TYPE_CHECKING:
    from collections.abc import Callable

RATIO = 3.0
GAWK = {
    "vmallocinfo": "{for (i = 4; i <= NF; i++) if ($i ~ /^pages=/) pages[$3] += substr($i, 7); size[$3] += $2}"
    "END {for (name in size) print name, size[name], pages[name]}",
    "slabinfo": "NR > 2 {bytes[$1] += $15 * $6 * 4096} END {for (name in bytes) print name, bytes[name]}",
}


def cpu(work: Callable[[], object], who: int) -> float:
    """Milliseconds of CPU, user and system, that one call took of this process or of its children."""
    before = resource.getrusage(who)
    work()
    after = resource.getrusage(who)
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1000


def against_gawk(source: FileSystemSource, name: str, path: Path) -> None:
    """Ours and gawk's CPU time, in turn: wall time would measure who else is on the machine."""
    probe = next(probe for probe in source.probes if probe.name == name)
    engine, machine = Engine(source.machine), BigMachine()

    def ours() -> None:
        sample = source.read(probe)
        assert sample is not None
        engine.feed(Tick(sample.mono, sample.wall, (sample,)))

    def theirs() -> None:
        subprocess.run(["gawk", GAWK[name], str(path)], stdout=subprocess.DEVNULL, check=True)

    pairs = []
    for second in range(22):
        path.write_bytes(getattr(machine, name)(second))
        pairs.append((cpu(ours, resource.RUSAGE_SELF), cpu(theirs, resource.RUSAGE_CHILDREN)))
    mine, peer = (statistics.median(side) for side in zip(*pairs[1:], strict=True))
    verdict = "met" if mine / peer <= RATIO else "MISSED"
    print(
        f"{name:<12} leaktop {mine:7.1f} ms   gawk {peer:7.1f} ms   ratio {mine / peer:.2f}   "
        f"target {RATIO:g}: {verdict}"
    )


def main() -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_moving(root, BigMachine(), 0)
        source = FileSystemSource(folder)
        for name in GAWK:
            against_gawk(source, name, root / "proc" / name)


if __name__ == "__main__":
    main()
