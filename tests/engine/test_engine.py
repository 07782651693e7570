"""The engine as a whole: what it concludes of ticks, the same each time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from leaktop.engine.engine import Engine
from leaktop.model.records import Socket
from leaktop.model.sample import Fault, Machine, RawSample, Tick
from leaktop.sources.text_form import encode
from tests.trees import plant, plant_rest, tick_of

if TYPE_CHECKING:
    from pathlib import Path

    from leaktop.model.frame import Frame, Suspect

MACHINE = Machine("6.12.0", "host", 4096, None, "x86_64", None, None, is_live=False)
MIB = 1 << 20


def tick(mono: float, wall: float | None = None, **probes: bytes | Fault) -> Tick:
    wall = 1e9 + mono if wall is None else wall
    samples = tuple(
        RawSample(
            name.replace("__", "/"),
            given if isinstance(given, bytes) else None,
            given if isinstance(given, Fault) else None,
            mono,
            wall,
        )
        for name, given in probes.items()
    )
    return Tick(mono, wall, samples)


def slabinfo(**caches: int) -> bytes:
    lines = [
        f"{name} {slabs * 21} {slabs * 21} 192 21 1 : tunables 0 0 0 : slabdata {slabs} {slabs} 0\n"
        for name, slabs in caches.items()
    ]
    return ("slabinfo - version: 2.1\n# name\n" + "".join(lines)).encode()


def meminfo(total: int = 16 << 20, free: int = 8 << 20, **lines: int) -> bytes:
    counted = {"Active": total - free, "Inactive": 0, "Unevictable": 0, "VmallocUsed": 4} | lines
    text = "".join(f"{name}: {size} kB\n" for name, size in counted.items())
    return f"MemTotal: {total} kB\nMemFree: {free} kB\n{text}".encode()


def processes(**rss: int) -> bytes:
    return encode("processes", [f"{ord(n[0])}\t7\t{n}\t{size}\t0\t0\t0\t0\t1\t9" for n, size in rss.items()])


def sock_diag(**rmem: int) -> bytes:
    rows = [
        f"udp\t127.0.0.1:{port[1:]}\t0.0.0.0:0\tUNCONN\t{size}\t0\t{size}\t0\t0\t{port[1:]}\t0\t-\t-\tc"
        for port, size in rmem.items()
    ]
    return encode("sock_diag", [*rows, f"=\tudp\t{len(rows)}"])


def grown(*pairs: dict[str, bytes]) -> Frame:
    engine = Engine(MACHINE)
    for second, probes in enumerate(pairs):
        frame = engine.feed(tick(10.0 + second, None, **probes))
    return frame


def one(frame: Frame) -> Suspect:
    (found,) = frame.suspects
    return found


def as_values(frame: Frame) -> tuple[object, ...]:
    sections = {name: (s.rows, s.fault, s.notes, dict(s.extras), s.mono, s.wall) for name, s in frame.sections.items()}
    return frame.machine, frame.mono, frame.wall, sections, frame.suspects, frame.baseline_wall


def test_the_same_ticks_give_the_same_frames(tmp_path: Path) -> None:
    first = tick_of(plant_rest(plant(tmp_path, "live-6.18")))
    ticks = [first, *(Tick(first.mono + s, first.wall + s, first.samples) for s in (1, 2, 3))]
    ticks.append(tick(first.mono + 4, slabinfo=slabinfo(dentry=4000, new_cache=9)))
    engines = Engine(MACHINE), Engine(MACHINE)
    for given in ticks:
        one_frame, other = (engine.feed(given) for engine in engines)
        assert as_values(one_frame) == as_values(other)
    assert one_frame.suspects
    keys = [(s.name, row.key) for s in one_frame.sections.values() for row in s.rows]
    points = [[engine.points(section, key, "size", 1e18) for section, key in keys] for engine in engines]
    assert points[0] == points[1]


def test_the_wall_clock_may_jump_back() -> None:
    engine = Engine(MACHINE)
    engine.feed(tick(10.0, 5e9, slabinfo=slabinfo(a=1)))
    engine.feed(tick(12.0, 4e9, slabinfo=slabinfo(a=2)))
    frame = engine.feed(tick(14.0, 3e9, slabinfo=slabinfo(a=3)))
    (row,) = frame.sections["slab"].rows
    assert (row.size.delta, row.size.rate, row.size.growth) == (4096, 2048.0, 8192)
    assert (frame.wall, frame.baseline_wall) == (3e9, 5e9)
    assert engine.points("slab", row.key, "size", 99.0) == ([10.0, 12.0, 14.0], [4096.0, 8192.0, 12288.0])


def test_a_section_stands_until_it_is_read_again() -> None:
    engine = Engine(MACHINE)
    before = engine.feed(tick(1.0, slabinfo=slabinfo(a=1)))
    after = engine.feed(tick(2.0, meminfo=meminfo()))
    assert after.sections["slab"] is before.sections["slab"]
    assert (after.sections["slab"].mono, after.sections["memory"].mono) == (1.0, 2.0)
    assert before.sections["memory"].rows == ()
    assert before.sections["memory"].mono is None


def test_a_file_that_is_still_missing_is_no_read_of_a_section() -> None:
    engine, missing = Engine(MACHINE), Fault("missing", "not here")
    before = engine.feed(tick(1.0, slabinfo=slabinfo(a=1), slab_links=missing)).sections["slab"]
    assert engine.feed(tick(2.0, slab_links=missing)).sections["slab"] is before
    denied = engine.feed(tick(3.0, slab_links=Fault("denied", "not for you"))).sections["slab"]
    assert ["not for you" in note for note in denied.notes] == [True]
    assert denied.rows[0].record.name == "a"


def test_a_read_that_failed_at_first_has_not_grown() -> None:
    engine = Engine(MACHINE)
    engine.feed(tick(1.0, slabinfo=Fault("busy", "in use"), meminfo=b""))
    frame = engine.feed(tick(2.0, slabinfo=slabinfo(a=900), meminfo=meminfo(PageTables=500)))
    assert [row.size.growth for row in frame.sections["slab"].rows] == [0]
    assert {row.size.growth for row in frame.sections["memory"].rows} == {0, None}
    assert frame.suspects == ()


def test_a_gap_claims_no_delta_and_keeps_the_baseline() -> None:
    engine = Engine(MACHINE)
    engine.feed(tick(1.0, slabinfo=slabinfo(a=1)))
    gap = engine.feed(tick(2.0, slabinfo=Fault("busy", "in use")))
    assert gap.sections["slab"].rows == ()
    (row,) = engine.feed(tick(3.0, slabinfo=slabinfo(a=9))).sections["slab"].rows
    assert (row.size.delta, row.size.rate, row.size.growth) == (None, None, 8 * 4096)


def test_hours_without_a_section_do_not_make_its_rows_new() -> None:
    engine = Engine(MACHINE)
    engine.feed(tick(0.0, slabinfo=slabinfo(a=100)))
    for second in range(1, 1600):
        engine.feed(tick(float(second), slabinfo=Fault("busy", "in use")))
    (row,) = engine.feed(tick(1600.0, slabinfo=slabinfo(a=101))).sections["slab"].rows
    assert row.size.growth == 4096


def test_history_of_a_row_that_went_is_forgotten() -> None:
    engine = Engine(MACHINE)
    engine.feed(tick(0.0, slabinfo=slabinfo(a=1, gone=2)))
    for second in range(1, 520):
        engine.feed(tick(second * 2.0, slabinfo=slabinfo(a=1)))
    assert engine.points("slab", ("gone", 0), "size", 1e9) == ([], [])
    assert engine.points("slab", ("a", 0), "size", 1e9)[1] == [4096.0, 4096.0]


def test_marking_counts_growth_from_the_next_tick() -> None:
    engine = Engine(MACHINE)
    for second, slabs in enumerate((1, 5, 9)):
        frame = engine.feed(tick(1.0 + second, slabinfo=slabinfo(a=slabs)))
    assert one(frame).size.growth == 8 * 4096
    engine.mark_baseline()
    frame = engine.feed(tick(4.0, slabinfo=slabinfo(a=9)))
    assert (frame.suspects, frame.baseline_wall) == ((), 1e9 + 4)
    frame = engine.feed(tick(5.0, slabinfo=slabinfo(a=10)))
    assert (one(frame).size.growth, frame.baseline_wall) == (4096, 1e9 + 4)


def test_the_baseline_is_the_first_tick_with_anything_in_it() -> None:
    engine = Engine(MACHINE)
    assert engine.feed(tick(1.0)).baseline_wall is None
    assert engine.feed(tick(2.0, slabinfo=slabinfo(a=1))).baseline_wall == 1e9 + 2


def test_points_of_what_is_not_kept_are_empty() -> None:
    assert Engine(MACHINE).points("slab", ("nothing", 0), "size", 1e9) == ([], [])


def test_suspects_are_ranked_by_bytes_and_caches_come_last() -> None:
    links = encode("slab_links", ["dentry\tdir\t1", "kmalloc-64\tdir\t0", "kmemleak_object\tdir\t0"])
    names = {"dentry": 1, "kmalloc-64": 1, "kmemleak_object": 1, "still": 5, "shrinks": 9}
    after = {"dentry": 9000, "kmalloc-64": 3, "kmemleak_object": 7000, "still": 5, "shrinks": 2}
    frame = grown(
        {"slabinfo": slabinfo(**names), "slab_links": links, "processes": processes(a=100, b=900)},
        {"slabinfo": slabinfo(**after), "processes": processes(a=5 * MIB, b=800)},
    )
    assert [(s.kind, s.name, s.is_cache) for s in frame.suspects] == [
        ("process", "a (97)", False),
        ("slab", "kmalloc-64", False),
        ("slab", "dentry", True),
        ("slab", "kmemleak_object", True),
    ]
    notes = {suspect.name: suspect.note for suspect in frame.suspects}
    assert "reclaimable" in notes["dentry"]
    assert "debug kernel" in notes["kmemleak_object"]


def test_a_suspect_names_what_shares_its_slabs() -> None:
    links = encode("slab_links", [":0000192\tdir\t-", "a\tlink\t:0000192", "TSPacket\tlink\t:0000192"])
    frame = grown({"slabinfo": slabinfo(a=1), "slab_links": links}, {"slabinfo": slabinfo(a=2)})
    assert one(frame).note == "shares its slabs with TSPacket"


def test_memory_of_an_unloaded_module_is_called_so() -> None:
    area = "0x1-0x2 8192 {} pages={} vmalloc\n"
    before = area.format("0xffffffffc0001234", 1) + area.format("leak+0x1/0x2 [leakgen]", 1)
    after = area.format("0xffffffffc0001234", 9) + area.format("leak+0x1/0x2 [leakgen]", 3)
    frame = grown({"vmallocinfo": before.encode()}, {"vmallocinfo": after.encode()})
    assert [(s.name, s.note) for s in frame.suspects] == [
        ("0xffffffffc0001234", "code of a module that is gone"),
        ("leak", "module leakgen"),
    ]


def test_a_socket_is_accused_with_its_owner() -> None:
    owners = encode("socket_owners", ["53\t99\t4\tpppd"])
    frame = grown(
        {"sock_diag": sock_diag(p53=0, p54=0), "socket_owners": owners}, {"sock_diag": sock_diag(p53=768, p54=100)}
    )
    assert [(s.name, s.note, s.size.growth) for s in frame.suspects] == [
        ("udp 127.0.0.1:53", "pppd (99) fd 4", 768),
        ("udp 127.0.0.1:54", "", 100),
    ]
    assert isinstance(frame.sections["sockets"].rows[0].record, Socket)


def test_counters_of_the_kernel_are_accused_under_their_kind() -> None:
    calm = meminfo(PageTables=10, KernelStack=10, Percpu=10, Hugetlb=0, AnonPages=5)
    busy = meminfo(PageTables=99, KernelStack=40, Percpu=30, Hugetlb=20, AnonPages=9999)
    frame = grown({"meminfo": calm}, {"meminfo": busy})
    assert [s.kind for s in frame.suspects] == ["pagetables", "kernelstack", "percpu", "hugepages"]
    assert {s.section for s in frame.suspects} == {"memory"}


def test_stacks_inside_vmalloc_are_accused_there() -> None:
    area = "0x1-0x2 20480 alloc_thread_stack_node+0x1/0x2 pages={} vmalloc\n"
    frame = grown(
        {"meminfo": meminfo(KernelStack=40), "vmallocinfo": area.format(10).encode()},
        {"vmallocinfo": area.format(90).encode()},
        {"meminfo": meminfo(KernelStack=360)},
    )
    assert [(s.kind, s.name) for s in frame.suspects] == [("vmalloc", "alloc_thread_stack_node")]


@pytest.mark.parametrize(("lost", "accused"), [(30 << 10, False), (2 << 20, True)])
def test_the_residual_is_accused_only_beyond_noise(lost: int, accused: bool) -> None:
    total, free = 16 << 20, 8 << 20
    after = meminfo(total, free - lost, Active=total - free)
    frame = grown({"meminfo": meminfo(total, free)}, {"meminfo": after})
    assert [s.kind for s in frame.suspects] == (["residual"] if accused else [])


def test_a_tmpfs_and_a_kmemleak_suspect() -> None:
    leak = b'unreferenced object 0x1 (size %d):\n  comm "a", pid 1, jiffies 1\n  backtrace:\n    f+0x1/0x2\n'
    mounts = [encode("tmpfs", [f"/run\ttmpfs\t{used}\t4096\t-"]) for used in (1000, 3000)]
    frame = grown({"tmpfs": mounts[0], "kmemleak": leak % 8}, {"tmpfs": mounts[1], "kmemleak": leak % 8 + leak % 64})
    assert [(s.kind, s.name, s.note) for s in frame.suspects] == [
        ("tmpfs", "/run", ""),
        ("kmemleak", "f", "2 objects"),
    ]


def test_the_ranking_is_bounded() -> None:
    names = {f"c{i}": 1 for i in range(300)}
    frame = grown({"slabinfo": slabinfo(**names)}, {"slabinfo": slabinfo(**{n: 2 + i for i, n in enumerate(names)})})
    assert len(frame.suspects) == 200
    assert frame.suspects[0].name == "c299"
