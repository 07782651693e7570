"""Tracing leaves tracefs as it found it: after it ended, after Ctrl-C, and after kill -9.

In the guest: python -m tests.lab.test_tracing
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tests.lab.guest import LEAKTOP, answer, leakgen, leaktop, load_leakgen, run_in_guest, say

TRACEFS = Path("/sys/kernel/tracing")
SWITCHES = (
    *("tracing_on", "set_event", "current_tracer", "buffer_size_kb", "trace_options", "trace_clock"),
    *(f"events/kmem/{event}/{file}" for event in ("kmalloc", "kmem_cache_alloc", "kfree", "kmem_cache_free",
      "mm_page_alloc", "mm_page_free") for file in ("enable", "filter", "trigger")),
)  # fmt: skip
TRACE = ("trace", "kmalloc-64", "--facility", "tracefs", "--for")


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return run_in_guest(__name__, tmp_path_factory.mktemp("lab"))


@pytest.mark.parametrize("after", ["the end", "Ctrl-C", "SIGTERM", "kill -9"])
def test_tracefs_is_as_before(found: dict[str, Any], after: str) -> None:
    assert found["while tracing"]["instances"], "there was nothing to take away"
    assert found[after] == found["before"]


def test_what_was_not_mounted_is_not_mounted_afterwards(found: dict[str, Any]) -> None:
    assert found["unmounted: while tracing"], "it was to be mounted for as long as it takes"
    assert found["unmounted: after the end"] == []
    assert found["unmounted: after kill -9"] == []


def test_the_global_instance_is_never_touched(found: dict[str, Any]) -> None:
    during = {name: text for name, text in found["while tracing"].items() if name != "instances"}
    assert during == {name: text for name, text in found["before"].items() if name != "instances"}


def test_a_trace_that_was_interrupted_tells_what_it_saw(found: dict[str, Any]) -> None:
    assert found["statuses"]["the end"] == 0
    assert found["statuses"]["Ctrl-C"] == 0


def state() -> dict[str, Any]:
    """Everything of tracefs that tracing could have changed."""
    found: dict[str, Any] = {name: (TRACEFS / name).read_text() for name in SWITCHES}
    found["instances"] = sorted(os.listdir(TRACEFS / "instances"))
    return found


def mounts() -> list[str]:
    """Where tracefs is mounted."""
    rows = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    return [row[1] for row in rows if row[2] == "tracefs"]


def start(seconds: int) -> subprocess.Popen[bytes]:
    """Begin a trace, and return when it is under way."""
    tracing = subprocess.Popen([*LEAKTOP, *TRACE, f"{seconds}s", "--json"], stdout=subprocess.DEVNULL)
    end = time.monotonic() + 60
    while time.monotonic() < end and tracing.poll() is None:
        if mounts() and (TRACEFS / "instances").exists() and os.listdir(TRACEFS / "instances"):
            time.sleep(1)
            return tracing
        time.sleep(0.1)
    raise AssertionError(f"no trace began: status {tracing.poll()}, tracefs mounted on {mounts()}")


def ended(number: int) -> int:
    """A trace that is ended by a signal: its status, once whoever cleans up had time to."""
    tracing = start(60)
    tracing.send_signal(number)
    status = tracing.wait(60)
    time.sleep(6)
    return status


def in_guest() -> None:
    """Trace with tracefs mounted, then without."""
    load_leakgen()
    leakgen("start kmalloc64 100")
    subprocess.run(["mount", "-t", "tracefs", "none", TRACEFS], check=True)
    found: dict[str, Any] = {"before": state()}
    statuses = {"the end": leaktop(*TRACE, "3s", "--json")["status"]}
    found["the end"] = state()
    say("ended by itself")
    tracing = start(60)
    found["while tracing"] = state()
    tracing.kill()
    tracing.wait()
    time.sleep(6)
    found["kill -9"] = state()
    for name, number in (("Ctrl-C", signal.SIGINT), ("SIGTERM", signal.SIGTERM)):
        statuses[name] = ended(number)
        found[name] = state()
        say(f"{name}: {statuses[name]}")
    # debugfs as well: looking below it mounts tracefs there, and nobody can tell who looked.
    subprocess.run(["umount", TRACEFS], check=True)
    subprocess.run(["umount", "-R", "/sys/kernel/debug"], check=True)
    leaktop(*TRACE, "3s", "--json")
    found["unmounted: after the end"] = mounts()
    tracing = start(60)
    found["unmounted: while tracing"] = mounts()
    tracing.kill()
    tracing.wait()
    time.sleep(6)
    found["unmounted: after kill -9"] = mounts()
    answer({**found, "statuses": statuses})


if __name__ == "__main__":
    in_guest()
