from __future__ import annotations

import re
from pathlib import Path

import pytest

from leaktop.model.records import KmemleakObject, KmemleakReport
from leaktop.model.sample import ParseError
from leaktop.parsers.kmemleak import culprit, group, parse_kmemleak

KIND = "kmemleak"
DATA = Path(__file__).parents[1] / "data" / KIND


def rendered(found: KmemleakObject) -> str:
    """The record as the kernel prints it, without the column of addresses."""
    kind = f" ({found.kind})" if found.kind else ""
    age = "" if found.age is None else f" (age {found.age:.3f}s)"
    cpu = "" if found.cpu is None else f" on cpu {found.cpu}"
    crc = "" if found.crc is None else f" (crc {found.crc})"
    return "\n".join([
        f"unreferenced object{kind} {found.address} (size {found.size}):",
        f'  comm "{found.comm}", pid {found.pid}, jiffies {found.jiffies}{age}',
        *([f"  hex dump (first {min(found.size, 32)} bytes{cpu}):"] if found.hex_dump else []),
        *(f"    {row.rstrip()}" for row in found.hex_dump),
        *([f"  backtrace{crc}:"] if found.backtrace or crc else []),
        *(f"    {frame}" for frame in found.backtrace),
    ])  # fmt: skip


def test_every_record_is_read_whole(capture: bytes) -> None:
    report = parse_kmemleak(capture)
    unknown = list(report.unknown)
    expected = []
    for line in capture.decode().splitlines():
        if unknown and line == unknown[0]:
            del unknown[0]
        elif line.strip():
            plain = line.rpartition("kmemleak: ")[2]
            expected.append(re.sub(r"^    \[<[^>]*>\] ", "    ", plain).rstrip())
    assert "\n".join(map(rendered, report.objects)).split("\n") == expected
    assert len(report.objects) == capture.count(b"unreferenced object")


@pytest.mark.parametrize("path", sorted(DATA.glob("*[!g].txt")), ids=lambda path: path.name)
def test_the_file_itself_has_no_unknown_lines(path: Path) -> None:
    assert parse_kmemleak(path.read_bytes()).unknown == ()


def test_a_log_keeps_its_other_lines_apart() -> None:
    report = parse_kmemleak((DATA / "vm-5.10slab-verbose-dmesg.txt").read_bytes())
    assert (len(report.objects), sum(found.size for found in report.objects)) == (9, 4608)
    assert {found.comm for found in report.objects} == {'odd "n"(x):'}
    assert "kmemleak: Object 0xff11000005b374e0 (size 32):" in report.unknown


def test_one_record_in_full() -> None:
    assert parse_kmemleak((DATA / "vm-7.2b-2scan.txt").read_bytes()).objects[1] == KmemleakObject(
        address="0xc0ffff62eb8490",
        size=64,
        comm='odd "n"(x):',
        pid=7931,
        jiffies=4294923220,
        age=None,
        hex_dump=("00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00  ................",) * 2,
        cpu=1,
        backtrace=(
            "kmemleak_alloc_percpu+0x31/0x34",
            "pcpu_alloc_noprof+0x52b/0x7c0",
            "kmemleak_test_init+0x545/0x648 [kmemleak_test]",
            "do_one_initcall+0x92/0x194",
            "do_init_module+0x9b/0x23d",
            "load_module+0x1a3d/0x1baf",
            "init_module_from_file+0x9c/0xaa",
            "__x64_sys_finit_module+0x185/0x2a1",
            "x64_sys_call+0x1cd0/0x1f30",
            "do_syscall_64+0x97/0x1e1",
            "entry_SYSCALL_64_after_hwframe+0x4b/0x53",
        ),
        crc="0",
        kind="percpu",
    )


