"""Every way to leak: recorded in the guest, and named by the verdict and by the pane, from the recording, here.

In the guest: python -m tests.lab.test_leaks
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import time
from typing import TYPE_CHECKING, Any

import pytest

from leaktop.recording.reader import read_file
from leaktop.ui.app import LeaktopApp
from leaktop.ui.travel import Replayed
from tests.lab.guest import LEAKTOP, SHARED, answer, leakgen, load_leakgen, run_in_guest, say

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

BATCHES = (
    {"kmalloc64": 3000, "vmalloc": 4, "pages": 60},
    {"cache": 700, "percpu": 25, "kmalloc32k": 9},
    {"nomerge": 900, "skb": 250, "kmalloc2048": 110},
)
"""What leaks together, at most one in each place where memory can be; objects a second."""
QUIET, LEAKING = 12, 90
"""Seconds recorded before it leaks, and while it does."""
NAMES = {
    "kmalloc64": {"kmalloc-64"},
    "vmalloc": {"leakgen_vmalloc"},
    "pages": {"residual"},
    "cache": {"leakgen_cache", "leakgen_twin"},
    "percpu": {"Percpu"},
    "kmalloc32k": {"large kmalloc"},
    "nomerge": {"leakgen_nomerge"},
    "skb": {"skbuff_head_cache"},
    "kmalloc2048": {"kmalloc-2k"},
}
"""A suspect has one of these names, or shares its slabs with one."""
PANES = {"vmalloc": "3", "pages": "1", "percpu": "1", "kmalloc32k": "1"}
"""The key of the pane where it shows; the slab pane's for all others."""


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("lab")
    run_in_guest(__name__, directory, timeout=1500)
    return directory


def on_host(*arguments: str) -> dict[str, Any]:
    done = subprocess.run([*LEAKTOP, *arguments], capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("kind", NAMES)
def test_a_leak_is_named(recordings: Path, kind: str) -> None:
    batch = next(number for number, kinds in enumerate(BATCHES) if kind in kinds)
    report = on_host("report", "--format", "json", str(recordings / f"{batch}.leaktop"))
    assert report["verdict"]["class"] == "kernel-leak"
    leaks = [{suspect["name"], *suspect.get("aliases", ())} for suspect in report["suspects"] if suspect["leak"]]
    assert [names for names in leaks if names & NAMES[kind]], f"{kind} is not among {leaks}"


@pytest.mark.parametrize("kind", NAMES)
async def test_the_pane_shows_it(recordings: Path, kind: str) -> None:
    batch = next(number for number, kinds in enumerate(BATCHES) if kind in kinds)
    pane = PANES.get(kind, "2")
    app = LeaktopApp(None, None, replayed=Replayed(read_file(str(recordings / f"{batch}.leaktop")), plays=False))
    async with app.run_test(size=(160, 48)) as pilot:
        await until(lambda: app.shown is not None)
        await pilot.press("J", *"end", "enter")
        await until(lambda: app.shown is not None and app.shown.mono - (app.shown.baseline_mono or 0.0) > LEAKING)
        await pilot.press(pane, "z", "D")
        await until(lambda: any(is_shown(line, kind) for line in lines(app)))


def is_shown(line: str, kind: str) -> bool:
    """Whether a line of the screen is the row of a leak, marked as growing."""
    words = {"pages": {"Residual"}, "kmalloc32k": {"Large kmalloc"}}.get(kind, NAMES[kind])
    return "▲" in line and any(word in line for word in words)


def lines(app: LeaktopApp) -> list[str]:
    """What is drawn."""
    return [strip.text for strip in app.screen._compositor.render_strips()]


async def until(condition: Callable[[], bool]) -> None:
    """Wait until it comes true, for a minute at most."""
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.05)


def in_guest() -> None:
    """Make the recordings."""
    load_leakgen("percpu_bytes=4096")
    time.sleep(5)
    for number, batch in enumerate(BATCHES):
        say(f"recording {batch}")
        recorder = subprocess.Popen([*LEAKTOP, "record", f"{SHARED}/{number}.leaktop", "--for", f"{QUIET + LEAKING}s"])
        time.sleep(QUIET)
        for kind, rate in batch.items():
            leakgen(f"start {kind} {rate}")
        recorder.wait()
        leakgen("stop all")
        leakgen("free all")
    answer({})


if __name__ == "__main__":
    in_guest()
