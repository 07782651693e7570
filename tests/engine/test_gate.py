"""The gate: what is a leak of a command, and what only looks like one."""

from __future__ import annotations

import random
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaktop.engine.engine import Engine
from leaktop.engine.gate import FEWEST, Figure, Rest, Round, changed, judge, measure
from leaktop.model.sample import Fault, Machine, RawSample, Tick
from leaktop.sources.text_form import encode

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from leaktop.engine.gate import Finding, Measure
    from leaktop.model.frame import Frame

KEY = ("slab", "kmalloc-64")
MACHINE = Machine("6.12.0", "host", 4096, None, "x86_64", None, None, is_live=False)


def of(objects: int, size: int | None = None) -> Measure:
    return {KEY: Figure(objects * 64 if size is None else size, objects, 64)}


def trial(runs: Sequence[int], rests: Sequence[int] = ()) -> tuple[Measure, list[Round]]:
    """A trial in which the objects grow by so much in each run, and in the rest before each."""
    now, rounds = 1000, []
    start = of(now)
    for at, run in enumerate(runs):
        now += rests[at] if rests else 0
        before = of(now)
        now += run
        rounds.append(Round(before, of(now), 1.0, 1.0))
    return start, rounds


def one(runs: Sequence[int], rests: Sequence[int] = (), later: int | None = None, allowed: float = 0) -> Finding | None:
    """What is found; `later`: by how much the objects grow in the rest at the end."""
    start, rounds = trial(runs, rests)
    end = rounds[-1].after[KEY].objects or 0
    found = judge(start, rounds, None if later is None else Rest(of(end + later), 10.0), allowed)
    assert len(found) <= 1
    return found[0] if found else None


def leaks(runs: Sequence[int], rests: Sequence[int] = (), later: int | None = None) -> bool:
    found = one(runs, rests, later)
    return found is not None and found.leak


# What leaks


@pytest.mark.parametrize("count", [FEWEST, 10, 20, 200])
def test_one_object_with_each_run(count: int) -> None:
    found = one([1] * count)
    assert found is not None
    assert found.leak
    assert not found.tolerated
    assert (found.kind, found.name, found.note) == ("slab", "kmalloc-64", "")
    assert found.objects_per_iter == 1
    assert (found.low, found.bytes_per_iter, found.high) == (64, 64, 64)


@given(st.integers(1, 10**6), st.integers(FEWEST, 60))
def test_any_constant_loss(lost: int, count: int) -> None:
    found = one([lost] * count, later=0)
    assert found is not None
    assert found.leak
    assert found.objects_per_iter == lost


def test_objects_that_fit_into_slabs_which_were_there_cost_their_size() -> None:
    start = of(10, 4096)
    (found,) = judge(start, [Round(of(10 + at, 4096), of(11 + at, 4096), 1, 1) for at in range(10)])
    assert found.leak
    assert found.bytes_per_iter == 64


def test_bytes_that_grow_by_more_than_the_objects_count() -> None:
    start = of(10, 4096)
    rounds = [Round(of(10 + at, 4096 * (1 + at)), of(11 + at, 4096 * (2 + at)), 1, 1) for at in range(10)]
    (found,) = judge(start, rounds)
    assert (found.objects_per_iter, found.bytes_per_iter) == (1, 4096)


def test_what_has_no_count_leaks_by_its_bytes() -> None:
    key = ("pagetables", "PageTables")
    rounds = [Round({key: Figure(4096 * at)}, {key: Figure(4096 * (at + 1))}, 1, 1) for at in range(10)]
    (found,) = judge({key: Figure(0)}, rounds)
    assert (found.leak, found.objects_per_iter, found.bytes_per_iter) == (True, None, 4096)


def test_areas_without_memory_leak_by_their_count() -> None:
    key = ("vmalloc", "__ioremap_caller")
    rounds = [Round({key: Figure(0, at)}, {key: Figure(0, at + 1)}, 1, 1) for at in range(10)]
    (found,) = judge({key: Figure(0, 0)}, rounds)
    assert (found.leak, found.objects_per_iter, found.bytes_per_iter) == (True, 1, 0)
    assert judge({key: Figure(0, 0)}, rounds, None, 1.0)[0].tolerated