@pytest.mark.parametrize(
    "comm",
    ["a\nb", "\n\n", '", pid 1', 'x", pid 1, jif', "    [<0>] f+0x1", "\nunreferenced o", "\udcff\udcfe", " \t\r "],
)
def test_any_comm_survives(comm: str) -> None:
    record = KmemleakObject("0x1f", 8, comm, 7, 9, 1.5, ("61  a",), None, ("f+0x1/0x2",), "ab")
    content = f"{rendered(record)}\n{rendered(record)}\n".encode("utf-8", "surrogateescape")
    assert parse_kmemleak(content) == KmemleakReport((record, record), ())


def test_a_comm_with_a_newline_in_a_stamped_log() -> None:
    [found] = parse_kmemleak(
        b"[   76.611642][  T170] kmemleak: unreferenced object 0x1 (size 8):\n"
        b'[   76.618965][  T170] kmemleak:   comm "a\n[   76.618965][  T170] b", pid 3, jiffies 4 (age -1.250s)\n'
        b"[   76.627031][  T170] usb 1-1: new device\n"
        b"[   76.627031][  T170] kmemleak:   backtrace:\n"
        b"[   76.631206][  T170] kmemleak:     [<ffffffa542c5f8f8>] create_object+0x100/0x288\n"
    ).objects
    assert found == KmemleakObject("0x1", 8, "a\nb", 3, 4, -1.25, (), None, ("create_object+0x100/0x288",), None)


def test_a_record_that_ends_early_keeps_what_it_has() -> None:
    whole = (DATA / "vm-7.2b-2scan.txt").read_bytes()
    [full, _] = parse_kmemleak(whole).objects
    second = whole.index(b"unreferenced", 1)
    for cut in range(whole.index(b"\n") + 1, second):
        [found] = parse_kmemleak(whole[:cut]).objects
        assert (found.address, found.size) == (full.address, full.size)
        assert (found.comm, found.pid) in {("", -1), (full.comm, full.pid)}
        assert found.backtrace == full.backtrace[: len(found.backtrace)]
        assert found.hex_dump == full.hex_dump[: len(found.hex_dump)]
    assert parse_kmemleak(whole[: second + 8]).objects == (full,)


@pytest.mark.parametrize(
    "stray",
    [
        'Object 0x2 (size 8):\n  comm "b", pid 2, jiffies 2\n  min_count = 1\n  backtrace:\n    other+0x1/0x2\n',
        '  comm "b", pid 2, jiffies 2\n  hex dump (first 8 bytes):\n    61\n  backtrace:\n    other+0x1/0x2\n',
        "  hex dump (first 8 bytes on cpu 3):\n    61\n",
        "  backtrace:\n    other+0x1/0x2\n",
        "  ... and 2 more object(s) with the same backtrace\n",
    ],
)
def test_parts_of_another_object_do_not_join_the_record_before(stray: str) -> None:
    record = KmemleakObject("0x1f", 8, "a", 7, 9, None, ("61  a",), None, ("f+0x1/0x2",), None)
    report = parse_kmemleak(f"{rendered(record)}\n{stray}{rendered(record)}\n".encode())
    assert report == KmemleakReport((record, record), tuple(stray.splitlines()))


def test_rows_without_their_heading_are_unknown() -> None:
    first = KmemleakObject("0x1f", 8, "a", 7, 9, None, (), None, ("f+0x1/0x2",), None)
    report = parse_kmemleak(f"{rendered(first)}\nunreferenced object 0x2 (size 8):\n    g+0x1/0x2\n".encode())
    assert (report.objects[0], report.objects[1].backtrace, report.unknown) == (first, (), ("    g+0x1/0x2",))


@pytest.mark.parametrize("content", [b"", b"\n"])
def test_nothing_is_no_leaks(content: bytes) -> None:
    assert parse_kmemleak(content) == KmemleakReport((), ())


@pytest.mark.parametrize("content", [b"\0\0\0", b"MemTotal: 1 kB\n", b"\x7fELF\n\n"])
def test_what_is_not_kmemleak(content: bytes) -> None:
    with pytest.raises(ParseError, match="not a report of kmemleak"):
        parse_kmemleak(content)


def leak(size: int, *backtrace: str, comm: str = "a", age: float | None = None) -> KmemleakObject:
    return KmemleakObject("0x1", size, comm, 1, 1, age, (), None, backtrace, None)


