"""Leak or cache: what is said of what came back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from leaktop.engine.experiment import Held
from leaktop.model.diagnosis import Case
from leaktop.model.frame import Row, Trend
from leaktop.model.records import Cache, Process
from leaktop.view.experiment import answer, cache_of, judge, judged_bytes

if TYPE_CHECKING:
    from leaktop.view.experiment import Experiment

MIB = 1 << 20
FLAT = Trend(MIB, 0, 0.0, 0, 0.0, MIB, 0.0)


@pytest.mark.parametrize(
    ("experiment", "before", "after", "words"),
    [
        ("all", 412, 31, "412M before dropping page cache and slab caches, 31.0M after: 92 % came back: a cache, not"),
        ("slab", 412, 31, "412M before dropping slab caches, 31.0M after: 92 % came back: a cache, not a leak."),
        ("all", 212, 212, "212M after: nothing came back: pinned. A leak, or in use."),
        ("slab", 212, 212, "nothing came back: pinned. A leak, in use, or held by the page cache."),
        ("all", 100, 50, "50 % came back: a cache, not a leak."),
        ("all", 1000, 501, "49 % came back: partly a cache; the rest is pinned: a leak, or in use."),
        ("all", 100, 95, "5 % came back: partly"),
        ("all", 1000, 951, "4 % came back: pinned."),
        ("all", 1000, 999, "nothing came back: pinned."),
        ("all", 212, 240, "240M after: nothing came back: pinned."),
        ("all", 212, 0, "100 % came back: a cache, not a leak."),
        (
            "shrink",
            412,
            31,
            "412M before shrinking it, 31.0M after: 92 % came back: empty slabs that the kernel had kept",
        ),
        ("shrink", 100, 80, "20 % came back: empty slabs. The rest holds objects; dropping slab caches tells"),
        ("shrink", 100, 100, "nothing came back: its slabs hold objects. Dropping slab caches tells"),
        ("slab", 0, 0, "x: 0 before dropping slab caches, 0 after: there was too little to tell."),
        ("all", 0.9, 0.9, "after: there was too little to tell."),
    ],
)
def test_the_share_that_came_back_is_judged(experiment: Experiment, before: float, after: int, words: str) -> None:
    assert words in judge(experiment, "x", int(before * MIB), int(after * MIB))


def test_shrinking_alone_accuses_nobody() -> None:
    """It frees empty slabs only: a dentry cache full of cached dentries does not move."""
    for after in range(0, 101, 5):
        assert "leak" not in judge("shrink", "dentry", 100 * MIB, after * MIB).replace("no leak", "")


def test_unknown_is_not_zero() -> None:
    assert judge("all", "dentry", None, 5) == (
        "dentry: not known how much there was before dropping page cache and slab caches."
    )
    assert "after dropping slab caches" in judge("slab", "dentry", 5, None)


def held(caches: dict[str, int] | None = None, **amounts: int) -> Held:
    return Held({name: n * MIB for name, n in amounts.items()}, {(k, 0): n * MIB for k, n in (caches or {}).items()})


def test_of_a_cache_its_own_bytes_are_judged() -> None:
    before, after = held({"dentry": 412, "filp": 2}), held({"dentry": 31, "filp": 2})
    assert answer("all", ("dentry", 0), before, after).startswith("dentry: 412M before")
    assert judged_bytes(held({"filp": 2}), "slab", ("dentry", 0)) == 0
    assert judged_bytes(held(), "slab", ("dentry", 0)) is None


def test_of_the_machine_what_should_come_back_is_judged_and_the_rest_told_beside() -> None:
    before = held(SReclaimable=400, SUnreclaim=210, Cached=900, Buffers=20, Shmem=100, MemAvailable=3000)
    after = held(SReclaimable=40, SUnreclaim=209, Cached=880, Buffers=20, Shmem=100, MemAvailable=3100)
    assert answer("slab", None, before, after) == (
        "SReclaimable: 400M before dropping slab caches, 40.0M after: 90 % came back: a cache, not a leak. "
        "SUnreclaim 210M to 209M, Cached 900M to 880M, Buffers 20.0M to 20.0M, MemAvailable 2.93G to 3.03G."
    )
    said = answer("all", None, before, after)
    assert said.startswith("page cache and SReclaimable: 1.19G before dropping page cache and slab caches, 840M after")
    assert "SReclaimable 400M to 40.0M" in said


def test_shared_memory_is_no_page_cache() -> None:
    assert judged_bytes(held(SReclaimable=1, Cached=101, Buffers=0, Shmem=100), "all", None) == 2 * MIB
    assert judged_bytes(held(SReclaimable=1, Cached=101), "all", None) is None
    assert judged_bytes(held(), "slab", None) is None


def case(section: str, *key: str | int | None) -> Case:
    known = None, None, None, None, None, None
    return Case("slab", section, key, str(key[0]), (), "", MIB, 1, *known, 0.5, False, False, "")


def test_the_cache_of_a_row_or_of_a_suspect() -> None:
    cache = Cache("dentry", (), None, 1, 1, 192, 21, 1, 1, 1, 4096, True)
    assert cache_of(Row(("dentry", 0), cache, FLAT, FLAT)) == ("dentry", 0)
    assert cache_of(Row(("slab", "slab", "filp", 0), case("slab", "filp", 0), FLAT, FLAT)) == ("filp", 0)
    assert cache_of(Row(("vmalloc", "vmalloc", "f"), case("vmalloc", "f", None, ""), FLAT, FLAT)) is None
    assert cache_of(Row(("slab", "memory", "large kmalloc"), case("memory", "large kmalloc"), FLAT, None)) is None
    process = Process(1, 10, "init", 1, 1, 1, 0, 0, 1, 4)
    assert cache_of(Row((1, 10), process, FLAT, None)) is None
    assert cache_of(None) is None
