"""For tests that trace this machine: one at a time, on a kernel that can, which is as it was afterwards."""

from __future__ import annotations

import fcntl
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from leaktop.control import mounting
from leaktop.engine.allocations import tracefs
from leaktop.model.allocations import Subject

if TYPE_CHECKING:
    from collections.abc import Iterator

FILP = Subject("slab", "filp", ("filp",), 192)
PLACE = Path(mounting.PLACES["tracefs"])
GLOBAL = ("tracing_on", "events/enable", "buffer_size_kb", "trace_clock", "current_tracer", "options/stacktrace")
HOLD = """
import os, sys, time
kept = []
print("ready", flush=True)
while True:
    kept.append(os.open("/proc/self/status", os.O_RDONLY))
    if len(kept) > 900:
        for descriptor in kept:
            os.close(descriptor)
        kept.clear()
    time.sleep(0.005)
"""
"""A program that opens files and keeps them: 200 a second, and closes them only before there are too many."""


def ours() -> list[str]:
    """Instances of any leaktop."""
    place = PLACE / "instances"
    return sorted(path.name for path in place.iterdir() if path.name.startswith("leaktop-")) if place.is_dir() else []


@pytest.fixture
def traceable() -> Iterator[dict[str, str]]:
    """Waits for its turn; tracefs is mounted, or not, as it was; nothing of the global trace has changed."""
    lock = os.open(
        Path(tempfile.gettempdir()) / "leaktop-tests-trace.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600
    )
    fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        end = time.monotonic() + 90
        while (others := ours()) and time.monotonic() < end:
            time.sleep(0.2)
        reason = f"another leaktop traces this machine: {others}" if others else _why_not()
        if reason is not None:
            print(f"leaktop's tests: tracing is not tested here: {reason}", file=sys.stderr)
            pytest.skip(f"tracing is not tested here: {reason}")
        was_mounted, before = mounting.is_mounted("tracefs"), state()
        yield before
        assert ours() == []
        assert (mounting.is_mounted("tracefs"), state()) == (was_mounted, before)
    finally:
        os.close(lock)


def _why_not() -> str | None:
    reason = tracefs.missing(FILP, "/")
    if reason is None and not mounting.is_mounted("tracefs"):
        try:
            mounting.mount("tracefs")
            mounting.unmount("tracefs")
        except mounting.MountError as error:
            reason = str(error)
    return reason


def state() -> dict[str, str]:
    """What the global trace is set to, where it is mounted."""
    return {name: (PLACE / name).read_text() for name in GLOBAL if (PLACE / name).exists()}
