"""Tracing allocations: the kernel's filters, the matching of allocations and frees, and the sites that come of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaktop.engine.tracing.outstanding import Held, Outstanding
from leaktop.engine.tracing.plan import EVENTS, Plan, PlanError, is_kmalloc, plan
from leaktop.engine.tracing.sampling import MOST_BITS, Sampling
from leaktop.engine.tracing.sites import is_slab, make_sites, passes
from leaktop.model.allocations import Subject
from leaktop.parsers.trace_events import Allocated, Freed, Record
from leaktop.parsers.trace_format import EventFormat, parse_event_format

DATA = Path(__file__).parents[1] / "data/trace"
ALL = Sampling(6)


def formats(machine: str = "live-6.18", **others: str) -> dict[str, EventFormat]:
    """What a kernel has of the events, and others that are made up of their fields."""
    found: dict[str, EventFormat] = {}
    for paths in EVENTS.values():
        for path in paths:
            name = path.rpartition("/")[2]
            file = DATA / f"{machine}-{name}-format.txt"
            if name in others:
                fields = "".join(
                    f"\tfield:unsigned long {field};\toffset:{at};\tsize:{size};\tsigned:0;\n"
                    for field, at, size in [("common_flags", 2, 1), ("common_pid", 4, 4)]
                    + [(field, 8 * (at + 1), 8) for at, field in enumerate(others[name].split())]
                )
                found[path] = parse_event_format(f"name: {name}\nID: {len(found) + 1}\nformat:\n{fields}\n".encode())
            elif file.exists():
                found[path] = parse_event_format(file.read_bytes())
    return found


def filters(found: Plan, sampling: Sampling | None = None) -> dict[str, str]:
    return {wanted.path.rpartition("/")[2]: wanted.filter(sampling or found.sampling) for wanted in found.events}


def cache(name: str, *aliases: str, size: int = 192) -> Subject:
    return Subject("slab", name, (name, *aliases), size)


def test_a_cache_is_told_by_its_name_where_the_kernel_says_it() -> None:
    found = plan(cache("filp"), formats(), 4096, has_accounted=True)
    assert filters(found) == {"kmem_cache_alloc": 'name == "filp"', "kmem_cache_free": 'name == "filp"'}
    assert not found.notes


def test_a_cache_is_told_by_its_size_where_events_have_no_name() -> None:
    found = plan(cache("filp"), formats("vm-6.12b"), 4096, has_accounted=True)
    # A free is of what was counted too, whatever cache it names.
    assert filters(found) == {"kmem_cache_alloc": "bytes_alloc == 192", "kmem_cache_free": ""}
    assert any("others whose objects are as large" in note for note in found.notes)


@pytest.mark.parametrize("name", ['a"b', "a\nb", "a\\b", "é"])
def test_a_name_that_no_filter_can_hold_is_told_by_its_size(name: str) -> None:
    found = plan(cache(name), formats(), 4096, has_accounted=True)
    assert filters(found) == {"kmem_cache_alloc": "bytes_alloc == 192", "kmem_cache_free": ""}


@pytest.mark.parametrize(
    ("name", "has_accounted", "condition"),
    [
        ("kmalloc-64", True, "bytes_alloc == 64 && !(gfp_flags & 0x400011)"),
        ("kmalloc-64", False, "bytes_alloc == 64 && !(gfp_flags & 0x11)"),
        ("kmalloc-cg-64", True, "bytes_alloc == 64 && (gfp_flags & 0x400000) && !(gfp_flags & 0x11)"),
        ("kmalloc-rcl-64", True, "bytes_alloc == 64 && (gfp_flags & 0x10) && !(gfp_flags & 0x1)"),
        ("dma-kmalloc-64", True, "bytes_alloc == 64 && (gfp_flags & 0x1)"),
    ],
)
@pytest.mark.parametrize("machine", ["live-6.18", "vm-6.12b"])
def test_kinds_of_kmalloc_are_told_apart(machine: str, name: str, has_accounted: bool, condition: str) -> None:
    found = plan(cache(name, size=64), formats(machine), 4096, has_accounted=has_accounted)
    assert filters(found) == {"kmalloc": condition, "kfree": ""}


def test_what_is_merged_with_kmalloc_is_watched_by_both_pairs() -> None:
    found = plan(cache("kmalloc-192", "skbuff_x"), formats(), 4096, has_accounted=False)
    assert list(filters(found)) == ["kmem_cache_alloc", "kmalloc", "kmem_cache_free", "kfree"]


def test_kernels_before_6_1_have_events_of_nodes_too() -> None:
    old = formats("none", kmem_cache_alloc="call_site ptr bytes_req bytes_alloc gfp_flags",
                  kmem_cache_alloc_node="call_site ptr bytes_req bytes_alloc gfp_flags node",
                  kmem_cache_free="call_site ptr")  # fmt: skip
    assert filters(plan(cache("filp"), old, 4096, has_accounted=False)) == {
        "kmem_cache_alloc": "bytes_alloc == 192", "kmem_cache_alloc_node": "bytes_alloc == 192", "kmem_cache_free": "",
    }  # fmt: skip


def test_pages_are_those_of_the_kernel_and_large_blocks_are_never_passed_over() -> None:
    found = plan(Subject("pages", ""), formats(), 4096, has_accounted=True)
    assert filters(found) == {"mm_page_alloc": "!(gfp_flags & 0x8)", "mm_page_free": ""}
    some = found.sampling._replace(tests=((3, 1), (4, 0)))
    assert filters(found, some) == {
        "mm_page_alloc": "(order > 3 || ((pfn & 0x8) && !(pfn & 0x10))) && !(gfp_flags & 0x8)",
        "mm_page_free": "(order > 3 || ((pfn & 0x8) && !(pfn & 0x10)))",
    }
    assert some.includes(0x0, 4096 << 4)
    assert not some.includes(0x0, 4096 << 3)


def test_per_cpu_memory_is_told_by_events_of_its_own() -> None:
    found = plan(Subject("percpu", "percpu"), formats(), 4096, has_accounted=True)
    assert filters(found) == {"percpu_alloc_percpu": "", "percpu_free_percpu": ""}
    assert not found.notes
    old = formats("none", percpu_alloc_percpu="reserved is_atomic size align base_addr off ptr",
                  percpu_free_percpu="base_addr off ptr")  # fmt: skip
    assert "every possible CPU" in plan(Subject("percpu", "percpu"), old, 4096, has_accounted=True).notes[0]
    with pytest.raises(PlanError, match=r"4\.13"):
        plan(Subject("percpu", "percpu"), formats("none"), 4096, has_accounted=True)


def test_pages_of_old_kernels_go_by_the_address_of_their_struct() -> None:
    old = formats("none", mm_page_alloc="page order gfp_flags migratetype", mm_page_free_direct="page order")
    found = plan(Subject("pages", ""), old, 4096, has_accounted=False)
    assert [wanted.key for wanted in found.events] == ["page", "page"]
    assert any("does not say which" in note for note in found.notes)


def test_the_reader_is_left_out_of_what_allocates_but_not_of_what_frees() -> None:
    found = plan(cache("filp"), formats(), 4096, has_accounted=True)
    allocates, frees = (wanted.filter(found.sampling, 77) for wanted in found.events)
    assert allocates == 'name == "filp" && common_pid != 77'
    assert frees == 'name == "filp"'


@pytest.mark.parametrize("subject", [cache("filp"), Subject("pages", ""), Subject("vmalloc", "f"), cache("kmalloc-8")])
def test_a_kernel_without_the_events_is_said_to_be_so(subject: Subject) -> None:
    with pytest.raises(PlanError, match="this kernel has no trace events"):
        plan(subject, {}, 4096, has_accounted=True)


@pytest.mark.parametrize("name", ["kmalloc-8", "kmalloc-1k", "kmalloc-cg-96", "dma-kmalloc-64", "kmalloc-rnd-05-256",
                                  "size-64", "kmalloc-rcl-2k"])  # fmt: skip
def test_caches_of_kmalloc(name: str) -> None:
    assert is_kmalloc(name)
    assert not is_kmalloc(f"my_{name}")


keys = st.integers(0, 1 << 20).map(lambda number: 0xFFFF888000000000 + number * 64)


def evaluate(condition: str, field: str, key: int) -> bool:
    """A filter as the kernel understands it."""
    python = re.sub(r"!(?=\()", " not ", condition.replace("&&", " and ").replace("||", " or "))
    return bool(eval(python or "True", {field: key}))


@given(st.lists(st.integers(1, 4), max_size=5), st.lists(keys, max_size=60), st.randoms(), keys)
def test_the_kernel_and_the_matching_look_at_the_same_objects(
    steps: list[int], freed: list[int], random: object, key: int
) -> None:
    coin = iter(lambda: bool(random.getrandbits(1)), None)  # type: ignore[attr-defined]  # hypothesis's stand-in for random
    sampling = ALL
    for bits in steps:
        narrower = sampling.narrowed(bits, freed, lambda: next(coin))
        assert narrower.one_of == min(sampling.one_of << bits, 1 << MOST_BITS)
        assert narrower.tests[: len(sampling.tests)] == sampling.tests  # what is seen now was seen before
        sampling = narrower
    assert evaluate(sampling.condition("ptr"), "ptr", key) == sampling.includes(key, 64)


def test_one_half_is_looked_at_whatever_is_freed_most() -> None:
    hot = [0x1000 + at * 64 for at in range(16)]
    for side in (False, True):
        narrowed = ALL.narrowed(2, hot, lambda side=side: side)  # type: ignore[misc]  # mypy has no type for a lambda with a default
        assert sum(narrowed.includes(key, 64) for key in hot) == 4


events = st.lists(st.tuples(st.booleans(), st.integers(0, 7), st.integers(0, 3)), max_size=60)


@given(events, st.integers(0, 60), st.randoms())
def test_what_is_held_is_what_was_allocated_and_not_freed(
    story: list[tuple[bool, int, int]], cut: int, random: object
) -> None:
    """Whatever the order in which CPUs are read, and though fewer are looked at from some moment on."""
    records: list[Record] = [
        Allocated(at, key * 64, 64, bytes([stack]), 1) if allocates else Freed(at, key * 64)
        for at, (allocates, key, stack) in enumerate(story)
    ]
    fewer = ALL.narrowed(1, [], lambda: True)
    table = Outstanding(ALL)
    for part, narrows in ((records[:cut], True), (records[cut:], False)):
        shuffled = list(part)
        random.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis's stand-in for random
        table.take(shuffled)
        if narrows:
            table.narrow(fewer)
    expected: dict[int, Allocated] = {}
    for record in records:
        expected.pop(record.key, None)
        if isinstance(record, Allocated) and fewer.includes(record.key, 64):
            expected[record.key] = record
    by_stack = {held.stack: held for held in table.by_stack()}
    assert len(table) == len(expected)
    assert {stack: held.count for stack, held in by_stack.items()} == {
        stack: 2 * sum(record.stack == stack for record in expected.values())
        for stack in {record.stack for record in expected.values()}
    }
    assert all(held.size == 64 * held.count for held in by_stack.values())
    for held in by_stack.values():
        times = [record.time for record in expected.values() if record.stack == held.stack]
        assert (held.first, held.last) == (min(times), max(times))


def test_a_free_that_is_read_late_frees_nothing_newer() -> None:
    table = Outstanding(ALL)
    table.take([Allocated(50, 64, 64, b"s", 1)])
    table.take([Freed(40, 64)])
    assert len(table) == 1
    table.take([Freed(60, 64)])
    assert len(table) == 0


def test_an_object_that_comes_again_was_freed_unseen() -> None:
    table = Outstanding(ALL)
    table.take([Allocated(1, 64, 64, b"a", 1), Allocated(2, 64, 64, b"b", 1)])
    assert table.reused == 1
    assert [(held.stack, held.count) for held in table.by_stack()] == [(b"b", 1)]


def test_memory_is_bounded_and_what_is_left_out_is_counted() -> None:
    table = Outstanding(ALL, most=10)
    table.take([Allocated(at, at * 64, 64, b"s", 1) for at in range(25)])
    assert (len(table), table.dropped, table.is_full) == (10, 15, True)


def test_times_when_nobody_looked_are_made_up_for() -> None:
    table = Outstanding(ALL)
    table.take([Allocated(1, 64, 100, b"s", 1)])
    table.take([Allocated(2, 128, 100, b"s", 1)], times=4)
    (held,) = table.by_stack()
    assert (held.count, held.size) == (5, 500)


def held(stack: list[int], count: int = 1, threads: tuple[int, ...] = (7,)) -> Held:
    return Held(b"".join(address.to_bytes(8, "little") for address in stack), count, 100 * count, 1, 2, threads)


NAMES = {
    1: "trace_event_raw_event_kmem_cache_alloc+0xe1/0x160", 2: "kmem_cache_alloc_noprof+0x227/0x570",
    3: "alloc_empty_file+0x3c/0x110", 4: "path_openat+0x40/0x12d0", 5: "path_openat+0x99/0x12d0",
    6: "kmalloc+0x1/0x2 [mine]", 7: "__alloc_frozen_pages_noprof+0x1/0x2", 8: "allocate_slab+0x1/0x2",
    9: "alloc_pages_mpol+0x1/0x2",
}  # fmt: skip


def sites_of(*some: Held) -> list[tuple[tuple[str, ...], int | None, tuple[str, ...], str | None]]:
    found = make_sites(some, lambda address: NAMES[address], lambda thread: f"t ({thread})", 5, 8, {})
    return [(site.stack, site.count, site.comms, site.module) for site in found]


def test_paths_that_differ_in_offsets_alone_are_one_and_begin_behind_the_allocator() -> None:
    assert sites_of(held([1, 2, 3, 4], 2), held([2, 3, 5], 3, (8,))) == [
        ((NAMES[3], NAMES[4]), 5, ("t (8)", "t (7)"), None)
    ]


def test_a_function_of_a_module_is_to_blame_whatever_it_is_called() -> None:
    assert sites_of(held([2, 6, 4])) == [((NAMES[6], NAMES[4]), 1, ("t (7)",), "mine")]


def test_how_much_comes_is_told_of_the_place_whatever_way_leads_there() -> None:
    some = [held([2, 3, 4]), held([2, 3, 5]), held([2, 6, 4]), held([2, 4])]
    rates = {3: 40.0, 6: 0.5, 99: 7.0}
    found = make_sites(some, lambda address: NAMES[address], str, 5, 8, rates)
    assert {site.stack[0]: site.arrivals for site in found} == {NAMES[3]: 40.0, NAMES[6]: 0.5, NAMES[4]: None}


def test_a_stack_of_nothing_but_allocators_keeps_them() -> None:
    assert sites_of(held([1, 2])) == [((NAMES[2],), 1, ("t (7)",), None)]


def test_pages_of_slabs_are_told_from_others() -> None:
    slab, other = (
        make_sites([held(stack)], lambda address: NAMES[address], str, 5, 8, {})[0]
        for stack in ([7, 9, 8, 3], [7, 3, 4])
    )
    assert is_slab(slab)
    assert not is_slab(other)
    assert other.stack[0] == NAMES[3]
    assert passes(other, "path_openat")
    assert not passes(other, "path_open")
