"""A day at 1 s in one file: `python -m tests.bench.day [--ticks 86400] [--keep FILE]`.

The ticks are made from real ones of this machine: the same texts again and again, with one slab cache that grows and
MemFree that shrinks by what it takes. Measured in a fresh process: opening, finding a moment, stepping back, memory.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from leaktop.engine.reading import read_everything
from leaktop.model.sample import RawSample, Tick
from leaktop.recording.recorder import Recorder, header_for
from leaktop.sources.filesystem import FileSystemSource

if TYPE_CHECKING:
    from leaktop.model.frame import Frame

OPEN, SEEK, BACK, RSS = 300.0, 60.0, 30.0, 150.0
MEASURE = "--measure"
_FREE = re.compile(rb"(MemFree: +)(\d+)")


def synthesise(path: str, ticks: int) -> None:
    """Write the day."""
    source = FileSystemSource("/")
    real = []
    for _ in range(12):
        real.append(read_everything(source))
        time.sleep(0.25)
    cadences = {probe.name: int(probe.cadence or 600) for probe in source.probes}
    recorder = Recorder(header_for(source.machine, source.probes, 1.0), suspended=lambda: 0.0)
    recorder.start(path)
    mono, wall = real[0].mono, time.time() - ticks
    for number in range(ticks):
        given = real[number % len(real)]
        due = [sample for sample in given.samples if number % cadences.get(sample.probe, 1) == 0]
        samples = tuple(_grown(sample, number) for sample in due)
        recorder.take(Tick(round(mono + number, 3), round(wall + number, 3), samples))
    recorder.stop()


def _grown(sample: RawSample, number: int) -> RawSample:
    if sample.content is None:
        return sample
    content = sample.content
    if sample.probe == "meminfo":
        content = _FREE.sub(lambda found: found[1] + str(int(found[2]) - number * 4).encode(), content)
    elif sample.probe == "slabinfo":
        line = f"leaked {number * 8} {number * 8} 512 8 1 : tunables 0 0 0 : slabdata {number} {number} 0\n"
        content += line.encode()
    return RawSample(sample.probe, content, None, sample.mono, sample.wall, sample.cost)


async def measure(path: str) -> None:
    """Everything that a user would wait for."""
    from leaktop.recording.reader import read_file
    from leaktop.ui.app import LeaktopApp
    from leaktop.ui.travel import Replayed

    began = time.perf_counter()
    recording = read_file(path)
    print(f"opening {recording.ticks} ticks: {(time.perf_counter() - began) * 1000:.0f} ms (target {OPEN:.0f})")
    app = LeaktopApp(None, None, replayed=Replayed(recording, plays=False))
    travel = app._travel
    show, is_shown = app._show, asyncio.Event()

    def noted(frame: Frame) -> None:
        show(frame)
        is_shown.set()

    app._show = noted  # type: ignore[method-assign]  # replaced here on purpose
    async with app.run_test(size=(160, 48)):

        async def moved(before: object) -> None:
            while travel.newest is None or travel.newest[1].place == before or app._shown is not travel.newest[0]:
                is_shown.clear()
                await is_shown.wait()
            painted = asyncio.Event()
            app.call_after_refresh(painted.set)
            await painted.wait()

        await moved(None)
        await asyncio.sleep(20)  # the look at the whole recording goes on behind; it is part of the memory
        chance = random.Random(1)
        seeks = []
        for _ in range(40):
            before = travel.newest[1].place if travel.newest else None
            began = time.perf_counter()
            travel.to_share(chance.random())
            await moved(before)
            seeks.append((time.perf_counter() - began) * 1000)
            await asyncio.sleep(0.1)
        print(
            f"to any moment, asked for to painted: median {statistics.median(seeks):.0f} ms, "
            f"slowest {max(seeks):.0f} (target {SEEK:.0f})"
        )
        await asyncio.sleep(3)
        began, steps = time.perf_counter(), 200
        for _ in range(steps):
            before = travel.newest[1].place if travel.newest else None
            travel.step(-1)
            await moved(before)
        print(f"stepping back, each painted: {steps / (time.perf_counter() - began):.0f} a second (target {BACK:.0f})")
    resident = int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 2**20
    print(f"resident: {resident:.0f} MiB (target {RSS:.0f})")


def main() -> None:
    """Make the day, then measure in another process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ticks", type=int, default=86_400)
    parser.add_argument("--keep", metavar="FILE", help="leave the day there")
    parser.add_argument(MEASURE, metavar="FILE", help=argparse.SUPPRESS)
    choices = parser.parse_args()
    if choices.measure:
        from leaktop.ui.responsive import screens_loop

        screens_loop().run_until_complete(measure(choices.measure))
        return
    with tempfile.TemporaryDirectory() as directory:
        path = choices.keep or f"{directory}/day.leaktop"
        if not Path(path).exists():
            synthesise(path, choices.ticks)
        size = Path(path).stat().st_size
        print(f"{choices.ticks} ticks, {size / 2**20:.1f} MiB, {size / choices.ticks:.0f} bytes each")
        subprocess.run([sys.executable, "-m", "tests.bench.day", MEASURE, path], check=True)


if __name__ == "__main__":
    main()
