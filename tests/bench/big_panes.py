"""How fast a pane of 100,000 rows scrolls, sorts and filters: `python -m tests.bench.big_panes [--rows 100000]`.

The pane of the sockets, zoomed, 160x48, standing still; printed is the time from a key to the rows that follow it, all
of them in order and painted, as a median and the worst, against a thirtieth of a second.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from typing import TYPE_CHECKING

from leaktop.engine.engine import Engine
from leaktop.model.sample import RawSample, Tick
from leaktop.ui.app import LeaktopApp
from leaktop.ui.responsive import calm_collector, screens_loop
from tests.bench.big_machine import MACHINE, Silent
from tests.bench.big_machine_texts import BigMachine

if TYPE_CHECKING:
    from textual.pilot import Pilot

    from leaktop.view.arranging import Arrangement

FRAME = 1000 / 30
"""Milliseconds."""
ROUNDS = 12
WORDS = ("w", "wo", "wor", "run/w", "127.0.2", "tcp", "ESTAB", "9999", "/99", "!tcp", "^udp .*:2", "9$")


async def measure(rows: int) -> None:
    """Feed once, then press keys."""
    sample = RawSample("sock_diag", BigMachine(sockets=rows).socket_list(0, idle=None), None, 1.0, 1.0)
    engine = Engine(MACHINE)
    frame = engine.feed(Tick(1.0, 1.0, (sample,)))
    print(f"{len(frame.sections['sockets'].rows)} rows")
    app = LeaktopApp(Silent(), engine)
    app.poller.start = lambda: None  # type: ignore[method-assign]  # replaced here on purpose
    calm_collector()
    async with app.run_test(size=(160, 48)) as pilot:
        app.dashboard.activate("sockets")
        app.dashboard.action_zoom()
        app.dashboard.show(frame)
        box = app.dashboard.active

        show, is_there = box._show, asyncio.Event()

        def noted(arranged: Arrangement) -> None:
            show(arranged)
            if not box.is_arranging:
                is_there.set()

        box._show = noted  # type: ignore[method-assign]  # replaced here on purpose

        async def painted() -> None:
            if box.is_arranging:
                is_there.clear()
                await is_there.wait()
            drawn = asyncio.Event()
            app.call_after_refresh(drawn.set)
            await drawn.wait()

        async def timed(changes: dict[str, object]) -> float:
            began = time.perf_counter()
            box.choose(**changes)
            await painted()
            return (time.perf_counter() - began) * 1000

        await painted()
        columns = [column.name for column in box.pane.columns]
        scrolls = [await _press(pilot, key) for _ in range(ROUNDS) for key in ("pagedown", "j", "G", "pageup", "g")]
        report("a key that scrolls", scrolls)
        report("another column, or order", [await timed({"sort": name}) for name in columns])
        report("the same again", [await timed({"sort": name, "is_reversed": True}) for name in columns])
        print(f"the first filter {await timed({'pattern': 'x', 'sort': 'size', 'is_reversed': False}):.0f} ms")
        report("another letter of a filter", [await timed({"pattern": word}) for word in WORDS])


async def _press(pilot: Pilot[None], key: str) -> float:
    began = time.perf_counter()
    drawn = asyncio.Event()
    pilot.app.simulate_key(key)
    await asyncio.sleep(0)
    pilot.app.call_after_refresh(drawn.set)
    await drawn.wait()
    return (time.perf_counter() - began) * 1000


def report(what: str, times: list[float]) -> None:
    """One line."""
    median = statistics.median(times)
    verdict = "met" if median <= FRAME else "MISSED"
    print(f"{what:<28} median {median:6.1f} ms, worst {max(times):6.1f}; target {FRAME:.0f} ms: {verdict}", flush=True)


def main() -> None:
    """Measure."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--rows", type=int, default=100_000)
    screens_loop().run_until_complete(measure(options.parse_args().rows))


if __name__ == "__main__":
    main()