def test_a_slab_of_which_every_second_run_takes_a_new_one() -> None:
    assert leaks([0, 16] * 10)


def test_what_each_run_takes_and_the_rest_gives_back_in_part() -> None:
    assert leaks([2] * 10, [0, *[-1] * 9])


def test_spikes_hide_no_leak() -> None:
    start, rounds = trial([1] * 12)
    for at, count in ((3, 200), (7, -150)):
        rounds[at] = rounds[at]._replace(after=of(1000 + count))
    rounds[9] = rounds[9]._replace(before=of(1500))
    (found,) = judge(start, rounds)
    assert found.leak
    assert found.objects_per_iter == 1


def test_a_cache_that_was_not_there_before() -> None:
    rounds = [Round(of(at), of(at + 1), 1, 1) for at in range(10)]
    assert judge({}, [rounds[0]._replace(before={}), *rounds[1:]])[0].leak


def test_the_most_bytes_stand_first_and_leaks_before_the_rest() -> None:
    big, small, other = ("slab", "big"), ("slab", "small"), ("slab", "other")
    rounds = [
        Round(
            {big: Figure(at * 100, at, 100), small: Figure(at * 8, at, 8), other: Figure(2 * at * 999, 2 * at, 999)},
            {
                big: Figure((at + 1) * 100, at + 1, 100),
                small: Figure((at + 1) * 8, at + 1, 8),
                other: Figure((2 * at + 1) * 999, 2 * at + 1, 999),
            },
            *(1, 1),
        )
        for at in range(10)
    ]
    found = judge({}, rounds)
    assert [(finding.name, finding.leak) for finding in found] == [("big", True), ("small", True), ("other", False)]


# What does not


@pytest.mark.parametrize(
    "runs",
    [
        [0] * 10,
        [100] + [0] * 9,
        [50, 30, 15, 5, 2, 1, 1, 1, 0, 1],
        [0, 0, 0, 0, 200, 0, 0, 0, 0, 0],
        [0, 0, 0, 0, 0, 0, 0, 0, 0, 50],
        [5, -5] * 5,
        [-1] * 10,
        [1, 1, 1, 1, 1, 1, 1, 0, 0, 0],
    ],
    ids=["still", "first step", "filling up", "one step", "last step", "to and fro", "shrinks", "stopped"],
)
def test_no_steady_rise(runs: list[int]) -> None:
    assert one(runs) is None


def test_spikes_are_no_leak() -> None:
    start, rounds = trial([0] * 10)
    for at in (2, 5, 9):
        rounds[at] = rounds[at]._replace(after=of(1500 + at))
    assert judge(start, rounds) == ()


def test_what_grows_while_the_command_rests_is_somebody_elses() -> None:
    found = one([10] * 10, [10] * 10)
    assert found is not None
    assert not found.leak
    assert not found.tolerated
    assert found.note == "grows while COMMAND rests as well"


def test_a_rest_shorter_than_the_run_counts_for_as_much() -> None:
    start, rounds = trial([10] * 10, [1] * 10)
    assert judge(start, rounds)[0].leak
    longer = [each._replace(rested=1.0, ran=10.0) for each in rounds]
    assert not judge(start, longer)[0].leak


@pytest.mark.parametrize(
    ("later", "note"),
    [(0, ""), (-3, ""), (2, ""), (-10, "comes back when COMMAND rests"), (10, "grows on when COMMAND rests")],
)
def test_a_leak_stays_and_does_not_go_on(later: int, note: str) -> None:
    found = one([1] * 10, later=later)
    assert found is not None
    assert (found.leak, found.note) == (not note, note)


WALKS: dict[str, Callable[[random.Random], int]] = {
    "coin": lambda chance: chance.choice((-1, 1)),
    "normal": lambda chance: round(chance.gauss(0, 10)),
    "drift": lambda chance: round(chance.gauss(3, 10)),
    "slabs": lambda chance: chance.choice((0, 0, 0, 0, 21, -21)),
    "only up": lambda chance: chance.choice((0, 0, 0, 21)),
}


@pytest.mark.parametrize("walk", WALKS)
@pytest.mark.parametrize("count", [FEWEST, 10, 30])
def test_a_walk_is_hardly_ever_a_leak(walk: str, count: int) -> None:
    chance = random.Random(1)
    accused = sum(
        leaks([WALKS[walk](chance) for _ in range(count)], [WALKS[walk](chance) for _ in range(count)], 0)
        for _ in range(500)
    )
    assert accused <= 5


