"""Who allocates this? leakgen's function, by each of the four facilities that a kernel can have.

In the guest: python -m tests.lab.test_allocators
"""

from __future__ import annotations

import time
from typing import Any, NamedTuple

import pytest

from tests.lab.guest import answer, leakgen, leaktop, load_leakgen, run_in_guest, say


class Case(NamedTuple):
    """A leak, and what a user would ask about it."""

    kind: str
    rate: int
    subject: str
    facility: str

    @property
    def name(self) -> str:
        """What the answer is kept under."""
        return f"{self.facility} {self.subject} {self.kind}"


CASES = (
    Case("kmalloc64", 500, "kmalloc-64", "allocinfo"),
    Case("cache", 500, "leakgen_cache", "allocinfo"),
    Case("nomerge", 500, "leakgen_nomerge", "allocinfo"),
    Case("vmalloc", 5, "leakgen_vmalloc", "allocinfo"),
    Case("pages", 100, "pages", "allocinfo"),
    Case("kmalloc32k", 20, "pages", "allocinfo"),
    Case("kmalloc64", 500, "kmalloc-64", "alloc_traces"),
    Case("kmalloc2048", 200, "kmalloc-2k", "alloc_traces"),
    Case("cache", 500, "leakgen_cache", "alloc_traces"),
    Case("nomerge", 500, "leakgen_nomerge", "alloc_traces"),
    Case("skb", 200, "skbuff_head_cache", "alloc_traces"),
    Case("pages", 100, "pages", "page_owner"),
    Case("kmalloc32k", 20, "pages", "page_owner"),
    Case("kmalloc64", 200, "kmalloc-64", "tracefs"),
    Case("cache", 200, "leakgen_cache", "tracefs"),
    Case("nomerge", 200, "leakgen_nomerge", "tracefs"),
    Case("skb", 100, "skbuff_head_cache", "tracefs"),
    Case("pages", 100, "pages", "tracefs"),
    Case("vmalloc", 5, "leakgen_vmalloc", "tracefs"),
    Case("percpu", 20, "percpu", "tracefs"),
)
SECONDS = 4


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return run_in_guest(__name__, tmp_path_factory.mktemp("lab"), parameters="slub_debug=U page_owner=on", timeout=1200)


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_the_function_that_leaks_is_named(answers: dict[str, Any], case: Case) -> None:
    found = answers[case.name]
    assert found["status"] == 0, found["errors"]
    assert found["json"]["facility"] == case.facility
    sites = found["json"]["sites"]
    assert sites, found["json"]["notes"]
    first = sites[0]
    assert [frame for frame in first["stack"] if frame.startswith("leakgen_")], [site["stack"] for site in sites[:3]]
    assert first["bytes"] > 0
    # page_owner's stacks tell pages, not how many allocations these came in.
    assert first["count"] is None if case.facility == "page_owner" else first["count"] > 0
    if case.facility == "tracefs":
        assert found["json"]["lost"] == 0
        assert first["count"] <= case.rate * (SECONDS + 8)
        # Events of pages and of vmalloc do not name their caller, so that the kernel cannot count by it.
        has_caller = case.subject not in {"pages", "leakgen_vmalloc"}
        assert (first["arrivals"] is not None) is has_caller
        # A guest that is emulated has its timers late.
        assert not has_caller or case.rate / 4 <= first["arrivals"] <= case.rate * 2


def in_guest() -> None:
    """Leak, ask, stop, for each case."""
    load_leakgen()
    time.sleep(1)
    found = {}
    for case in CASES:
        leakgen(f"start {case.kind} {case.rate}")
        time.sleep(1)
        arguments = (
            "trace",
            case.subject,
            "--facility",
            case.facility,
            "--for",
            f"{SECONDS}s",
            "--json",
            "--limit",
            "5",
        )
        found[case.name] = leaktop(*arguments)
        leakgen("stop all")
        leakgen("free all")
        first = (found[case.name].get("json") or {"sites": []})["sites"][:1]
        say(f"{case.name}: {found[case.name]['status']} {first or found[case.name]['errors'][-300:]}")
    answer(found)


if __name__ == "__main__":
    in_guest()
