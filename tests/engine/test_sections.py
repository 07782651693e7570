"""Each section out of captured trees: what it joins, what it says where a file is missing, empty or garbage."""

from __future__ import annotations

import re
import socket
from pathlib import Path

import pytest

from leaktop.engine.engine import Engine
from leaktop.engine.sections import SECTIONS
from leaktop.engine.sections.sockets import memory_of
from leaktop.model.records import Owner, Socket
from leaktop.model.sample import Fault, Machine, RawSample, Tick
from leaktop.parsers.slab_links import parse_slab_links
from leaktop.parsers.slabinfo import parse_slabinfo
from leaktop.sources.text_form import encode
from tests.corpus import DATA
from tests.trees import frame_of, plant, plant_rest, put, rows_by_name, tick_of

MACHINE = Machine("6.12.0", "host", 4096, None, "x86_64", None, None, is_live=False)
HEADING = "slabinfo - version: 2.1\n# name\n"
EMPTY = Socket("udp", "127.0.0.1:53", "0.0.0.0:0", "UNCONN", 0, 0, 0, 0, 0, 77, 0, None)


def cache_line(name: str, objects: int = 42, slabs: int = 2) -> str:
    return f"{name} {objects - 1} {objects} 192 21 1 : tunables 0 0 0 : slabdata {slabs} {slabs} 0\n"


def links(*lines: str) -> bytes:
    return encode("slab_links", lines)


def fed(**probes: bytes | str | Fault) -> Engine:
    engine = Engine(MACHINE)
    engine.feed(tick(1.0, **probes))
    return engine


def tick(mono: float, **probes: bytes | str | Fault) -> Tick:
    samples = []
    for name, given in probes.items():
        probe = name.replace("__", "/")
        content = given.encode() if isinstance(given, str) else given if isinstance(given, bytes) else None
        samples.append(RawSample(probe, content, given if isinstance(given, Fault) else None, mono, 1e9 + mono))
    return Tick(mono, 1e9 + mono, tuple(samples))


def test_slab_joins_the_names_that_share_a_class(tmp_path: Path) -> None:
    frame = frame_of(plant(tmp_path, "live-6.18"))
    section = frame.sections["slab"]
    caches = parse_slabinfo((DATA / "slabinfo" / "live-6.18.txt").read_bytes())
    classes = parse_slab_links((DATA / "sysfs_slab" / "live-6.18.txt").read_bytes())
    assert (section.fault, section.notes, len(section.rows)) == (None, (), len(caches))
    by_name = {name: known for known in classes for name in known.names}
    for row, cache in zip(section.rows, caches, strict=True):
        record = row.record
        assert record[0] == cache.name
        assert record[3:10] == cache[1:]
        assert row.size.value == record.bytes == cache.num_slabs * cache.pagesperslab * 4096
        assert row.number is not None
        assert row.number.value == cache.num_objs
        known = by_name[cache.name]
        assert {record.name, *record.aliases} == set(known.names)
        assert record.merged_into == (known.identity if known.identity.startswith(":") else None)
        assert record.reclaimable is known.reclaimable
    assert sum(1 for row in section.rows if row.record.aliases) > 10


def test_slab_keeps_caches_of_one_name_apart() -> None:
    engine = fed(slabinfo=HEADING + cache_line("twin", 42) + cache_line("twin", 420))
    frame = engine.feed(tick(2.0, slabinfo=HEADING + cache_line("twin", 43) + cache_line("twin", 450)))
    assert [row.key for row in frame.sections["slab"].rows] == [("twin", 0), ("twin", 1)]
    assert [row.number.delta for row in frame.sections["slab"].rows if row.number] == [1, 30]


SHARED = ":a-0000192\tdir\t-", "old\tlink\t:a-0000192", "young\tlink\t:a-0000192"


