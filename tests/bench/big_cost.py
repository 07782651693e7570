"""What a machine costs by its size: `python -m tests.bench.big_cost [--draw screenshots/scaling.svg]`.

Machines of 0.01 to 1 of 5,000 caches, 100,000 vmalloc areas, 30,000 processes, 100,000 sockets that hold memory, a
million lines of kmemleak, each in a process of its own, moving from tick to tick. Printed, and drawn: CPU of a tick
with every pane's probe in it, parsed and fed, to Frame; of arranging and painting all panes, 160x48; resident memory.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from leaktop.engine.engine import Engine
from leaktop.engine.feed import conclude
from leaktop.ui.app import LeaktopApp
from leaktop.ui.pane_box import PaneBox
from leaktop.ui.responsive import calm_collector
from tests.bench.big_cost_chart import draw
from tests.bench.big_machine import MACHINE, Silent, tick
from tests.bench.big_machine_texts import BigMachine
from tests.bench.memory import rss_mib

if TYPE_CHECKING:
    from leaktop.model.frame import Frame

SHARES = (0.01, 0.03, 0.1, 0.3, 1.0)
SECONDS = (0, 4, 8, 12, 16, 20)
"""Of its life, at which every probe of it is due."""
WORSE_THAN_LINEAR = 1.15
"""Times what ten times a tenth would be."""
ONE = "--one"


async def measure(share: float) -> dict[str, float]:
    """Feed some ticks to a screen, and clock them."""
    machine = BigMachine().scaled(share)
    engine = Engine(MACHINE)
    app = LeaktopApp(Silent(), engine)
    app.poller.start = lambda: None  # type: ignore[method-assign]  # replaced here on purpose
    calm_collector()
    feeds, paints = [], []
    async with app.run_test(size=(160, 48)) as pilot:
        for second in SECONDS:
            given = tick(machine, second, is_first=second == 0)
            began = time.process_time()
            frame = engine.feed(given)
            conclude(frame)
            fed = time.process_time()
            await _painted(app, frame)
            feeds.append((fed - began) * 1000)
            paints.append((time.process_time() - fed) * 1000)
        await pilot.pause()
    return {
        "first": feeds[0],
        "tick": statistics.median(feeds[1:]),
        "paint": statistics.median(paints[1:]),
        "resident": rss_mib(),
    }


async def _painted(app: LeaktopApp, frame: Frame) -> None:
    app.dashboard.show(frame)
    while any(box.is_arranging for box in app.dashboard.query(PaneBox)):
        await asyncio.sleep(0.005)
    drawn = asyncio.Event()
    app.call_after_refresh(drawn.set)
    await drawn.wait()


def main() -> None:
    """Measure each size in a process of its own."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--draw", metavar="FILE")
    options.add_argument(ONE, type=float, help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.one:
        print(json.dumps(asyncio.run(measure(chosen.one))))
        return
    found: dict[float, dict[str, float]] = {}
    for share in SHARES:
        command = [sys.executable, "-m", "tests.bench.big_cost", ONE, str(share)]
        found[share] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        words = "  ".join(f"{name} {value:8.1f}" for name, value in found[share].items())
        print(f"{share:5g} of it  {words}", flush=True)
    for name in ("tick", "paint"):
        ratio = found[1.0][name] / (10 * found[0.1][name])
        verdict = "linear or better" if ratio <= WORSE_THAN_LINEAR else "MISSED"
        print(f"{name}: all of it costs {ratio:.2f} of ten times a tenth: {verdict}")
    if chosen.draw:
        Path(chosen.draw).write_text(draw(found))


if __name__ == "__main__":
    main()