def test_groups_ignore_offsets_and_addresses_but_not_modules() -> None:
    objects = [
        leak(10, "f+0x1/0x9", "g+0x2/0x9 [m]", age=3.0),
        leak(500, "f+0x1/0x9", "g+0x2/0x9"),
        leak(20, "f+0x7/0x9", "g+0x2/0x9 [m]", comm="b", age=1.0),
        leak(30, "f+0x1/0x9", "0xffffffffa0005033"),
        leak(30, "f+0x1/0x9", "0xffffffffa0005058", comm="b"),
        leak(1, "0xffffffffa0005033"),
        leak(2, "0xffffffffa0005058"),
        leak(3),
    ]
    groups = group(objects)
    assert [(found.backtrace, found.count, found.bytes, found.comms, found.ages) for found in groups] == [
        (("f", "g"), 1, 500, ("a",), ()),
        (("f", "0x?"), 2, 60, ("a", "b"), ()),
        (("f", "g [m]"), 2, 30, ("a", "b"), (1.0, 3.0)),
        ((), 1, 3, ("a",), ()),
        (("0xffffffffa0005058",), 1, 2, ("a",), ()),
        (("0xffffffffa0005033",), 1, 1, ("a",), ()),
    ]
    assert groups[2].objects == (objects[0], objects[2])


def test_groups_of_a_capture_hold_every_object(capture: bytes) -> None:
    objects = parse_kmemleak(capture).objects
    groups = group(objects)
    assert sorted(found for member in groups for found in member.objects) == sorted(objects)
    assert sum(found.bytes for found in groups) == sum(map(int, re.findall(rb"object.*\(size (\d+)\)", capture)))


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("vm-5.10b-2scan.txt", "0xffffffffa0005033"),
        ("vm-6.1b-2scan.txt", "0xffffffffa0005033"),
        ("vm-6.12b-newline.txt", "kmemleak_test_init+0x4b/0x412 [kmemleak_test]"),
    ],
)
def test_the_culprit_of_a_capture(path: str, expected: str) -> None:
    assert culprit(parse_kmemleak((DATA / path).read_bytes()).objects[0].backtrace) == expected


ALLOCATORS = """
kmemleak_alloc kmemleak_vmalloc kmemleak_alloc_percpu
kmemleak_alloc_recursive.constprop.0 create_object __create_object slab_post_alloc_hook slab_alloc_node
kmem_cache_alloc_trace kmem_cache_alloc_node_noprof __kmem_cache_alloc_node kmem_cache_alloc_lru kmalloc kmalloc_trace
__kmalloc __kmalloc_node_track_caller_noprof __do_kmalloc_node __kmalloc_cache_noprof kmemdup_noprof kstrdup_const
kvmalloc_node __vmalloc_node_range.isra.0 vmalloc_user vzalloc __alloc_percpu_gfp pcpu_alloc.part.0 krealloc .__kmalloc
"""


@pytest.mark.parametrize("symbol", ALLOCATORS.split())
def test_allocators_are_not_the_culprit(symbol: str) -> None:
    leaky = "leaky+0x1/0x2 [m]"
    assert culprit([f"{symbol}+0x1c/0x20", f"{symbol} mm/slub.c:4951 [inline]", symbol, leaky]) == leaky


@pytest.mark.parametrize(
    "symbol",
    [
        "devm_kmalloc",
        "sock_kmalloc",
        "usb_alloc_urb",
        "create_objects",
        "skb_kmemdup",
        "0xc625e000",
        "kmalloc_oob+0x1/0x9 [kasan_test]",
    ],
)
def test_callers_of_allocators_are(symbol: str) -> None:
    assert culprit(["__kmalloc+0x1/0x2", symbol, "main+0x1/0x2"]) == symbol


def test_without_a_caller_there_is_no_culprit() -> None:
    assert culprit([]) is None
    assert culprit(["kmemleak_alloc+0x1/0x2"]) is None