@pytest.mark.parametrize(("count", "at_least"), [(20, 25), (60, 90)])
def test_more_runs_find_a_leak_in_noise(count: int, at_least: int) -> None:
    chance = random.Random(1)
    found = 0
    for _ in range(100):
        start, rounds = trial([1] * count)
        noisy = [
            each._replace(
                before=of((each.before[KEY].objects or 0) + round(chance.gauss(0, 0.5))),
                after=of((each.after[KEY].objects or 0) + round(chance.gauss(0, 0.5))),
            )
            for each in rounds
        ]
        found += any(finding.leak for finding in judge(start, noisy))
    assert found >= at_least


# What is allowed


@pytest.mark.parametrize(("allowed", "leak"), [(0, True), (63, True), (64, False), (65536, False)])
def test_growth_that_is_allowed_is_told_and_tolerated(allowed: int, leak: bool) -> None:
    found = one([1] * 10, later=0, allowed=allowed)
    assert found is not None
    assert (found.leak, found.tolerated) == (leak, not leak)


def test_too_few_runs_are_refused() -> None:
    with pytest.raises(ValueError, match="4 iterations, where 5"):
        judge(*trial([1] * (FEWEST - 1)))


@given(st.lists(st.integers(-(10**9), 10**9), min_size=FEWEST, max_size=30), st.integers(-(10**9), 10**9))
def test_any_figures_have_a_judgement(runs: list[int], later: int) -> None:
    found = one(runs, list(reversed(runs)), later)
    assert found is None or found.low <= found.bytes_per_iter <= found.high


# What is kept of a measure


def test_only_what_changed_is_kept() -> None:
    same, grown, gone, new = (("slab", name) for name in ("same", "grown", "gone", "new"))
    start = {same: Figure(1, 1, 1), grown: Figure(1, 1, 1), gone: Figure(9, 9, 1)}
    kept = changed(start, {same: Figure(1, 1, 1), grown: Figure(2, 2, 1), new: Figure(5, 5, 1)})
    assert kept == {grown: Figure(2, 2, 1), new: Figure(5, 5, 1), gone: Figure(0, 0, 1)}


def test_what_is_kept_is_judged_as_the_whole_is() -> None:
    start, rounds = trial([1, 0, 1, 1, 1, 1, 2, 1, 1, 1])
    kept = [each._replace(before=changed(start, each.before), after=changed(start, each.after)) for each in rounds]
    assert kept[0].before == {}
    assert judge(start, kept) == judge(start, rounds)


# From a Frame


def frame(**probes: bytes | Fault) -> Frame:
    samples = tuple(
        RawSample(name, given, None, 1.0, 1e9) if isinstance(given, bytes) else RawSample(name, None, given, 1.0, 1e9)
        for name, given in probes.items()
    )
    return Engine(MACHINE).feed(Tick(1.0, 1e9, samples))


def slabinfo(*lines: tuple[str, int, int, int]) -> bytes:
    """Name, objects in use, size of one, slabs of one page."""
    return b"slabinfo - version: 2.1\n" + b"".join(
        f"{name} {used} {used} {size} 16 1 : tunables 0 0 0 : slabdata {slabs} {slabs} 0\n".encode()
        for name, used, size, slabs in lines
    )


def vmallocinfo(*rest: str) -> bytes:
    return "".join(f"0xffffc9000000{at:04x}-0xffffc9000001{at:04x} {text}\n" for at, text in enumerate(rest)).encode()


LINKS = encode(
    "slab_links",
    ["dentry\tdir\t1", ":0000064\tdir\t-", "vmap_area\tlink\t:0000064", "Acpi-Operand\tlink\t:0000064",
     "plain\tdir\t0"],
)  # fmt: skip
MEMINFO = (
    b"MemTotal: 1000000 kB\nMemFree: 400000 kB\nActive: 1000 kB\nInactive: 0 kB\nUnevictable: 0 kB\nSlab: 4000 kB\n"
    b"SReclaimable: 100 kB\nPageTables: 20 kB\nPercpu: 30 kB\nKernelStack: 48 kB\nVmallocUsed: 100 kB\nCached: 7 kB\n"
)


