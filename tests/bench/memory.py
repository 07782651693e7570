"""Resident memory after an hour at 1 Hz: `python tests/bench/memory.py [--ticks 3600]`.

The screen runs on this machine as in a terminal of 160x48, and an hour of ticks goes through it as fast as it takes
them, with clocks that say a second has passed each time; every probe is read when it would be due, and kept on the
tape. The peer is an empty Textual app, in a process of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import subprocess
import sys
from pathlib import Path

from leaktop.engine.engine import Engine
from leaktop.engine.reading import read_probe
from leaktop.model.sample import Tick
from leaktop.sources.filesystem import FileSystemSource
from leaktop.ui.app import LeaktopApp
from leaktop.ui.responsive import calm_collector

TARGET = 80.0
EMPTY = """
import asyncio
from pathlib import Path
from textual.app import App
async def run():
    app = App()
    async with app.run_test(size=(160, 48)):
        await asyncio.sleep(1)
        print(int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 2**20)
asyncio.run(run())
"""


def rss_mib() -> float:
    """Resident memory of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / (1 << 20)


async def hour(ticks: int) -> None:
    """Feed the ticks and print how memory goes."""
    source = FileSystemSource()
    engine = Engine(source.machine)
    app = LeaktopApp(source, engine)
    calm_collector()  # as the program does at its start
    app.poller.start = lambda: None  # type: ignore[method-assign]  # replaced here on purpose
    live = app.live
    assert live is not None
    wanted: frozenset[int] = frozenset()
    async with app.run_test(size=(160, 48)) as pilot:
        for second in range(ticks):
            due = [p for p in source.probes if p.cadence is not None and second % max(int(p.cadence), 1) == 0]
            samples = [sample for probe in due if (sample := read_probe(source, probe, wanted))]
            wanted = live.take(Tick(float(second), 1.7e9 + second, tuple(samples)), {})
            if app._newest is not None:
                app.dashboard.show(app._newest)
            if second % 60 == 0:
                await pilot.pause()
            if second in {10, ticks // 4, ticks // 2, ticks - 1}:
                gc.collect()
                print(f"after {second:5d} s  {rss_mib():6.1f} MiB")
        await pilot.press("2", "enter")
        await pilot.pause()
    final = rss_mib()
    bare = float(subprocess.run([sys.executable, "-c", EMPTY], capture_output=True, text=True, check=True).stdout)
    verdict = "met" if final <= TARGET else "MISSED"
    print(
        f"leaktop {final:.1f} MiB   empty Textual app {bare:.1f} MiB   ratio {final / bare:.2f}   "
        f"target {TARGET:g} MiB: {verdict}"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--ticks", type=int, default=3600)
    asyncio.run(hour(parser.parse_args().ticks))
