"""Who allocates this? The facilities that need no tracing, on captured trees: whom they name, or what they say."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

import pytest

from leaktop.engine.allocations import FACILITIES, AskError, Watch, ask, choose
from leaktop.engine.known_page_users import counted_as, function_of
from leaktop.model.allocations import Subject
from leaktop.sources import on_request
from tests.corpus import DATA
from tests.trees import put

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from leaktop.model.allocations import Allocations

PROFILED = (DATA / "allocinfo" / "lab-6.12.txt").read_bytes()
SLABS = (DATA / "slabinfo" / "lab-6.12.txt").read_bytes()
TRACES = (DATA / "slab_alloc_traces" / "lab-6.12-leakgen_cache.txt").read_bytes()
CALLS = (DATA / "slab_alloc_calls" / "vm-5.10b-kmalloc-64.txt").read_bytes()
STACKS = (DATA / "page_owner_stacks" / "vm-6.12b-show_stacks.txt").read_bytes().rpartition(b"\n\n")[0] + b"\n\n"
LARGE = b""" post_alloc_hook+0x12d/0x140
 get_page_from_freelist+0x284/0x1450
 __alloc_pages_noprof+0x147/0x2c0
 ___kmalloc_large_node+0xd8/0x100
 __kmalloc_large_noprof+0x1d/0x90
 leakgen_kmalloc_large+0x35/0x40 [leakgen]
 kind_leak+0xbe/0x130 [leakgen]
nr_base_pages: %d

"""
PAGES = Subject("pages", "")
KMALLOC_64 = Subject("slab", "kmalloc-64", ("kmalloc-64",), 192)
CACHE = Subject("slab", "leakgen_cache", ("leakgen_cache",), 384)
DEBUGFS = "sys/kernel/debug"
SHOW_STACKS = f"{DEBUGFS}/page_owner_stacks/show_stacks"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """The lab's 6.12 after leakgen took a hundred of each kind."""
    put(tmp_path, "proc/allocinfo", PROFILED)
    put(tmp_path, "proc/slabinfo", SLABS)
    put(tmp_path, "proc/sys/vm/mem_profiling", "1\n")
    put(tmp_path, f"{DEBUGFS}/slab/leakgen_cache/alloc_traces", TRACES)
    put(tmp_path, SHOW_STACKS, STACKS + LARGE % 800)
    return tmp_path


def once(root: Path, subject: Subject, wanted: str | None = None) -> Allocations:
    return ask(Watch(subject, 0.0, str(root)), wanted)


def watched(root: Path, subject: Subject, meanwhile: Callable[[], object], wanted: str) -> Allocations:
    """The answer where something happens between the two reads."""

    def progress(_: float) -> None:
        meanwhile()

    return ask(Watch(subject, 0.01, str(root), on_progress=progress), wanted)


def why_not(root: Path | str, subject: Subject, wanted: str) -> str:
    with pytest.raises(AskError) as refusal:
        choose(subject, str(root), wanted)
    return str(refusal.value).removeprefix(f"{wanted}: ")


# allocinfo


@pytest.mark.parametrize(
    ("subject", "function", "count", "size"),
    [
        (KMALLOC_64, "leakgen_kmalloc_64", 100, 19200),
        (CACHE, "leakgen_cache_alloc", 100, 38400),
        (Subject("slab", "leakgen_nomerge", (), 432), "leakgen_nomerge_alloc", 100, 43200),
        (Subject("vmalloc", "leakgen_vmalloc"), "leakgen_vmalloc", 1700, 6579200),
        (Subject("vmalloc", "leakgen_vmalloc.isra.0"), "leakgen_vmalloc", 1700, 6579200),
        (PAGES, "leakgen_kmalloc_large", 100, 3276800),
        (PAGES, "leakgen_alloc_pages", 100, 409600),
    ],
)
def test_profiling_names_the_line(tree: Path, subject: Subject, function: str, count: int, size: int) -> None:
    found = once(tree, subject)
    assert (found.facility, found.seconds, found.subject) == ("allocinfo", None, subject)
    [site] = [site for site in found.sites if site.stack == (f"{function} [leakgen]",)]
    assert (site.count, site.bytes, site.growth, site.module) == (count, size, None, "leakgen")
    assert site.location is not None
    assert site.location.startswith("drivers/lab/test/leakgen.c:")
    if subject.kind == "slab":
        assert all(other.bytes == (other.count or 0) * (subject.object_size or 0) for other in found.sites)