def test_caches_count_objects_in_use_and_bytes() -> None:
    given = frame(slabinfo=slabinfo(("plain", 20, 128, 2), ("dentry", 5, 192, 1)), slab_links=LINKS)
    assert measure(given, with_reclaimable=False) == {("slab", "plain"): Figure(8192, 20, 128)}
    every = measure(given, with_reclaimable=True)
    assert every[("slab", "dentry")].note == "reclaimable, and still there after a drop of caches"


def test_the_cache_of_areas_is_not_accused_of_those_that_wait_to_be_purged() -> None:
    given = frame(
        slabinfo=slabinfo(("Acpi-Operand", 50, 64, 1)),
        slab_links=LINKS,
        vmallocinfo=vmallocinfo("8192 unpurged vm_area", "8192 unpurged vm_area", "8192 f+0x1/0x2 pages=1 vmalloc"),
    )
    found = measure(given, with_reclaimable=False)
    key = ("slab", "Acpi-Operand")
    assert found.keys() == {key, ("vmalloc", "f")}
    assert found[key][:4] == (4096, 50, 64, ("vmap_area",))
    grown = [{key: found[key]._replace(objects=50 + at)} for at in range(11)]
    rounds = [Round(before, after, 1, 1) for before, after in pairwise(grown)]
    (finding,) = judge(grown[0], rounds)
    assert not finding.leak
    assert "wait to be purged" in finding.note


def test_debug_caches_are_never_judged() -> None:
    names = ("kmemleak_object", "kmemleak_scan_area", "kmalloc-no-objext-128")
    given = frame(slabinfo=slabinfo(*((name, 5, 8, 1) for name in names)))
    assert measure(given, with_reclaimable=True) == {}


def test_caches_with_one_name_are_one() -> None:
    given = frame(slabinfo=slabinfo(("left", 3, 64, 1), ("left", 4, 64, 1)))
    assert measure(given, with_reclaimable=True)[("slab", "left")][:2] == (8192, 7)


def test_callers_of_modules_that_are_gone_are_one() -> None:
    given = frame(
        vmallocinfo=vmallocinfo(
            "8192 0xffffffffc0001000 pages=1 vmalloc",
            "8192 0xffffffffc0701000 pages=2 vmalloc",
            "8192 f+0x1/0x2 [m] pages=4 vmalloc",
        )
    )
    assert measure(given, with_reclaimable=False) == {
        ("vmalloc", "code of a module that is gone"): Figure(12288, 2),
        ("vmalloc", "f"): Figure(16384, 1, note="module m"),
    }


def test_counters_that_stand_alone_and_what_slabinfo_does_not_list() -> None:
    given = frame(meminfo=MEMINFO, slabinfo=slabinfo(("plain", 20, 128, 2)), slab_links=LINKS)
    found = measure(given, with_reclaimable=False)
    assert found[("slab", "large kmalloc")].bytes == (4000 << 10) - 8192
    assert found[("pagetables", "PageTables")] == Figure(20 << 10)
    assert found[("percpu", "Percpu")] == Figure(30 << 10)
    assert found[("kernelstack", "KernelStack")] == Figure(48 << 10)
    assert found[("residual", "residual")].bytes == (1000000 - 400000 - 1000 - 4000 - 20 - 30 - 48 - 100) << 10
    assert not {name for _, name in found} & {"Cached", "Active", "SReclaimable", "MemFree"}


def test_stacks_inside_vmalloc_are_judged_there() -> None:
    given = frame(meminfo=MEMINFO, vmallocinfo=vmallocinfo("20480 kernel_clone+0x1/0x2 pages=12 vmalloc"))
    found = measure(given, with_reclaimable=False)
    assert ("kernelstack", "KernelStack") not in found
    assert found[("vmalloc", "kernel_clone")] == Figure(49152, 1)
    assert ("slab", "large kmalloc") not in found


def test_what_cannot_be_read_is_not_there() -> None:
    denied = Fault("denied", "/proc/slabinfo: permission denied")
    found = measure(frame(meminfo=MEMINFO, slabinfo=denied, slab_links=LINKS), with_reclaimable=True)
    assert not [key for key in found if key[0] == "slab"]
