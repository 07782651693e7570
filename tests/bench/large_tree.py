"""A large machine through --root, against gawk: `python tests/bench/large_tree.py`.

100,000 lines of vmallocinfo and 5,000 slab caches, made from this machine's own lines. Each is read, parsed and made
into a Frame; the peer is a one-line gawk sum by name over the same file, process start included. Then the time that the
screen's thread needs to show such a Frame.
"""

from __future__ import annotations

import asyncio
import random
import resource
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from leaktop.engine.engine import Engine
from leaktop.model.sample import Tick
from leaktop.sources.filesystem import FileSystemSource
from leaktop.ui.app import LeaktopApp

if TYPE_CHECKING:
    from collections.abc import Callable

    from leaktop.model.frame import Frame

RATIO, FRAME_MS = 3.0, 50.0
GAWK = {
    "vmallocinfo": "{for (i = 4; i <= NF; i++) if ($i ~ /^pages=/) pages[$3] += substr($i, 7); size[$3] += $2}"
    "END {for (name in size) print name, size[name], pages[name]}",
    "slabinfo": "NR > 2 {bytes[$1] += $15 * $6 * 4096} END {for (name in bytes) print name, bytes[name]}",
}


def make_tree(root: Path, areas: int, caches: int) -> None:
    """A captured tree that is large in both files."""
    chance = random.Random(1)
    (root / "proc").mkdir()
    shutil.copyfile("/proc/meminfo", root / "proc/meminfo")
    shutil.copyfile("/proc/zoneinfo", root / "proc/zoneinfo")
    tails = [line.split(maxsplit=1)[1] for line in Path("/proc/vmallocinfo").read_text().splitlines()]
    with (root / "proc/vmallocinfo").open("w") as file:
        for i in range(areas):
            file.write(f"0x{i << 16:016x}-0x{(i << 16) + 20480:016x} {chance.choice(tails)}\n")
    lines = Path("/proc/slabinfo").read_text().splitlines()
    with (root / "proc/slabinfo").open("w") as file:
        file.write("\n".join(lines[:2]) + "\n")
        for i in range(caches):
            name, rest = chance.choice(lines[2:]).split(maxsplit=1)
            file.write(f"{name}_{i:<10} {rest}\n")


def wall(work: Callable[[], object]) -> float:
    """Milliseconds of one call."""
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000


def cpu(work: Callable[[], object], who: int) -> float:
    """Milliseconds of CPU, user and system, that one call took of this process or of its children."""
    before = resource.getrusage(who)
    work()
    after = resource.getrusage(who)
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1000


def against_gawk(source: FileSystemSource, name: str, path: Path) -> None:
    """Ours and gawk's CPU time, in turn: wall time would measure who else is on the machine."""
    probe = next(probe for probe in source.probes if probe.name == name)
    engine = Engine(source.machine)

    def ours() -> None:
        sample = source.read(probe)
        assert sample is not None
        engine.feed(Tick(sample.mono, sample.wall, (sample,)))

    def theirs() -> None:
        subprocess.run(["gawk", GAWK[name], str(path)], stdout=subprocess.DEVNULL, check=True)

    ours()
    theirs()
    pairs = [(cpu(ours, resource.RUSAGE_SELF), cpu(theirs, resource.RUSAGE_CHILDREN)) for _ in range(21)]
    mine, peer = (statistics.median(side) for side in zip(*pairs, strict=True))
    verdict = "met" if mine / peer <= RATIO else "MISSED"
    print(
        f"{name:<12} leaktop {mine:7.1f} ms   gawk {peer:7.1f} ms   ratio {mine / peer:.2f}   "
        f"target {RATIO:g}: {verdict}"
    )


async def screen(root: str) -> None:
    """How long the screen's thread is busy with one Frame."""
    source = FileSystemSource(root)
    app = LeaktopApp(source, Engine(source.machine))
    times: list[float] = []
    show = app.dashboard.show

    def timed(frame: Frame) -> None:
        times.append(wall(lambda: show(frame)))

    app.dashboard.show = timed  # type: ignore[method-assign]
    async with app.run_test(size=(160, 48)) as pilot:
        await asyncio.sleep(3)
        for key in ("2", "z", "pagedown", "pagedown", "c", "n", "D"):
            await pilot.press(key)
            await asyncio.sleep(1.1)
    median, most = statistics.median(times), max(times)
    print(
        f"screen       a frame {median:5.1f} ms, at most {most:5.1f} ms   "
        f"target {FRAME_MS:g}: {'met' if most <= FRAME_MS else 'MISSED'}"
    )


def main() -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        make_tree(root, 100_000, 5_000)
        source = FileSystemSource(folder)
        for name in GAWK:
            against_gawk(source, name, root / "proc" / name)
        asyncio.run(screen(folder))


if __name__ == "__main__":
    main()
