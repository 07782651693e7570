"""Memory that runs out because the kernel leaks it: the report, the judgement, the event that is told live.

In the guest: python -m tests.lab.test_oom
"""

from __future__ import annotations

import subprocess
import sys
import time
from typing import Any

import pytest

from leaktop.engine.oom import OomWatch
from tests.lab.guest import answer, leakgen, leaktop, load_leakgen, run_in_guest, say

HOG = "held = []\nwhile True: held.append(b'x' * (1 << 20))"
"""A process that grows until it is killed."""
LEAKED = 760
"""MiB of the guest's 1024 that are leaked: with what else is in use, nearly all, but the guest has to go on."""


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return run_in_guest(__name__, tmp_path_factory.mktemp("lab"), parameters="kmemleak=off")


def test_a_leak_of_the_kernels_is_told_from_a_process_that_is_too_large(found: dict[str, Any]) -> None:
    first, second = found["oom"]["json"]["reports"]
    assert (first["blame"], second["blame"]) == ("process", "kernel")
    assert "kmalloc-2k" in second["judgement"]
    assert second["judgement"].endswith("so it was the kernel")
    assert [kill["name"] for kill in second["killed"]] == ["python"]
    assert second["slab"][0]["name"] == "kmalloc-2k"
    assert second["sites"], "allocation profiling is on in this kernel"
    assert second["page_size"] == 4096


def test_the_watch_told_both_as_they_happened(found: dict[str, Any]) -> None:
    reports = found["oom"]["json"]["reports"]
    assert found["events"] == [["oom", report["judgement"]] for report in reports]


def in_guest() -> None:
    """Run out of memory twice: while nothing is leaked, and after the kernel lost most of it."""
    load_leakgen(f"max_mib={LEAKED}")
    # What is not to be killed: this script, and the shell that started it.
    with open("/proc/self/oom_score_adj", "w") as file:
        file.write("-1000")
    watch = OomWatch()
    events = []
    for leaked in (0, 1 << 20):
        leakgen(f"leak kmalloc2048 {leaked}")
        say("running out of memory")
        hog = f"open('/proc/self/oom_score_adj', 'w').write('1000')\n{HOG}"
        killed = subprocess.run([sys.executable, "-c", hog], check=False)
        say(f"status {killed.returncode}")
        time.sleep(1)
        events += [[event.kind, event.text] for event in watch.poll()]
    leakgen("free all")
    answer({"events": events, "oom": leaktop("oom", "--json"), "text": leaktop("oom")})


if __name__ == "__main__":
    in_guest()
