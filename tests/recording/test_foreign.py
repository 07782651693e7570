"""Machines of other pages, words and byte orders, captured there, recorded, and looked at here."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from leaktop.engine.engine import Engine
from leaktop.engine.reading import read_everything
from leaktop.recording.recorder import header_for
from leaktop.sources.filesystem import FileSystemSource
from leaktop.zstd import ZstdDecompressor
from tests.corpus import capture
from tests.engine.played import Memory as Written
from tests.engine.played import differences, opened, recorder_to
from tests.trees import put, rows_by_name

if TYPE_CHECKING:
    from pathlib import Path

    from leaktop.model.frame import Frame

MACHINES = [
    pytest.param("aarch64", "6.1.0-asahi-16k", 16384, 8, id="arm64, pages of 16K"),
    pytest.param("ppc64le", "5.14.0-503.el9.ppc64le", 65536, 8, id="ppc64le, pages of 64K"),
    pytest.param("aarch64", "4.18.0-553.el8.aarch64", 65536, 8, id="arm64, pages of 64K"),
    pytest.param("s390x", "5.15.0-s390x", 4096, 8, id="s390x, big-endian"),
    pytest.param("mips", "4.14.180", 4096, 4, id="mips, big-endian, of 32 bits"),
    pytest.param("armv7l", "4.19.0-arm", 4096, 4, id="arm, of 32 bits"),
]


def plant(root: Path, architecture: str, release: str, page: int, word: int) -> None:
    """A tree as such a kernel prints it: kB in meminfo, pages in vmstat, zoneinfo and vmallocinfo."""
    total, free, slab = 16000, 9000, 512  # pages
    kib = page // 1024
    lines = {"MemTotal": total * kib, "MemFree": free * kib, "MemAvailable": free * kib, "AnonPages": 900 * kib}
    lines |= {"Slab": slab * kib, "SReclaimable": 256 * kib, "SUnreclaim": 256 * kib, "PageTables": 10 * kib}
    if word == 4:
        lines |= {"HighTotal": 0, "HighFree": 0, "LowTotal": total * kib, "LowFree": free * kib}
    put(root, "proc/meminfo", "".join(f"{name + ':':<16}{value:8} kB\n" for name, value in lines.items()))
    put(root, "proc/vmstat", f"nr_free_pages {free}\nnr_anon_pages 900\nnr_slab_unreclaimable 256\n")
    zone = f"Node 0, zone   Normal\n  pages free     {free}\n        spanned  {total}\n        present  {total}\n"
    zone += f"        managed  {total}\n  pagesets\n    cpu: 0\n              count: 3\n              high:  6\n"
    put(root, "proc/zoneinfo", zone)
    head = "slabinfo - version: 2.1\n# name <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab> : tunables\n"
    rows = "kmalloc-512 1280 1280 512 128 1 : tunables 0 0 0 : slabdata 10 10 0\n"
    put(root, "proc/slabinfo", head + rows)
    digits = word * 2
    start = 0xF0800000 if word == 4 else 0xFFFF800008000000
    areas = "".join(
        f"0x{start + at * 4 * page:0{digits}x}-0x{start + (at * 4 + 3) * page:0{digits}x} {3 * page:7} "
        f"module_alloc+0x38/0x58 pages=2 vmalloc\n"
        for at in range(5)
    )
    put(root, "proc/vmallocinfo", areas)
    put(root, "proc/sys/kernel/osrelease", f"{release}\n")
    put(root, "uname", f"Linux far {release} #1 SMP Mon Jan 1 00:00:00 UTC 2024 {architecture} GNU/Linux\n")
    put(root, "proc/812/status", "Name:\tfar\nPid:\t812\nFDSize:\t64\nVmRSS:\t640 kB\nThreads:\t1\n")
    put(root, "proc/812/statm", "100 10 4 1 0 5 0\n")
    put(root, "proc/812/stat", f"812 (far) S {' '.join(['0'] * 18)} 8120 0 0\n")


def through_a_recording(root: Path) -> tuple[Frame, Frame, bytes]:
    """The Frame of a tree, that of its recording, and the recording."""
    source = FileSystemSource(str(root))
    tick = read_everything(source)
    source.close()
    written = Written()
    recorder = recorder_to(written, header_for(source.machine, source.probes, 1.0))
    recorder.take(tick)
    recorder.stop()
    content = written.read(0, written.size())
    recording = opened(content)
    assert recording.header is not None
    [(_, again)] = recording.walk()
    return Engine(source.machine).feed(tick), Engine(recording.header.machine).feed(again), content


@pytest.mark.parametrize(("architecture", "release", "page", "word"), MACHINES)
def test_what_is_counted_in_pages_is_of_that_machines_pages(
    tmp_path: Path, architecture: str, release: str, page: int, word: int
) -> None:
    plant(tmp_path, architecture, release, page, word)
    frame, replayed, _ = through_a_recording(tmp_path)
    assert (frame.machine.page_size, frame.machine.architecture) == (page, architecture)
    assert replayed.machine.page_size == page
    for one in (frame, replayed):
        assert rows_by_name(one, "slab")["kmalloc-512"].size.value == 10 * page
        [area] = one.sections["vmalloc"].rows
        assert area.size.value == 5 * 2 * page
        assert area.record.areas == 5
        memory = rows_by_name(one, "memory")
        assert memory["pcp"].size.value == 3 * page
        assert memory["MemTotal"].size.value == 16000 * page
        [process] = one.sections["processes"].rows
        assert (process.record.anon, process.record.file) == (6 * page, 4 * page)
    assert differences(frame, replayed) == []


@pytest.mark.parametrize(("architecture", "release", "page", "word"), MACHINES[:1])
def test_a_recording_holds_text_and_no_binary_of_any_order(
    tmp_path: Path, architecture: str, release: str, page: int, word: int
) -> None:
    plant(tmp_path, architecture, release, page, word)
    *_, content = through_a_recording(tmp_path)
    text = ZstdDecompressor().decompress(content)
    for line in text.splitlines():
        assert isinstance(json.loads(line), dict)
        assert line.isascii()


@pytest.mark.parametrize("name", ["h-arm-4.x-vm_map_ram-lkml"])
def test_addresses_of_32_bits(tmp_path: Path, name: str) -> None:
    content = capture("vmallocinfo", name)
    if content is None:
        pytest.skip("no public captures here")
    put(tmp_path, "proc/vmallocinfo", content)
    frame, replayed, _ = through_a_recording(tmp_path)
    assert frame.sections["vmalloc"].rows
    assert differences(frame, replayed) == []


def test_slabs_of_a_big_endian_router(tmp_path: Path) -> None:
    content = capture("slabinfo", "h-slab-statistics-mips-router-blog")
    if content is None:
        pytest.skip("no public captures here")
    put(tmp_path, "proc/slabinfo", content)
    frame, replayed, _ = through_a_recording(tmp_path)
    assert frame.sections["slab"].rows
    assert differences(frame, replayed) == []
