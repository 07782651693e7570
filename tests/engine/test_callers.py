"""Callers counted by the kernel: what is asked of it, what comes of it, and that nothing of it stays."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest

from leaktop.control.tracing import TraceInstance, TracingError
from leaktop.engine.tracing import callers
from leaktop.engine.tracing.callers import CallerCounts
from leaktop.engine.tracing.plan import plan
from leaktop.model.allocations import Subject
from tests.engine.test_tracing import formats

HIST = (Path(__file__).parents[1] / "data/trace/vm-6.12-kmalloc-hist.txt").read_bytes()


class Kernel:
    """A trace instance whose kernel takes triggers, or does not."""

    def __init__(self, hist: bytes | None = HIST, refuses: str = "\0") -> None:
        self._hist = hist
        self._refuses = refuses
        self.triggers: list[str] = []

    def write(self, name: str, text: str, *, adds: bool = False) -> None:
        assert adds, "other triggers would be lost"
        if self._hist is None or self._refuses in name:
            raise TracingError("Invalid argument")
        line = f"{name} {text.removeprefix('!')}"
        self.triggers.remove(line) if text.startswith("!") else self.triggers.append(line)

    def read_own(self, name: str) -> bytes:
        assert name.endswith("/hist")
        if self._hist is None:
            raise FileNotFoundError(name)
        return self._hist


@pytest.fixture(autouse=True)
def _clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every look at the clock is two seconds after the one before."""
    moments = iter(range(0, 100, 2))
    monkeypatch.setattr(callers, "monotonic", lambda: float(next(moments)))


def counting(kernel: Kernel, name: str = "kmalloc-64", *aliases: str) -> CallerCounts:
    subject = Subject("slab", name, (name, *aliases), 64)
    chosen = plan(subject, formats(), 4096, has_accounted=True)
    return CallerCounts(cast("TraceInstance", kernel), chosen, 77)


def test_only_the_subject_is_counted_and_not_what_the_reader_does() -> None:
    kernel = Kernel()
    assert counting(kernel).is_on
    [trigger] = kernel.triggers
    assert trigger.startswith("events/kmem/kmalloc/trigger hist:keys=call_site.hex if bytes_alloc == 64 && ")
    assert trigger.endswith("common_pid != 77")


def test_rates_are_by_second_and_the_triggers_are_gone() -> None:
    kernel = Kernel()
    rates = counting(kernel).end()
    assert rates is not None
    assert rates[0xFFFFFFFFA00005EC] == 150
    assert sum(rates.values()) == 335 / 2
    assert kernel.triggers == []


def test_events_of_a_merged_cache_are_added_up() -> None:
    rates = counting(Kernel(), "kmalloc-64", "skbuff_x").end()
    assert rates is not None
    assert rates[0xFFFFFFFFA00005EC] == 300


def test_a_kernel_without_hist_triggers_leaves_it_unknown() -> None:
    counts = counting(Kernel(None))
    assert not counts.is_on
    assert counts.end() is None


@pytest.mark.parametrize("content", [b"", HIST.replace(b"Dropped: 0", b"Dropped: 3")])
def test_half_a_count_is_none(content: bytes) -> None:
    kernel = Kernel(content)
    assert counting(kernel).end() is None
    assert kernel.triggers == []


def test_pages_have_no_caller_and_so_no_count() -> None:
    chosen = plan(Subject("pages", ""), formats(), 4096, has_accounted=True)
    kernel = Kernel(refuses="mm_page_alloc")
    assert not CallerCounts(cast("TraceInstance", kernel), chosen, 77).is_on
