"""Trace instances on this machine's own kernel: they come, they go, and nothing else is touched."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from leaktop.control import mounting, trace_guard, tracing
from leaktop.control.tracing import TraceInstance, TracingError, sweep
from tests.tracefs import PLACE, ours, traceable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

__all__ = ["traceable"]

ENTERS = """
import sys, time
from leaktop.control.tracing import TraceInstance
with TraceInstance("test", 60) as instance:
    print(instance._guard.pid, flush=True)
    time.sleep(60)
"""


@contextlib.contextmanager
def mounted() -> Iterator[None]:
    """tracefs, mounted for the block where it is not."""
    was = mounting.is_mounted("tracefs")
    if not was:
        mounting.mount("tracefs")
    try:
        yield
    finally:
        if not was:
            mounting.unmount("tracefs")


def until(condition: Callable[[], bool]) -> bool:
    """Whether it comes true; a busy machine may take its time."""
    end = time.monotonic() + 20
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def holder() -> tuple[subprocess.Popen[str], int]:
    """A process that has an instance, and the pid of its guard."""
    process = subprocess.Popen([sys.executable, "-c", ENTERS], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    return process, int(process.stdout.readline())


@pytest.mark.usefixtures("traceable")
def test_an_instance_is_there_for_the_block_and_gone_behind_it() -> None:
    was_mounted = mounting.is_mounted("tracefs")
    with TraceInstance("test", 30) as instance:
        assert [name.rpartition("-")[2] for name in ours()] == ["test"]
        assert ours()[0].split("-")[1] == str(os.getpid())
        instance.write("events/kmem/kmem_cache_free/enable", "1")
        assert (PLACE / "instances" / ours()[0] / "events/kmem/kmem_cache_free/enable").read_text().strip() == "1"
        assert any(page for _, page in _read_for(instance, 5))
    assert ours() == []
    assert mounting.is_mounted("tracefs") == was_mounted


def _read_for(instance: TraceInstance, seconds: float) -> list[tuple[int, bytes]]:
    pages: list[tuple[int, bytes]] = []
    end = time.monotonic() + seconds
    while not pages and time.monotonic() < end:
        time.sleep(0.02)
        pages += instance.read_rings()
    return pages


@pytest.mark.usefixtures("traceable")
def test_what_was_mounted_is_unmounted_once_nobody_uses_it_any_more() -> None:
    was_mounted = mounting.is_mounted("tracefs")
    with TraceInstance("test", 30):
        other = os.open(PLACE / "README", os.O_RDONLY)
    assert ours() == []
    os.close(other)
    assert until(lambda: mounting.is_mounted("tracefs") == was_mounted)


@pytest.mark.usefixtures("traceable")
def test_an_instance_is_gone_after_an_exception() -> None:
    with pytest.raises(ZeroDivisionError), TraceInstance("test", 30):
        raise ZeroDivisionError
    assert ours() == []


@pytest.mark.usefixtures("traceable")
def test_a_process_has_one_instance_of_a_kind() -> None:
    with TraceInstance("test", 30):
        with pytest.raises(TracingError, match="traces something already"), TraceInstance("test", 30):
            pass
        assert len(ours()) == 1


@pytest.mark.usefixtures("traceable")
def test_a_refusal_is_said_in_words() -> None:
    with TraceInstance("test", 30) as instance:
        with pytest.raises(TracingError, match="does not understand it"):
            instance.write("events/kmem/kfree/filter", "no_such_field == 1")
        with pytest.raises(TracingError, match="does not have it"):
            instance.write("events/kmem/no_such_event/enable", "1")


@pytest.mark.usefixtures("traceable")
def test_the_guard_takes_it_away_from_a_killed_process() -> None:
    was_mounted = mounting.is_mounted("tracefs")
    process, _ = holder()
    assert len(ours()) == 1
    process.kill()
    process.wait()
    assert until(lambda: ours() == [] and mounting.is_mounted("tracefs") == was_mounted)


@pytest.mark.usefixtures("traceable")
def test_the_next_start_takes_it_away_where_the_guard_was_killed_too() -> None:
    with mounted():
        process, guard = holder()
        (left,) = ours()
        assert sweep(str(PLACE)) == []  # it is alive
        os.kill(guard, signal.SIGKILL)
        process.kill()
        process.wait()
        assert ours() == [left]
        with TraceInstance("test", 30):
            assert left not in ours()


@pytest.mark.usefixtures("traceable")
def test_the_instance_of_another_process_with_the_same_pid_is_swept() -> None:
    with mounted():
        stale = PLACE / f"instances/leaktop-{os.getpid()}-1-test"
        stale.mkdir()
        foreign = PLACE / "instances/somebody-else"
        foreign.mkdir()
        try:
            assert sweep(str(PLACE)) == [stale.name]
            assert foreign.exists()
        finally:
            foreign.rmdir()


@pytest.mark.usefixtures("traceable")
def test_nothing_is_recorded_beyond_the_time_that_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracing, "_GRACE", 0.0)
    with TraceInstance("test", 0.3) as instance:
        instance.write("events/kmem/kmem_cache_free/enable", "1")
        switch = PLACE / "instances" / ours()[0] / "tracing_on"
        assert until(lambda: switch.read_text().strip() == "0")
    assert ours() == []


def test_without_tracefs_the_reason_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_name: str) -> None:
        raise mounting.MountError("mounting tracefs: needs root, and a container may not")

    monkeypatch.setattr(tracing, "find_place", lambda: None)
    monkeypatch.setattr(mounting, "mount", refuse)
    with pytest.raises(TracingError, match="needs root"), TraceInstance("test", 1):
        pass


def test_the_guard_removes_what_is_there_and_is_content_with_what_is_not(tmp_path: Path) -> None:
    (tmp_path / "instance").mkdir()
    assert trace_guard.remove(str(tmp_path / "instance"))
    assert trace_guard.remove(str(tmp_path / "instance"))
    (tmp_path / "busy").mkdir()
    (tmp_path / "busy/file").write_text("")
    assert not trace_guard.remove(str(tmp_path / "busy"))
