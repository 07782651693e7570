"""The residual on every machine of the corpus, and on the traps of its formula one by one."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from leaktop.engine.residual import Evidence, balloon_bytes, hugepages_bytes, noise, residual, vmalloc_bytes
from leaktop.model.frame import Residual
from leaktop.model.records import HugePagePool, Meminfo, VmallocGroup
from leaktop.parsers.meminfo import parse_meminfo
from leaktop.parsers.vmallocinfo import sum_vmallocinfo
from leaktop.parsers.vmstat import parse_vmstat
from leaktop.parsers.zoneinfo import parse_pcp_pages
from tests.corpus import ABSENT, CORPUS, capture, captures

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30
MACHINES = sorted({path.stem.removeprefix("meminfo__") for path in captures("meminfo")})
needs_corpus = pytest.mark.skipif(not CORPUS.is_dir(), reason=ABSENT)
PARTIAL = {"h-el7-3.10-blog", "sysstat", "nodeexp", "goproc-1", "goproc-2"}
"""Captures that are cut, or that someone edited for a test: their figures are of no one machine."""
CONTAINERS = {"hotsos-rabbitmq", "hotsos-vault"}
"""LXC shows its limit as MemTotal, and the host's figures beside it."""


def evidence(machine: str) -> Evidence:
    meminfo, zones = capture("meminfo", machine), capture("zoneinfo", machine)
    vmstat, areas = capture("vmstat", machine), capture("vmallocinfo", machine)
    assert meminfo is not None
    return Evidence(
        parse_meminfo(meminfo),
        parse_pcp_pages(zones) if zones else None,
        parse_vmstat(vmstat) if vmstat else None,
        None,
        sum_vmallocinfo(areas) if areas else None,
        4096,
        None,
    )


def made(
    amounts: dict[str, int] | None = None,
    counts: dict[str, int] | None = None,
    *,
    vmalloc: list[VmallocGroup] | None = None,
    vmstat: dict[str, int] | None = None,
    pools: list[HugePagePool] | None = None,
    pcp_pages: int | None = 0,
    vmap_stack: bool | None = None,
) -> Evidence:
    """A machine of 16 GiB that counts everything: its residual is zero."""
    whole = {
        "MemTotal": 16 * GIB,
        "MemFree": 8 * GIB,
        "Active": 4 * GIB,
        "Inactive": 2 * GIB,
        "Unevictable": GIB,
        "Slab": GIB - MIB,
        "VmallocUsed": MIB,
        "VmallocChunk": 0,
    }
    return Evidence(Meminfo(whole | (amounts or {}), counts or {}), pcp_pages, vmstat, pools, vmalloc, 4096, vmap_stack)


def group(caller: str, pages: int, kind: str = "vmalloc") -> VmallocGroup:
    return VmallocGroup(caller, None, kind, 1, (pages + 1) * 4096, pages)


def left(found: Residual) -> int:
    assert found.bytes is not None
    return found.bytes


@pytest.mark.parametrize("machine", MACHINES)
def test_the_residual_is_the_signed_sum_of_its_terms(machine: str) -> None:
    found = residual(evidence(machine))
    if found.bytes is None:
        assert found.reason
        assert found.terms == ()
        return
    assert found.reason is None
    assert found.bytes == sum(term.sign * term.bytes for term in found.terms if term.bytes is not None)
    assert all(term.sign == 0 for term in found.terms if term.bytes is None)
    names = [term.name for term in found.terms]
    assert len(names) == len(set(names))
    assert names[:2] == ["MemTotal", "MemFree"]


@pytest.mark.parametrize("machine", sorted(set(MACHINES) - PARTIAL - CONTAINERS))
def test_no_machine_counts_more_than_it_has(machine: str) -> None:
    given = evidence(machine)
    found = residual(given)
    if found.bytes is not None:
        assert found.bytes >= -noise(given.meminfo.amounts["MemTotal"])