def test_what_grew_comes_first(tree: Path) -> None:
    before = b"       19200      100 drivers/lab/test/leakgen.c:111"
    assert before in PROFILED
    grown = PROFILED.replace(before, b"       19392      101 drivers/lab/test/leakgen.c:111")
    found = watched(tree, KMALLOC_64, lambda: put(tree, "proc/allocinfo", grown), "allocinfo")
    assert [(site.stack, site.growth) for site in found.sites[:1]] == [(("leakgen_kmalloc_64 [leakgen]",), 192)]
    assert {site.growth for site in found.sites[1:]} == {0}
    assert found.seconds is not None
    sizes = [site.bytes or 0 for site in found.sites[1:]]
    assert sizes == sorted(sizes, reverse=True)


def test_a_line_of_several_sizes_shows_where_all_it_gained_has_this_one(tree: Path) -> None:
    mixed = b"        1000        7 a.c:1 [m] func:mixed \n"
    put(tree, "proc/allocinfo", PROFILED + mixed)
    found = watched(
        tree, CACHE, lambda: put(tree, "proc/allocinfo", PROFILED + mixed.replace(b"1000        7", b"1768        9")),
        "allocinfo",
    )  # fmt: skip
    assert [(site.stack[0], site.growth) for site in found.sites] == [
        ("mixed [m]", 768),
        ("leakgen_cache_alloc [leakgen]", 0),
    ]


def test_caches_of_one_size_share_the_list_and_it_says_so(tree: Path) -> None:
    [note, _] = once(tree, KMALLOC_64).notes
    assert note.startswith(
        "Found by their size: lines that allocate 192 bytes a call. Caches of that size share this list"
    )
    assert "kmalloc-64" not in note
    assert "bio-96" in note


def test_pages_leave_out_what_a_counter_tells_and_doubt_what_may_be_an_object(tree: Path) -> None:
    named = {site.stack[0] for site in once(tree, PAGES).sites}
    assert not named & {"alloc_slab_page", "__filemap_get_folio", "folio_prealloc", "__pte_alloc_one"}
    slabs = (
        b"kmalloc-4k           200    200   4096    8    8 : tunables    0    0    0 : slabdata     25     25      0\n"
    )
    put(tree, "proc/slabinfo", SLABS + slabs)
    last = once(tree, PAGES)
    [doubted] = [int(words[1]) for note in last.notes if (words := re.match(r"The last (\d+) may hold", note))]
    assert ("leakgen_alloc_pages [leakgen]",) in [site.stack for site in last.sites[-doubted:]]
    grown = PROFILED.replace(b"      409600      100 drivers/lab", b"      421888      103 drivers/lab")
    assert grown != PROFILED
    first = watched(tree, PAGES, lambda: put(tree, "proc/allocinfo", grown), "allocinfo").sites[0]
    assert (first.stack[0], first.growth) == ("leakgen_alloc_pages [leakgen]", 12288)


def test_the_published_leak_of_a_network_driver_is_named(tree: Path) -> None:
    leak = b"  3341238272   412215 drivers/net/ethernet/intel/ice/ice_txrx.c:681 [ice] func:ice_alloc_mapped_page\n"
    put(tree, "proc/allocinfo", PROFILED + leak)
    assert once(tree, PAGES).sites[0].stack == ("ice_alloc_mapped_page [ice]",)


@pytest.mark.parametrize(
    ("content", "switch", "words"),
    [
        (PROFILED, "0", "sysctl vm.mem_profiling=1"),
        (b"allocinfo - version: 1.0\n           0        0 a.c:1 func:f \n", "1", "sysctl vm.mem_profiling=1"),
        (b"", "1", "empty allocinfo"),
        (None, "1", "/proc/allocinfo is not in this capture"),
    ],
)
def test_profiling_that_is_off_or_absent(tree: Path, content: bytes | None, switch: str, words: str) -> None:
    put(tree, "proc/sys/vm/mem_profiling", switch)
    if content is None:
        (tree / "proc/allocinfo").unlink()
    else:
        put(tree, "proc/allocinfo", content)
    assert words in why_not(tree, KMALLOC_64, "allocinfo")


