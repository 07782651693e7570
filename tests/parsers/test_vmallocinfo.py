from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from leaktop.model.records import VmallocArea, VmallocGroup
from leaktop.model.sample import ParseError
from leaktop.parsers.vmallocinfo import group_by_caller, parse_vmallocinfo

KIND = "vmallocinfo"
DATA = Path(__file__).parents[1] / "data" / KIND


def test_every_area_is_counted(capture: bytes) -> None:
    expected: Counter[tuple[str | None, str | None, int, int, str]] = Counter()
    for line in capture.decode().splitlines():
        _, size, *words = line.split()
        caller = words.pop(0).split("+")[0] if "+0x" in words[0] or words[0].startswith("0x") else None
        module = words.pop(0)[1:-1] if words[0].startswith("[") else None
        pages = sum(int(word[6:]) for word in words if word.startswith("pages="))
        expected[caller, module, int(size), pages, " ".join(words)] += 1
    areas = parse_vmallocinfo(capture)
    found = Counter[tuple[str | None, str | None, int, int, str]]()
    for area in areas:
        found[area.caller, area.module, area.bytes, area.pages, area.flags] += area.count
        assert area.kind in (area.flags.split() or ["other"]) or (area.kind == "other" and "lowmem" in area.flags)
    assert found == expected
    assert len(set(areas)) == len(areas)


def test_groups_keep_the_sums(capture: bytes) -> None:
    areas = parse_vmallocinfo(capture)
    groups = group_by_caller(areas)
    assert len({group[:3] for group in groups}) == len(groups) < len(areas) + 1
    assert sum(group.areas for group in groups) == capture.count(b"\n")
    assert sum(group.bytes for group in groups) == sum(int(line.split()[1]) for line in capture.splitlines())
    assert sum(group.pages for group in groups) == sum(area.pages * area.count for area in areas)


def test_thread_stacks_on_two_nodes_are_two_areas_and_one_group() -> None:
    areas = parse_vmallocinfo((DATA / "vm-7.2b.txt").read_bytes())
    stacks = [area for area in areas if area.caller == "kernel_clone"]
    assert stacks == STACKS
    assert VmallocGroup("kernel_clone", None, "vmalloc", 52, 1064960, 208) in group_by_caller(areas)


STACKS = [
    VmallocArea("kernel_clone", None, "vmalloc", 20480, 4, None, "pages=4 vmalloc N0=4", 38),
    VmallocArea("kernel_clone", None, "vmalloc", 20480, 4, None, "pages=4 vmalloc N1=4", 14),
]

ADDRESS = "0xffffc90000000000-0xffffc90000002000    8192"


@pytest.mark.parametrize(
    ("rest", "expected"),
    [
        ("leak+0x1/0x20 [leakgen] pages=1 vmalloc N0=1", ("leak", "leakgen", "vmalloc", 1, None)),
        ("0xffffffffc0123456 pages=1 vmalloc vpages", ("0xffffffffc0123456", None, "vmalloc", 1, None)),
        ("pages=1 vmalloc", (None, None, "vmalloc", 1, None)),
        ("of_iomap+0x30/0x38 phys=fed00000 ioremap", ("of_iomap", None, "ioremap", 0, 0xFED00000)),
        ("of_iomap+0x30/0x38 phys=0x00000000fed00000 ioremap", ("of_iomap", None, "ioremap", 0, 0xFED00000)),
        ("unpurged vm_area", (None, None, "unpurged", 0, None)),
        ("vm_map_ram", (None, None, "vm_map_ram", 0, None)),
        ("f+0x0/0x0 pages=1 dma-coherent", ("f", None, "dma-coherent", 1, None)),
        ("f+0x0/0x0 sparse", ("f", None, "sparse", 0, None)),
        ("f+0x0/0x0 user vmalloc", ("f", None, "user", 0, None)),
        ("._f.isra.0+0x0/0x4 vmap", ("._f.isra.0", None, "vmap", 0, None)),
        ("f+0x0/0x4 pages=2 vmalloc pid=1 task_name=my pages", ("f", None, "vmalloc", 2, None)),
        ("map_lowmem+0x0/0x240 phys=80000000 lowmem", ("map_lowmem", None, "other", 0, 0x80000000)),
    ],
)
def test_the_parts_of_a_line(rest: str, expected: tuple[str | None, str | None, str, int, int | None]) -> None:
    [area] = parse_vmallocinfo(f"{ADDRESS} {rest}\n".encode())
    assert (area.caller, area.module, area.kind, area.pages, area.phys) == expected
    assert area.bytes == 8192
    assert area.flags.split() == [word for word in rest.split() if "+0x" not in word and word[0] not in "[0"]


def test_addresses_do_not_tell_areas_apart() -> None:
    text = "0x(____ptrval____)-0x(____ptrval____)   20480 vm_map_ram\n0x0000-0x0000   20480 vm_map_ram\n"
    assert [area.count for area in parse_vmallocinfo(text.encode())] == [2]


def test_junk_and_a_cut_end_are_skipped() -> None:
    whole = f"{ADDRESS} f+0x0/0x4 pages=2 vmalloc\n"
    areas = parse_vmallocinfo(f"what\n{ADDRESS[:30]}\n0x1-0x2 many f+0x0/0x4\n{whole}{whole[:-1]}".encode())
    assert [(area.caller, area.count) for area in areas] == [("f", 1)]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "^empty vmallocinfo$"),
        (b"MemTotal: 1 kB\n", "no area of vmallocinfo: 'MemTotal"),
        (b"0x1-0x2  40", "no area"),
    ],
)
def test_what_is_not_vmallocinfo(content: bytes, reason: str) -> None:
    with pytest.raises(ParseError, match=reason):
        parse_vmallocinfo(content)