@needs_corpus
@pytest.mark.parametrize(
    ("machine", "low", "high"),
    [
        ("coreos", 5.2 * GIB, 5.3 * GIB),  # a Hyper-V balloon that no counter of 4.18 names
        ("zte", -2 * MIB, 60 * MIB),  # VmallocUsed there is 186 MiB of addresses on a machine of 94 MiB
        ("hotsos-kubernetes", 0, 32 * MIB),
        ("jc", -16 * MIB, 16 * MIB),
    ],
)
def test_known_machines(machine: str, low: float, high: float) -> None:
    assert low <= left(residual(evidence(machine))) <= high


@needs_corpus
def test_what_vmallocused_means_is_told_from_the_figures() -> None:
    addresses, zero, memory = evidence("zte"), evidence("coreos"), evidence("hotsos-kubernetes")
    assert vmalloc_bytes(addresses) == 4096 * sum(
        int(pages) for pages in re.findall(rb"pages=(\d+)", capture("vmallocinfo", "zte") or b"")
    )
    assert (vmalloc_bytes(addresses) or 0) < 16 * MIB < addresses.meminfo.amounts["VmallocUsed"]
    assert zero.meminfo.amounts["VmallocUsed"] == 0
    assert (vmalloc_bytes(zero) or 0) > 10 * MIB
    assert vmalloc_bytes(memory) == memory.meminfo.amounts["VmallocUsed"]
    listed = sum(g.pages for g in memory.vmalloc or ()) * 4096
    assert vmalloc_bytes(memory) == pytest.approx(listed, abs=64 * KIB)


def test_the_per_cpu_lists_are_free_memory_on_this_machine() -> None:
    areas = sum_vmallocinfo(Path("/proc/vmallocinfo").read_bytes())

    def read() -> Evidence:
        zones, meminfo = Path("/proc/zoneinfo").read_bytes(), Path("/proc/meminfo").read_bytes()
        vmstat = parse_vmstat(Path("/proc/vmstat").read_bytes())
        return Evidence(parse_meminfo(meminfo), parse_pcp_pages(zones), vmstat, None, areas, 4096, None)

    live = min((read() for _ in range(20)), key=lambda given: abs(left(residual(given))))
    without = residual(dataclasses.replace(live, pcp_pages=None))
    with_lists = residual(live)
    assert left(without) - left(with_lists) == (live.pcp_pages or 0) * 4096
    assert abs(left(with_lists)) < noise(live.meminfo.amounts["MemTotal"])
    assert without.terms != with_lists.terms
    assert any(term.bytes is None and term.sign == 0 and "zoneinfo" in term.note for term in without.terms)


def test_everything_counted_leaves_nothing() -> None:
    assert residual(made()).bytes == 0


@pytest.mark.parametrize(
    "name",
    ["PageTables", "SecPageTables", "Quicklists", "Percpu", "Bounce", "WritebackTmp", "HardwareCorrupted",
     "GPUActive", "GPUReclaim", "KernelStack", "ShadowCallStack", "Hugetlb", "Zswap"],
)  # fmt: skip
def test_each_counter_takes_its_part(name: str) -> None:
    assert residual(made({name: 5 * MIB})).bytes == -5 * MIB


@pytest.mark.parametrize("name", ["Mlocked", "Shmem", "Mapped", "AnonHugePages", "CmaTotal", "SReclaimable", "Vendor"])
def test_what_lies_inside_other_lines_is_not_counted_again(name: str) -> None:
    assert residual(made({name: 5 * MIB})).bytes == 0


def test_the_lists_are_used_or_else_what_is_on_them() -> None:
    given = made({"AnonPages": 3 * GIB, "Cached": 4 * GIB, "Buffers": 0, "SwapCached": 0})
    assert residual(given).bytes == 0
    fewer = {name: size for name, size in given.meminfo.amounts.items() if name != "Unevictable"}
    names = [term.name for term in residual(dataclasses.replace(given, meminfo=Meminfo(fewer, {}))).terms]
    assert "Active" not in names
    assert {"AnonPages", "Cached"} <= set(names)


