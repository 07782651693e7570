from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaktop.engine.oom_blame import judge, shares
from leaktop.model.oom import OomCache, OomKill, OomReport
from leaktop.parsers.kernel_log import parse_kernel_log
from leaktop.parsers.oom import parse_oom
from tests.corpus import ABSENT, capture

MIB = 1 << 20
SOCKETS = ", which are socket buffers: they go with whoever holds them, and may be a process's doing"
CUT = "whether anything was killed is not in the report: the report is cut, so whose memory it was is not known"
CAPTURES = {
    "vm-5.10b-oom_slab": """held: killing helper (1777) freed 32.0K of the 451M in use: unreclaimable slab holds 405M
        (kmalloc-1k 311M, skbuff_head_cache 77.9M)"""
    + SOCKETS,
    "vm-5.10slab-oom_slab": """held: killing helper (197) freed 32.0K of the 448M in use: unreclaimable slab holds 407M
        (kmalloc-1k 314M, skbuff_head_cache 78.4M)"""
    + SOCKETS,
    "vm-7.2b-oom_slab": """held: killing helper (7977) freed 716K of the 457M in use: unreclaimable slab holds 407M
        (kmalloc-cg-1k 302M, skbuff_head_cache 75.7M)"""
    + SOCKETS,
    "vm-5.10slab-oom_user": "process: killing helper (203) freed 416M of the 452M in use: so it was that process",
    "vm-6.1b-oom_user": "process: killing helper (2126) freed 425M of the 466M in use: so it was that process",
    "vm-7.2b-oom_user": "process: killing helper (7982) freed 417M of the 464M in use: so it was that process",
    "hotsos-sysrq-f": """forced: killing gnome-shell (955) freed 76.8M of the 2.97G in use: somebody asked for it with
        SysRq f, memory had not run out""",
    "lkp-01": """tmpfs: whether anything was killed is not in the report: tmpfs and shared memory held 160M,
        which killing does not give back""",
    "lkp-12": f"unknown: {CUT}",
    "lkp-49": f"unknown: {CUT}",
    "syz-334": f"unknown: {CUT}",
    "h-4.15-arm-unreclaimable-slab-list": f"unknown: {CUT}",
}


@pytest.mark.parametrize("machine", CAPTURES)
def test_captures_are_judged(machine: str) -> None:
    content = capture("oom", machine)
    if content is None:
        pytest.skip(ABSENT)
    [report] = parse_oom(parse_kernel_log(content))
    judgement = judge(report)
    assert f"{judgement.blame}: {judgement.text}" == " ".join(CAPTURES[machine].split())


def report(*, killed: int | None = 1, order: int = 0, caches: dict[str, int] | None = None, **mib: int) -> OomReport:
    """A machine of 1000 MiB with 10 free, and so many MiB of each counter."""
    memory = {
        "ram": 1000 * MIB, "reserved": 0, "free": 10 * MIB, "active_anon": 0, "inactive_anon": 0,
        "slab_unreclaimable": 0, "zspages": 0,
    } | {name: size * MIB for name, size in mib.items()}  # fmt: skip
    kill = OomKill(7, "sshd", 0, 9 * MIB, killed and killed * MIB, 0, 0, 0)
    slab = tuple(OomCache(name, size * MIB, size * MIB) for name, size in (caches or {}).items())
    return OomReport(
        1.0, None, "cc1", "0xcc0", order, "CONSTRAINT_NONE", None, None, 4096, memory, slab, (), (), (kill,)
    )


def test_slab_that_no_process_holds_is_the_kernels() -> None:
    found = judge(report(slab_unreclaimable=800, caches={"kmalloc-64": 700, "dentry": 20}, active_anon=50))
    assert found.blame == "kernel"
    assert found.text == (
        "killing sshd (7) freed 1.00M of the 990M in use: unreclaimable slab holds 800M (kmalloc-64 700M), "
        "so it was the kernel"
    )
    assert (found.freed, found.in_use) == (MIB, 990 * MIB)


def test_pages_that_nothing_counts_are_the_kernels_or_its_drivers() -> None:
    found = judge(report(slab_unreclaimable=100, active_anon=50))
    assert found.blame == "kernel"
    assert "slab holds 100M and 840M are in no counter (drivers, vmalloc, pipes, a balloon)" in found.text


@pytest.mark.parametrize(
    ("case", "blame"),
    [
        (report(killed=600, active_anon=700), "process"),
        (report(killed=100, active_anon=700), "processes"),
        (report(killed=1, active_anon=700, shmem=690), "tmpfs"),
        (report(killed=1, hugepages=800, slab_unreclaimable=100), "hugepages"),
        # A third of it in processes: neither side had most.
        (report(killed=1, active_anon=330, slab_unreclaimable=500), "unknown"),
        (report(killed=300, active_anon=300, slab_unreclaimable=600), "unknown"),
        (report(slab_unreclaimable=100, active_file=600), "unknown"),
        (report(free=300, order=4, slab_unreclaimable=600), "fragmented"),
        (report(slab_unreclaimable=700, kernel_stack=150), "held"),
        (report(slab_unreclaimable=700, caches={"filp": 150, "kmalloc-64": 300}), "held"),
        (replace(report(slab_unreclaimable=700), cgroup="/box", limit=MIB), "limit"),
        (replace(report(slab_unreclaimable=700), constraint="CONSTRAINT_CPUSET"), "nodes"),
        (replace(report(slab_unreclaimable=700), order=-1), "forced"),
        (replace(report(slab_unreclaimable=700), memory={"ram": 1000 * MIB}), "unknown"),
    ],
)
def test_whose_memory_it_was(case: OomReport, blame: str) -> None:
    assert judge(case).blame == blame


def test_memory_in_no_counter_may_be_compressed_swap() -> None:
    swapped = report(swap_total=2000, swap_free=100, active_anon=100)
    without = replace(swapped, memory={name: size for name, size in swapped.memory.items() if name != "zspages"})
    assert judge(without).blame == "unknown"
    assert judge(swapped).blame == "kernel"
    assert judge(report(zspages=700, swap_total=2000, swap_free=100)).blame == "processes"


def test_a_kill_alone_accuses_nobody() -> None:
    [alone] = parse_oom(
        parse_kernel_log(b"Out of memory: Killed process 7 (a) total-vm:9kB, anon-rss:8kB, file-rss:0kB\n")
    )
    found = judge(alone)
    assert (found.blame, found.freed, found.in_use) == ("unknown", 8192, None)
    assert found.text == "killing a (7) freed 8.00K: the report is cut, so whose memory it was is not known"


SIZES = st.integers(0, 1200)


@given(st.lists(SIZES, min_size=10, max_size=10), st.none() | SIZES, st.booleans())
def test_the_kernel_is_accused_only_where_processes_had_little(
    sizes: list[int], killed: int | None, swap: bool
) -> None:
    names = (
        "active_anon inactive_anon shmem slab_unreclaimable slab_reclaimable active_file pagetables kernel_stack "
        "hugepages free"
    )
    counters = {name: size * MIB for name, size in zip(names.split(), sizes, strict=True)}
    plain = report(killed=killed, swap_total=1000 * swap)
    case = replace(plain, memory={**plain.memory, **counters})
    found, held = judge(case), shares(case)
    assert held is not None
    assert all(part >= 0 for part in (held.processes, held.cache, held.hugepages, held.slab, held.uncounted))
    if found.blame == "kernel":
        assert held.processes + held.tmpfs <= held.in_use / 4
        assert killed is None or killed * MIB <= held.in_use / 4
        assert held.kernel >= held.in_use / 2
    if found.blame == "process":
        assert killed is not None
