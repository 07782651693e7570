"""The bar that stands for all memory, and the sentence above it."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaktop.engine.engine import Engine
from leaktop.model.sample import Fault, Machine, RawSample, Tick
from leaktop.sources.probes import PROBES
from leaktop.sources.text_form import encode
from leaktop.view.headline import Segment, bar, growth_line, memory_segments, verdict_line
from tests.corpus import captures, content
from tests.engine.stories import Story, rising
from tests.trees import frame_of

if TYPE_CHECKING:
    from leaktop.model.frame import Frame

MACHINE = Machine("6.12.0", "host", 4096, None, "x86_64", None, None, is_live=False)
SIZES = st.lists(st.integers(0, 2**50), min_size=1, max_size=12)


def fed(*ticks: dict[str, bytes]) -> Frame:
    engine = Engine(MACHINE)
    for second, probes in enumerate(ticks):
        samples = tuple(RawSample(name, given, None, float(second), 1e9) for name, given in probes.items())
        frame = engine.feed(Tick(float(second), 1e9, samples))
    return frame


@given(SIZES, st.integers(1, 300))
def test_the_bar_is_as_wide_as_it_should_be(sizes: list[int], width: int) -> None:
    segments = [Segment(f"part {i}", size, "anon") for i, size in enumerate(sizes)]
    pieces = bar(segments, width)
    if not sum(sizes):
        assert pieces == []
        return
    assert sum(len(text) for text, _ in pieces) == width
    assert all(text for text, _ in pieces)


@given(SIZES, st.integers(20, 300))
def test_a_part_is_as_wide_as_its_share(sizes: list[int], width: int) -> None:
    segments = [Segment("x", size, str(i)) for i, size in enumerate(sizes)]
    shown = {tone: len(text) for text, tone in bar(segments, width)}
    for segment in segments:
        share = segment.bytes * width / max(sum(sizes), 1)
        assert abs(shown.get(segment.tone, 0) - share) <= 1


def test_labels_where_there_is_room() -> None:
    segments = [Segment("anon", 1 << 30, "anon"), Segment("free", 3 << 30, "free")]
    assert bar(segments, 80) == [(" anon 1.00G".ljust(20), "anon"), (" free 3.00G".ljust(60), "free")]
    assert bar(segments, 32) == [(" 1.00G ".ljust(8), "anon"), (" free 3.00G".ljust(24), "free")]
    assert bar(segments, 8) == [("  ", "anon"), (" " * 6, "free")]
    assert bar(segments, 0) == []


@pytest.mark.parametrize("path", captures("meminfo"), ids=lambda path: path.name)
def test_the_parts_are_all_of_memory(path: Path) -> None:
    frame = fed({"meminfo": content(path)})
    segments = memory_segments(frame)
    total = next(row.size.value for row in frame.sections["memory"].rows if row.record.name == "MemTotal")
    assert all(segment.bytes >= 0 for segment in segments)
    assert sum(segment.bytes for segment in segments) == total


def test_free_is_what_the_kernel_says_is_free() -> None:
    meminfo = b"MemTotal: 8000 kB\nMemFree: 1000 kB\nActive: 500 kB\nInactive: 0 kB\nUnevictable: 0 kB\n"
    meminfo += b"AnonPages: 500 kB\nVmallocUsed: 4 kB\nBalloon: 6000 kB\nKernelStack: 100 kB\n"
    sizes = {segment.name: segment.bytes for segment in memory_segments(fed({"meminfo": meminfo}))}
    assert sizes["free"] == 1000 * 1024
    assert sum(sizes.values()) == 8000 * 1024


def test_no_meminfo_no_bar() -> None:
    assert memory_segments(fed({})) == []


def test_the_parts_of_this_machine() -> None:
    frame = frame_of(Path("/"))
    rows = {row.record.name: row.size.value or 0 for row in frame.sections["memory"].rows}
    segments = {segment.name: segment.bytes for segment in memory_segments(frame)}
    assert sum(segments.values()) == rows["MemTotal"]
    assert segments["slab unrec"] == rows["SUnreclaim"]
    assert segments["free"] == pytest.approx(rows["MemFree"] + rows["pcp"], abs=64 << 20)


def slabs(**caches: int) -> dict[str, bytes]:
    lines = [f"{n} {s} {s} 4096 1 1 : tunables 0 0 0 : slabdata {s} {s} 0\n" for n, s in caches.items()]
    return {"slabinfo": ("slabinfo - version: 2.1\n" + "".join(lines)).encode()}


def test_the_sentence_says_what_grew_most() -> None:
    frame = fed(slabs(a=1, b=1, c=1, d=1, e=1), slabs(a=257, b=9, c=513, d=2, e=1025))
    text, tone = growth_line(frame)
    assert tone == "growth"
    assert text.startswith("▲ Grew since ")
    assert text.endswith(": e +4.00M, c +2.00M, a +1.00M and 2 more")  # no rates: they take five seconds


def test_the_sentence_says_how_fast_where_that_is_known() -> None:
    frame = Story(caches={"kmalloc-2k": (2048, rising(90))}).frame(range(21))
    assert growth_line(frame)[0].endswith(" (+11M/m)")


def test_caches_are_not_accused() -> None:
    links = {"slab_links": encode("slab_links", ["dentry\tdir\t1"])}
    text, tone = growth_line(fed(slabs(dentry=1) | links, slabs(dentry=9)))
    assert (text.startswith("Nothing but caches has grown since "), tone) == (True, "")


def test_a_hostile_name_is_harmless_in_the_sentence() -> None:
    frame = fed(slabs(a=1))
    (row,) = frame.sections["slab"].rows
    grown = fed(slabs(a=1), slabs(a=2))
    suspect = grown.suspects[0]._replace(name="\x1b]0;x\x07" + "n" * 600)
    text, _ = growth_line(dataclasses.replace(grown, rank=lambda _: (suspect,)))
    assert text.isprintable()
    assert len(text) < 120
    assert row.record.name == "a"


def test_the_first_line_is_the_verdict() -> None:
    leaking = Story(caches={"kmalloc-2k": (2048, rising(90)), "\x1b[2Jx": (512, rising(90))})
    text, tone = verdict_line(leaking.frame(range(61)))
    assert (tone, text.isprintable()) == ("growth", True)
    assert text.startswith("▲ KERNEL LEAK 9")
    assert "kmalloc-2k +11M/m, \\x1b[2Jx" in text
    assert "for 1m00s; 2 rise in step. Memory is gone in " in text


def test_the_first_line_accuses_nobody_before_there_is_enough() -> None:
    leaking = Story(caches={"kmalloc-2k": (2048, rising(90))})
    assert verdict_line(leaking.frame(range(6)))[0].startswith("▲ Grew since ")
    assert verdict_line(Story().frame(range(61))) == ("Nothing grows steadily that is not a cache, over 1m00s.", "")
    cached = Story(memory={"Cached": rising(9 << 20, 512 << 20)}).frame(range(61))
    assert verdict_line(cached)[0].startswith("Cache growth: Caches gained 540M")


def test_where_nothing_can_be_read_nothing_is_said_not_to_grow() -> None:
    denied = Fault("denied", "/proc/slabinfo needs root", "sudo leaktop")
    samples = tuple(RawSample(probe.name, None, denied, 1.0, 1e9) for probe in PROBES)
    frame = Engine(Machine("6.12", None, 4096, None, None, None, None, is_live=False)).feed(Tick(1.0, 1e9, samples))
    assert verdict_line(frame) == ("Nothing can be told: /proc/slabinfo needs root", "fault")