def test_reclaimable_memory_outside_the_slab() -> None:
    assert residual(made({"KReclaimable": 70 * MIB, "SReclaimable": 50 * MIB})).bytes == -20 * MIB


def test_no_vmalloc_figure_no_residual() -> None:
    for amounts in ({"VmallocUsed": 0}, {"VmallocUsed": 90 * MIB, "VmallocChunk": GIB}):
        found = residual(made(amounts))
        assert (found.bytes, found.terms) == (None, ())
        assert "vmallocinfo cannot be read" in (found.reason or "")
    assert residual(made({"VmallocUsed": 0}, vmalloc=[group("a", 256)])).bytes == 0


def test_without_memtotal_there_is_no_sum() -> None:
    found = residual(dataclasses.replace(made(), meminfo=Meminfo({"MemTotal": 5}, {})))
    assert found == Residual(None, (), "/proc/meminfo has no MemTotal or MemFree")


@pytest.mark.parametrize(
    ("vmalloc", "configured", "inside"),
    [
        ([group("alloc_thread_stack_node", 2500)], None, True),
        ([group("dup_task_struct", 2500)], False, True),  # what the kernel does outweighs what a file says
        ([group("dup_task_struct", 3)], True, False),
        ([group("some_driver", 25000)], None, False),
        (None, True, True),
        (None, False, False),
        (None, None, False),
    ],
)
def test_stacks_inside_vmalloc_are_counted_once(
    vmalloc: list[VmallocGroup] | None, configured: bool | None, inside: bool
) -> None:
    found = residual(made({"KernelStack": 10 * MIB}, vmalloc=vmalloc, vmap_stack=configured))
    assert found.bytes == (0 if inside else -10 * MIB)
    (stacks,) = (term for term in found.terms if term.name == "KernelStack")
    assert (stacks.sign, stacks.bytes, bool(stacks.note)) == (0 if inside else -1, 10 * MIB, inside)


def test_huge_pages_of_every_size() -> None:
    pools = [HugePagePool(2 * MIB, 10, 0, 0, 0), HugePagePool(GIB, 1, 0, 0, 0), HugePagePool(64 * KIB, None, 0, 0, 0)]
    default = {"HugePages_Total": 10}
    assert hugepages_bytes(made({"Hugetlb": 7 * MIB}, pools=pools)) == 7 * MIB
    assert hugepages_bytes(made(pools=pools)) == GIB + 20 * MIB
    assert hugepages_bytes(made({"Hugepagesize": 2 * MIB}, default)) == 20 * MIB
    assert hugepages_bytes(made()) is None


def test_compressed_memory_is_counted_once() -> None:
    assert residual(made({"Zswap": 9 * MIB}, vmstat={"nr_zspages": 1024})).bytes == -4 * MIB


def test_a_balloon_outside_memtotal_is_shown_and_not_summed() -> None:
    found = residual(made({"Balloon": 4 * GIB}))
    assert found.bytes == 0
    assert (found.terms[-1].name, found.terms[-1].bytes, found.terms[-1].sign) == ("Balloon", 4 * GIB, 0)


def test_a_balloon_inside_memtotal_explains_the_ghost() -> None:
    found = residual(made({"MemFree": 4 * GIB}, vmstat={"balloon_inflate": GIB // 1024, "balloon_deflate": 0}))
    assert found.bytes == 0
    assert (found.terms[-1].name, found.terms[-1].bytes, found.terms[-1].sign) == ("Balloon", 4 * GIB, -1)


def test_where_a_balloon_is_counted() -> None:
    assert balloon_bytes(made()) is None
    assert balloon_bytes(made(vmstat={"nr_free_pages": 1})) is None
    assert balloon_bytes(made(vmstat={"balloon_inflate": 7, "balloon_deflate": 5})) == 8192
    assert balloon_bytes(made(vmstat={"balloon_inflate": 5, "balloon_deflate": 7})) == 0
    assert balloon_bytes(made({"Balloon": 4096}, vmstat={"balloon_inflate": 7})) == 4096