@pytest.mark.parametrize(
    ("subject", "words"),
    [
        (Subject("slab", "x", (), None), "the size of an object"),
        (Subject("slab", "x", (), 7), "only objects of 7 bytes"),
        (Subject("vmalloc", "gone"), "no line of source lies in a function gone"),
    ],
)
def test_the_next_facility_is_asked_where_no_line_fits(tree: Path, subject: Subject, words: str) -> None:
    assert words in why_not(tree, subject, "allocinfo")


# alloc_traces


def test_user_tracking_names_the_stack(tree: Path) -> None:
    put(tree, "boot/config-6.12.0", "CONFIG_HZ_100=y\nCONFIG_HZ=100\n")
    put(tree, "proc/sys/kernel/osrelease", "6.12.0\n")
    [site] = once(tree, CACHE, "alloc_traces").sites
    assert site.stack[:2] == ("leakgen_cache_alloc+0x37/0x80 [leakgen]", "kind_leak+0xbe/0x130 [leakgen]")
    assert (site.count, site.bytes, site.module, site.youngest, site.oldest, site.comms) == (
        *(100, 38400, "leakgen", 1.7, 1.7),
        ("pid 78",),
    )


def test_ages_stay_out_where_a_jiffy_is_not_known(tree: Path) -> None:
    found = once(tree, CACHE, "alloc_traces")
    assert (found.sites[0].youngest, found.sites[0].oldest) == (None, None)
    assert "jiffies" in found.notes[0]


def test_tracked_growth(tree: Path) -> None:
    path = f"{DEBUGFS}/slab/leakgen_cache/alloc_traces"
    more = TRACES.replace(b"    100 leakgen", b"    103 leakgen") + b"      9 new+0x1/0x2 age=1 pid=1\n\n"
    found = watched(tree, CACHE, lambda: put(tree, path, more), "alloc_traces")
    assert [(site.stack[0], site.growth) for site in found.sites] == [
        ("new+0x1/0x2", 9 * 384),
        ("leakgen_cache_alloc+0x37/0x80 [leakgen]", 3 * 384),
    ]


def test_a_merged_cache_is_found_under_another_of_its_names(tree: Path) -> None:
    merged = Subject("slab", "first_name", ("first_name", "leakgen_cache"), 384)
    assert once(tree, merged, "alloc_traces").sites[0].count == 100


def test_old_kernels_tell_the_caller_and_cut_the_list(tmp_path: Path) -> None:
    put(tmp_path, "sys/kernel/slab/kmalloc-64/alloc_calls", CALLS)
    put(tmp_path, "sys/kernel/slab/kmalloc-64/store_user", "1\n")
    found = once(tmp_path, Subject("slab", "kmalloc-64", (), 64), "alloc_traces")
    assert (found.sites[0].stack, found.sites[0].count) == (("kobj_map+0x5b/0x119",), 108)
    assert any("cuts this list" in note for note in found.notes)
    assert len(found.sites) == CALLS.count(b"\n")
    put(tmp_path, "sys/kernel/slab/kmalloc-64/store_user", "0\n")
    assert "slub_debug=U,kmalloc-64" in why_not(tmp_path, Subject("slab", "kmalloc-64", (), 64), "alloc_traces")


@pytest.mark.parametrize("name", ["../slab/leakgen_cache", "..", "", "a/b", "a\0b", "a" * 300, "\udcff\x1b"])
def test_a_hostile_name_leads_nowhere(tree: Path, name: str) -> None:
    assert why_not(tree, Subject("slab", name, (name,), 64), "alloc_traces")


# page_owner


def test_page_owner_names_the_stack(tree: Path) -> None:
    found = once(tree, PAGES, "page_owner")
    [site] = [site for site in found.sites if site.module == "leakgen"]
    assert (site.bytes, site.growth, site.count) == (800 * 4096, None, None)
    assert site.stack[5] == "leakgen_kmalloc_large+0x35/0x40 [leakgen]"
    assert all("alloc_slab_page" not in function_of(frame) for site in found.sites for frame in site.stack)


def test_pages_that_came_while_it_was_watched(tree: Path) -> None:
    found = watched(tree, PAGES, lambda: put(tree, SHOW_STACKS, STACKS + LARGE % 816), "page_owner")
    assert [(site.module, site.growth) for site in found.sites[:2]] == [("leakgen", 16 * 4096), (None, 0)]