@pytest.mark.parametrize(
    ("names", "classes"),
    [
        (("old", "twin", "young", "twin"), SHARED),
        (("young", "old", "twin", "twin"), SHARED),
        (("old", "twin", "twin"), SHARED),
        (("old", "new", "young", "twin", "twin"), SHARED),
        (("old", "young", "twin", "twin"), ("old\tdir\t1", "young\tdir\t0")),
        (("old", "young", "twin", "twin"), None),
    ],
)
def test_slab_is_the_same_however_it_came_about(names: tuple[str, ...], classes: tuple[str, ...] | None) -> None:
    before = HEADING + "".join(cache_line(name, 42 + n) for n, name in enumerate(("old", "young", "twin", "twin")))
    after = HEADING + "".join(cache_line(name, 44 + n // 2) for n, name in enumerate(names))
    now = {"slabinfo": after, "slab_links": Fault("missing", "-") if classes is None else links(*classes)}
    engine = fed(slabinfo=before, slab_links=links(*SHARED))
    found = [(row.key, row.record) for row in engine.feed(tick(2.0, **now)).sections["slab"].rows]
    fresh = Engine(MACHINE).feed(tick(2.0, **now)).sections["slab"].rows
    assert found == [(row.key, row.record) for row in fresh]


def test_slab_without_slabinfo_still_names_its_caches() -> None:
    fault = Fault("denied", "/proc/slabinfo needs root", "sudo leaktop")
    engine = fed(slabinfo=fault, slab_links=links(":a-0000192\tdir\t-", "dentry\tlink\t:a-0000192", "TCP\tdir\t0"))
    frame = engine.feed(tick(2.0))
    section = frame.sections["slab"]
    assert section.fault is fault
    assert [(r.record.name, r.record.merged_into, r.record.reclaimable, r.size.value) for r in section.rows] == [
        ("dentry", ":a-0000192", True, None),
        ("TCP", None, False, None),
    ]
    frame = engine.feed(tick(3.0, slabinfo=HEADING + cache_line("dentry")))
    (row,) = frame.sections["slab"].rows
    assert (row.size.value, row.size.delta, row.size.growth) == (8192, None, 0)
    assert frame.suspects == ()


def test_slab_without_links_says_that_merged_names_are_missing(tmp_path: Path) -> None:
    section = frame_of(plant(tmp_path, "vm-6.12b")).sections["slab"]
    assert section.fault is None
    assert len(section.notes) == 1
    assert section.notes[0].startswith("merged names are not known: /sys/kernel/slab is not in this capture")
    assert {(row.record.aliases, row.record.merged_into, row.record.reclaimable) for row in section.rows} == {
        ((), None, None)
    }


def test_memory_has_every_line_and_what_is_derived(tmp_path: Path) -> None:
    frame = frame_of(plant(tmp_path, "vm-6.12b"))
    printed = dict(re.findall(r"^(\S+): +(\d+)", (DATA / "meminfo" / "vm-6.12b.txt").read_text(), re.MULTILINE))
    rows = rows_by_name(frame, "memory")
    for name, number in printed.items():
        record = rows[name].record
        assert number == str(record.count if record.bytes is None else record.bytes // 1024)
    assert rows.keys() - printed.keys() == {"vmalloc", "hugepages", "balloon", "large kmalloc", "pcp", "residual"}
    assert rows["vmalloc"].size.value == rows["VmallocUsed"].size.value
    assert rows["pcp"].size.value is None
    assert rows["residual"].size.value == frame.sections["memory"].extras["residual"].bytes


def test_memory_names_lines_that_no_kernel_had() -> None:
    engine = fed(meminfo="MemTotal: 100 kB\nMemFree: 50 kB\nVmallocUsed: 1 kB\nIonPool: 7 kB\nOddCount: 3\n")
    section = engine.feed(tick(2.0)).sections["memory"]
    assert section.notes == (
        "IonPool is new: leaktop does not know what it counts",
        "OddCount is new: leaktop does not know what it counts",
    )
    assert [row.record.name for row in section.rows if row.record.is_unclassified] == ["IonPool", "OddCount"]
    assert [row.record.count for row in section.rows if row.record.name == "OddCount"] == [3]


def test_a_residual_that_is_known_late_has_not_grown() -> None:
    meminfo = "MemTotal: 8000000 kB\nMemFree: 50 kB\nVmallocUsed: 0 kB\n"
    engine = fed(meminfo=meminfo)
    assert rows_by_name(engine.feed(tick(2.0, meminfo=meminfo)), "memory")["residual"].size.value is None
    area = "0x1-0x2 8192 a+0x1/0x2 pages=1 vmalloc\n"
    frame = engine.feed(tick(3.0, vmallocinfo=area, meminfo=meminfo))
    rows = rows_by_name(frame, "memory")
    assert (rows["residual"].size.growth, rows["vmalloc"].size.growth) == (0, 0)
    assert frame.suspects == ()


def test_vmalloc_is_summed_by_caller(tmp_path: Path) -> None:
    frame = frame_of(plant(tmp_path, "vm-7.2b"))
    text = (DATA / "vmallocinfo" / "vm-7.2b.txt").read_text()
    rows = frame.sections["vmalloc"].rows
    assert sum(row.record.areas for row in rows) == len(text.splitlines())
    assert sum(row.record.bytes for row in rows) == sum(int(line.split()[1]) for line in text.splitlines())
    pages = sum(map(int, re.findall(r" pages=(\d+)", text)))
    assert sum(row.size.value or 0 for row in rows) == pages * 4096


@pytest.mark.parametrize("name", ["vm-5.10b-2scan", "vm-6.1b-2scan", "vm-7.2b-2scan"])
def test_kmemleak_is_grouped_by_backtrace(tmp_path: Path, name: str) -> None:
    frame = frame_of(plant(tmp_path, "vm-7.2b", name))
    text = (DATA / "kmemleak" / f"{name}.txt").read_text()
    rows = frame.sections["kmemleak"].rows
    sizes = [int(size) for size in re.findall(r"^unreferenced object .*\(size (\d+)\)", text, re.MULTILINE)]
    assert sum(row.record.count for row in rows) == len(sizes)
    assert sum(row.size.value or 0 for row in rows) == sum(sizes)
    assert sum(row.number.value or 0 for row in rows if row.number) == len(sizes) > 0
    assert len({row.key for row in rows}) == len(rows)
    assert len({tuple(row.record.backtrace) for row in rows}) == len(rows)


def test_kmemleak_says_which_lines_it_does_not_know() -> None:
    engine = fed(kmemleak='unreferenced object 0x1 (size 8):\n  comm "a", pid 1, jiffies 1\n  what is this\n')
    section = engine.feed(tick(2.0)).sections["kmemleak"]
    assert len(section.rows) == 1
    if section.notes:
        assert "in no known format" in section.notes[0]
    else:
        assert "what is this" in str(section.rows[0].record)


def test_sockets_take_each_protocol_from_one_place() -> None:
    udp = (DATA / "net" / "net_udp__vm-6.1b.txt").read_text()
    tcp = (DATA / "net" / "net_tcp__vm-6.1b.txt").read_text()
    dump = encode(
        "sock_diag",
        ["udp\t1.2.3.4:5\t0.0.0.0:0\tUNCONN\t768\t0\t768\t0\t3\t900\t0\t-\t-\tab", "=\tudp\t4", "!\ttcp\tENOENT"],
    )
    engine = fed(sock_diag=dump, net__udp=udp, net__tcp=tcp)
    section = engine.feed(tick(2.0)).sections["sockets"]
    assert [row.record.local for row in section.rows if row.record.proto == "udp"] == ["1.2.3.4:5"]
    listed = [row for row in section.rows if row.record.proto == "tcp"]
    assert len(listed) == len(tcp.splitlines()) - 1
    assert section.extras["totals"] == {"udp": 4, "tcp": len(listed)}
    assert f"3 of {4 + len(listed)} sockets have nothing queued and are not listed" in section.notes


def test_sockets_know_their_owners() -> None:
    udp = (DATA / "net" / "net_udp__vm-6.1b.txt").read_text()
    inode = int(udp.splitlines()[1].split()[9])
    owners = encode("socket_owners", [f"{inode}\t12\t3\ta b", f"{inode}\t13\t4\tb"])
    section = fed(net__udp=udp, socket_owners=owners).feed(tick(2.0)).sections["sockets"]
    held = {row.record.inode: row.record.owners for row in section.rows}
    assert held[inode] == (Owner(12, "a b", 3), Owner(13, "b", 4))
    assert {owners for other, owners in held.items() if other != inode} <= {()}


def test_sockets_without_an_inode_stay_apart() -> None:
    rows = [f"tcp\t1.1.1.1:{port}\t2.2.2.2:2\tTIME_WAIT\t0\t0\t-\t-\t-\t0\t0\t-\t-\t{port:x}" for port in (1, 2)]
    section = fed(sock_diag=encode("sock_diag", [*rows, "=\ttcp\t2"])).feed(tick(2.0)).sections["sockets"]
    assert len({row.key for row in section.rows}) == 2


def test_sockets_that_cannot_be_read_say_so() -> None:
    section = fed(net__tcp=Fault("missing", "no tcp"), net__udp=Fault("denied", "no udp")).feed(tick(2.0)).sections
    assert section["sockets"].fault == Fault("denied", "no udp")
    udp = (DATA / "net" / "net_udp__vm-6.1b.txt").read_text()
    section = fed(net__udp=udp, net__raw=Fault("denied", "locked")).feed(tick(2.0)).sections
    assert section["sockets"].fault is None
    assert "raw is missing: locked" in section["sockets"].notes


def test_sockets_count_other_network_namespaces() -> None:
    udp = (DATA / "net" / "net_udp__vm-6.1b.txt").read_text()
    files = encode("open_files", ["=\tnetns\t3", "=\tunreadable\t0"])
    section = fed(net__udp=udp, open_files=files).feed(tick(2.0)).sections["sockets"]
    assert "2 other network namespaces: their sockets are not covered" in section.notes


@pytest.mark.parametrize(
    ("change", "memory"),
    [
        ({}, 0),
        ({"rx_queue": 768, "rmem": 1280}, 1280),
        ({"tx_queue": 5, "wmem": 512}, 512),
        ({"ring": 1 << 20}, 1 << 20),
        ({"proto": "tcp", "state": "ESTABLISHED", "rx_queue": 70, "tx_queue": 5, "rmem": None, "wmem": None}, 75),
        ({"proto": "tcp", "state": "LISTEN", "rx_queue": 3, "tx_queue": 128, "rmem": None, "wmem": None}, 0),
    ],
)
def test_memory_of_a_socket(change: dict[str, object], memory: int) -> None:
    given = EMPTY._replace(**change)  # type: ignore[arg-type]  # less than the real thing will do here
    assert memory_of(given) == memory


def test_processes_and_tmpfs_of_a_tree(tmp_path: Path) -> None:
    frame = frame_of(plant_rest(tmp_path))
    processes = {row.record.pid: row for row in frame.sections["processes"].rows}
    assert processes.keys() == {812, 4711}
    assert (processes[812].record.comm, processes[812].size.value) == ("postgres", 300 << 10)
    assert processes[4711].record.comm == "a b\n)x"
    assert processes[812].key == (812, 8120)
    shared = {(row.record.kind, row.record.name): row.record for row in frame.sections["tmpfs"].rows}
    assert shared["tmpfs", "/run"][2:4] == (128 << 10, 4096 << 10)
    assert shared["sysv", "shmid 3 (key 0x00000007)"][2:4] == (2 << 20, 4 << 20)
    assert ("tmpfs", "/") not in shared
    assert not any(row.record.name == "/dev/shm" and row.record.used for row in frame.sections["tmpfs"].rows)


def test_shared_memory_without_its_mounts_is_still_listed() -> None:
    engine = fed(tmpfs=Fault("missing", "no mounts"), open_files=encode("open_files", ["memfd\tm\t9\t9\t1\tc\t3\t2"]))
    frame = engine.feed(tick(2.0))
    (row,) = frame.sections["tmpfs"].rows
    assert frame.sections["tmpfs"].fault == Fault("missing", "no mounts")
    assert (row.record.owner, row.size.value, row.size.growth) == ("c (1) and 1 more", 9, 0)


def test_memfds_that_are_listed_late_have_not_grown() -> None:
    mounts = encode("tmpfs", ["/run\ttmpfs\t100\t4096\t-"])
    engine = fed(tmpfs=mounts)
    frame = engine.feed(tick(2.0, open_files=encode("open_files", ["memfd\tm\t900000\t9\t1\tc\t3\t1"])))
    assert {row.record.kind: row.size.growth for row in frame.sections["tmpfs"].rows} == {"tmpfs": 0, "memfd": 0}
    assert frame.suspects == ()


def test_open_files_that_are_denied_are_counted() -> None:
    engine = fed(tmpfs=encode("tmpfs", []), open_files=encode("open_files", ["=\tnetns\t1", "=\tunreadable\t6"]))
    notes = engine.feed(tick(2.0)).sections["tmpfs"].notes
    assert notes == ("open files of 6 processes cannot be read: memfds may be missing",)


@pytest.mark.parametrize(
    ("section", "probe"),
    [
        ("memory", "meminfo"),
        ("slab", "slabinfo"),
        ("vmalloc", "vmallocinfo"),
        ("sockets", "net/udp"),
        ("kmemleak", "kmemleak"),
        ("processes", "processes"),
        ("tmpfs", "tmpfs"),
        ("allocinfo", "allocinfo"),
    ],
)
@pytest.mark.parametrize("junk", [b"\x00\x1b]52;c;x\x07\xff" * 50 + b"\n", b"garbage\n", b""])
def test_one_bad_file_costs_one_section(tmp_path: Path, section: str, probe: str, junk: bytes) -> None:
    engine = Engine(MACHINE)
    plant_rest(plant(tmp_path, "vm-6.12b"))
    put(tmp_path, "proc/net/udp", (DATA / "net" / "net_udp__vm-6.1b.txt").read_bytes())
    put(tmp_path, "sys/kernel/debug/kmemleak", (DATA / "kmemleak" / "vm-7.2b-2scan.txt").read_bytes())
    good = engine.feed(tick_of(tmp_path)).sections
    assert {name: found.fault for name, found in good.items() if found.fault} == {}
    bad = engine.feed(Tick(9.0, 9.0, (RawSample(probe, junk, None, 9.0, 9.0),))).sections
    others = {name for name in good if name != section}
    assert {name for name in others if bad[name].fault is not None} == set()
    assert {name for name in others if bad[name].rows != good[name].rows} <= {"memory"}
    fault = bad[section].fault
    if section == "sockets":  # other tables of this tree still answer
        assert any("udp is missing: net/udp" in note for note in bad[section].notes) or fault is not None
    elif section == "kmemleak":  # nothing found and no format known look alike
        assert fault is not None or not bad[section].rows
    else:
        assert fault is not None
        assert fault.kind == ("malformed" if junk else "empty")
        assert fault.reason.startswith(f"{probe}: ")
        assert fault.reason.isprintable()
        assert bad[section].rows == () or section == "tmpfs"


def test_a_section_that_fails_is_told_and_the_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_content: bytes) -> object:
        raise ZeroDivisionError("odd kernel")

    monkeypatch.setattr("leaktop.engine.sections.slab.parse_slabinfo", broken)
    monkeypatch.setattr("leaktop.engine.sections.memory.residual", broken)
    engine = fed(slabinfo=HEADING, meminfo="MemTotal: 1 kB\n", vmallocinfo="0x1-0x2 8192 a+0x1/0x2 pages=1 vmalloc\n")
    sections = engine.feed(tick(2.0)).sections
    slab, memory = sections["slab"].fault, sections["memory"].fault
    assert slab is not None
    assert memory is not None
    assert (slab.kind, "ZeroDivisionError: odd kernel" in slab.reason) == ("malformed", True)
    assert (memory.kind, "ZeroDivisionError: odd kernel" in memory.reason) == ("failed", True)
    assert sections["vmalloc"].fault is None
    assert len(sections["vmalloc"].rows) == 1


def test_every_section_has_its_place() -> None:
    assert [rule.order for rule in SECTIONS] == list(range(1, len(SECTIONS) + 1))
    assert len({rule.name for rule in SECTIONS}) == len(SECTIONS)
    assert all(rule.probes for rule in SECTIONS)


def test_the_live_machine_has_no_section_that_failed() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as held:
        held.bind(("127.0.0.1", 0))
        sections = frame_of(Path("/")).sections
        port = held.getsockname()[1]
        assert any(row.record.local == f"127.0.0.1:{port}" for row in sections["sockets"].rows)
    assert [
        name for name, found in sections.items() if found.fault and found.fault.kind in {"failed", "malformed"}
    ] == []