def test_handles_are_joined_with_their_stacks(tree: Path) -> None:
    (tree / SHOW_STACKS).unlink()
    put(tree, f"{SHOW_STACKS}_handles", LARGE.replace(b"nr_base_pages: %d", b"handle: 42"))
    put(
        tree,
        f"{DEBUGFS}/page_owner_stacks/show_handles",
        "handle: 41\nnr_base_pages: 1\n\nhandle: 42\nnr_base_pages: 7\n\n",
    )
    assert [(site.module, site.bytes) for site in once(tree, PAGES, "page_owner").sites] == [("leakgen", 7 * 4096)]


def test_a_kmalloc_cache_of_more_than_a_page_may_be_asked_about(tree: Path) -> None:
    slab = LARGE.replace(b"___kmalloc_large_node", b"allocate_slab").replace(b"_large_noprof", b"_noprof") % 16
    put(tree, SHOW_STACKS, STACKS + slab)
    found = once(tree, Subject("slab", "kmalloc-8k", (), 8192), "page_owner")
    assert "leakgen" in {site.module for site in found.sites}
    assert "does not tell for which" in found.notes[0]
    for other in (Subject("slab", "dentry", (), 8192), KMALLOC_64, Subject("vmalloc", "f")):
        assert "only whole pages are known" in why_not(tree, other, "page_owner")


def test_the_whole_file_is_read_only_where_it_is_asked_for_by_name(tmp_path: Path) -> None:
    put(tmp_path, f"{DEBUGFS}/page_owner", (DATA / "page_owner" / "vm-6.1b.txt").read_bytes())
    with pytest.raises(AskError):
        once(tmp_path, PAGES)
    found = once(tmp_path, PAGES, "page_owner")
    assert (found.facility, found.seconds, found.notes[1:]) == ("page_owner", None, ())
    early = next(site for site in found.sites if site.stack[0].startswith("register_early_stack"))
    assert early.comms == ("swapper/0 (1)",)
    assert early.bytes == 4096 * 257


# What none of them can


@pytest.mark.skipif(os.path.ismount("/sys/kernel/debug"), reason="debugfs is mounted here")
@pytest.mark.parametrize(("facility", "subject"), [("alloc_traces", KMALLOC_64), ("page_owner", PAGES)])
def test_debugfs_that_is_not_mounted_comes_with_the_command(facility: str, subject: Subject) -> None:
    said = why_not("/", subject, facility)
    assert "mount -t debugfs none /sys/kernel/debug" in said or "needs root" in said or "slub_debug" in said


def test_who_is_not_root_is_told(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    denied = PermissionError(13, "Permission denied")
    assert on_request.refusal("/", "proc/allocinfo", denied, "absent") == "/proc/allocinfo needs root: sudo leaktop"
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert "lockdown" in on_request.refusal("/", "proc/allocinfo", denied, "absent")
    assert "no permission to read the capture" in on_request.refusal(str(tree), "proc/allocinfo", denied, "absent")


def test_none_of_them_writes() -> None:
    quiet = [facility for facility in FACILITIES if facility.name != "tracefs"]
    assert [(facility.name, facility.order) for facility in quiet] == [
        ("allocinfo", 10),
        ("alloc_traces", 20),
        ("page_owner", 30),
        ("page_owner", 31),
    ]
    assert not any(facility.writes for facility in quiet)


@pytest.mark.parametrize(
    ("stack", "counted"),
    [
        (("post_alloc_hook+0x1/0x2", "page_cache_ra_unbounded+0x1/0x2"), "page cache"),
        (("__alloc_pages_noprof", "__folio_alloc_noprof+0x1/0x2", "__handle_mm_fault+0x1/0x2"), "memory of processes"),
        (("__alloc_pages_noprof", "secretmem_fault+0x1/0x2", "__handle_mm_fault+0x1/0x2"), None),
        (("allocate_slab+0x1/0x2", "___slab_alloc+0x1/0x2"), "slab"),
        (("__pte_alloc_one_kernel_noprof.constprop.0+0x1/0x2",), "page tables"),
        (("leak_pages+0x1/0x2 [m]",), None),
        ((), None),
    ],
)  # fmt: skip
def test_whose_pages_a_counter_tells(stack: tuple[str, ...], counted: str | None) -> None:
    assert counted_as(stack) == counted
