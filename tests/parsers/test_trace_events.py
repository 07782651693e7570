"""The binary ring buffer, compared with what the kernel itself makes of the same events as text."""

from __future__ import annotations

import re
import struct
import sys
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaktop.model.sample import ParseError
from leaktop.parsers.kallsyms import parse_kallsyms
from leaktop.parsers.trace_events import (
    Allocated,
    CpuDecoder,
    Freed,
    Record,
    StackLayout,
    addresses_of,
    take_allocations,
    take_frees,
)
from leaktop.parsers.trace_format import EventFormat, PageLayout, parse_event_format, parse_page_layout
from leaktop.parsers.trace_ring import parse_ring_page

DATA = Path(__file__).parents[1] / "data/trace"
LAYOUT = PageLayout(8, 16)
FLAGS = [("GFP_ATOMIC", 0x820), ("__GFP_RECLAIMABLE", 0x10), ("__GFP_MOVABLE", 0x8), ("__GFP_ACCOUNT", 1 << 22)]
_LINE = re.compile(r" +\S+-([0-9]+) +\[([0-9]+)\] \S+ +([0-9]+)\.([0-9]{6}): (.*)")
_FRAME = re.compile(r" => (.*) <([0-9a-f]{16})>")


def event_format(name: str, machine: str = "live-6.18") -> EventFormat:
    return parse_event_format((DATA / f"{machine}-{name}-format.txt").read_bytes())


def decoder() -> CpuDecoder:
    allocates = take_allocations(event_format("kmem_cache_alloc"), "ptr", "bytes_alloc", None)
    frees = take_frees(event_format("kmem_cache_free"), "ptr")
    page = parse_page_layout((DATA / "live-6.18-header_page.txt").read_bytes())
    return CpuDecoder(page, {one.number: one for one in (allocates, frees)}, StackLayout(event_format("kernel_stack")))


class Told(NamedTuple):
    """An event of the text."""

    micros: int
    address: int
    size: int | None
    thread: int | None
    stack: tuple[int, ...]


def told(cpu: int) -> tuple[list[Told], dict[int, str]]:
    """What the kernel's own text has of a CPU, and the names of the addresses in it."""
    events: list[Told] = []
    names: dict[int, str] = {}
    is_stack = False
    for line in (DATA / "live-6.18-filp.txt").read_text().split("\n"):
        if found := _FRAME.fullmatch(line):
            names[int(found[2], 16)] = found[1]
            if is_stack and events:
                events[-1] = events[-1]._replace(stack=(*events[-1].stack, int(found[2], 16)))
            continue
        found = _LINE.fullmatch(line)
        if not found:
            continue
        is_stack = int(found[2]) == cpu and found[5] == "<stack trace>"
        if int(found[2]) != cpu or is_stack:
            continue
        fields = dict(pair.split("=", 1) for pair in found[5].split(" ")[1:])
        is_free = found[5].startswith("kmem_cache_free")
        micros = int(found[3]) * 1_000_000 + int(found[4])
        size = None if is_free else int(fields["bytes_alloc"])
        events.append(Told(micros, int(fields["ptr"], 16), size, None if is_free else int(found[1]), ()))
    return events, names


@pytest.mark.parametrize("cpu", [0, 1])
def test_the_binary_buffer_says_what_the_kernel_prints(cpu: int) -> None:
    expected, _ = told(cpu)
    records: list[Record] = []
    one = decoder()
    for path in sorted(DATA.glob(f"live-6.18-filp-cpu{cpu}-page*.bin")):
        records += one.feed(path.read_bytes())
    found = [
        Told((record.time + 500) // 1000, record.key, record.size, record.thread, tuple(addresses_of(record.stack, 8)))
        if isinstance(record, Allocated)
        else Told((record.time + 500) // 1000, record.key, None, None, ())
        for record in sorted(records, key=lambda record: record.time)
    ]
    assert found == expected
    assert [event.size is None for event in expected].count(True) == (10 if cpu == 0 else 0)
    assert sum(len(event.stack) > 5 for event in expected) > 5
    assert not one.missed


def test_addresses_get_the_names_that_the_kernel_prints() -> None:
    symbols = parse_kallsyms((DATA / "live-6.18-kallsyms.txt").read_bytes())
    _, names = told(0)
    assert len(names) > 8
    assert {address: symbols.name(address) for address in names} == names


def test_a_return_address_behind_the_end_of_a_function_belongs_to_it() -> None:
    symbols = parse_kallsyms(b"ffffffff81000100 T next\nffffffff81000000 t calls_panic\nffffffff81000200 T end\n")
    assert symbols.name(0xFFFFFFFF81000100) == "calls_panic+0x100/0x100"
    assert symbols.name(0xFFFFFFFF81000101) == "next+0x1/0x100"
    assert symbols.name(0x1000) == "0x1000"


def test_of_two_names_at_an_address_the_first_is_shown_with_its_module() -> None:
    symbols = parse_kallsyms(
        b"ffffffffc0000000 t first\t[mod]\nffffffffc0000000 T second\t[mod]\nffffffffc0000100 t z\t[mod]\n"
    )
    assert symbols.name(0xFFFFFFFFC0000010) == "first+0x10/0x100 [mod]"


def test_hidden_addresses_are_said_to_be_hidden() -> None:
    with pytest.raises(ParseError, match="are hidden"):
        parse_kallsyms(b"0000000000000000 T startup_64\n0000000000000000 T _text\n")


@pytest.mark.parametrize("machine", ["live-6.18", "vm-6.12b"])
@pytest.mark.parametrize("event", ["kmalloc", "mm_page_alloc"])
def test_the_values_of_flags_come_from_the_format(machine: str, event: str) -> None:
    flags = event_format(event, machine).flags
    assert {name: flags.get(name) for name, _ in FLAGS if name != "GFP_ATOMIC"} == dict(FLAGS[1:])
    assert "GFP_ATOMIC" not in flags  # two bits: no single flag


def test_flags_as_older_kernels_print_them() -> None:
    text = (
        'name: kmalloc\nID: 5\nformat:\n\tfield:const void * ptr;\toffset:16;\tsize:8;\tsigned:0;\n\nprint fmt: "%s", '
        '{(unsigned long)((( gfp_t)(0x400u|0x800u)) | (( gfp_t)0x40u)), "GFP_NOFS"}, '
        '{(unsigned long)(( gfp_t)0x400000u), "__GFP_ACCOUNT"}, {(unsigned long)(( gfp_t)___GFP_X_BIT), "__GFP_X"}'
    )
    assert parse_event_format(text.encode()).flags == {"__GFP_ACCOUNT": 0x400000}


def test_fields_are_taken_in_the_order_that_was_asked_for() -> None:
    extract = event_format("kmem_cache_alloc").extractor(("ptr", "common_pid", "node"))
    event = struct.pack("=HBBiQQIxxxxQQQi?", 1, 0, 0, -7, 10, 20, 30, 40, 50, 60, -1, True)
    assert extract(b"xx" + event, 2) == (20, -7, -1)
    with pytest.raises(ParseError, match="no field name"):
        event_format("kfree").extractor(("name",))


ring_events = st.lists(
    st.tuples(
        st.integers(0, 1 << 40), st.binary(min_size=4, max_size=200).filter(lambda data: len(data) % 4 == 0),
        st.booleans(),
    ),
    max_size=12,
)  # fmt: skip


def ring_page(start: int, events: list[tuple[int, bytes, bool]], lost: int | None = None) -> tuple[bytes, list[int]]:
    """A page as the kernel writes it: large steps of time by an event of their own, as a difference or absolute."""
    body, now, times = b"", start, []
    for step, payload, is_absolute in events:
        now += step
        delta = step
        if step >= 1 << 27:
            kind, value = (31, now & ((1 << 59) - 1)) if is_absolute else (30, step)
            body += struct.pack("=II", kind | (value & (1 << 27) - 1) << 5, value >> 27)
            delta = 0
        if len(payload) <= 112:
            body += struct.pack("=I", len(payload) // 4 | delta << 5) + payload
        else:
            body += struct.pack("=II", delta << 5, len(payload) + 4) + payload
        times.append(now)
    commit = len(body) | (0 if lost is None else 1 << 31 | 1 << 30)
    return struct.pack("=QQ", start, commit) + body + struct.pack("=Q", lost or 0) + bytes(64), times


little_endian = pytest.mark.skipif(sys.byteorder != "little", reason="the page is made as on a little-endian machine")


@little_endian
@given(st.integers(0, 1 << 60), ring_events)
def test_every_event_is_found_at_its_time(start: int, events: list[tuple[int, bytes, bool]]) -> None:
    page, times = ring_page(start, events)
    found = parse_ring_page(page, LAYOUT)
    assert [page[at : at + length] for _, at, length in found.events] == [payload for _, payload, _ in events]
    assert [time for time, _, _ in found.events] == times
    assert found.missed == 0


@little_endian
def test_what_was_overwritten_is_counted() -> None:
    page, _ = ring_page(5, [(1, b"1234", False)], lost=77)
    assert parse_ring_page(page, LAYOUT).missed == 77
    uncounted = struct.pack("=QQ", 5, 1 << 31) + bytes(32)
    assert parse_ring_page(uncounted, LAYOUT).missed is None


@given(st.binary(max_size=400))
def test_any_bytes_are_a_page(content: bytes) -> None:
    found = parse_ring_page(content, LAYOUT)
    assert all(at >= LAYOUT.start and length > 0 and at + length <= len(content) for _, at, length in found.events)
    decoder().feed(content)


@little_endian
@given(st.data())
def test_a_damaged_page_breaks_nothing(data: st.DataObject) -> None:
    page = bytearray((DATA / "live-6.18-filp-cpu0-page0.bin").read_bytes())
    for _ in range(data.draw(st.integers(1, 8))):
        page[data.draw(st.integers(0, len(page) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(page)))
    for record in decoder().feed(bytes(page[:cut])):
        assert isinstance(record, Allocated | Freed)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_format_or_none(content: bytes) -> None:
    for parse in (parse_event_format, parse_page_layout, parse_kallsyms):
        with suppress(ParseError):
            assert parse(content) is not None


@little_endian
def test_an_interrupt_that_allocates_in_between_keeps_its_own_stack() -> None:
    number = event_format("kmem_cache_alloc").number
    stack_number = event_format("kernel_stack").number

    def alloc(pointer: int, flags: int) -> bytes:
        return struct.pack("=HBBiQQIxxxxQQQi?xxx", number, flags, 0, 9, 1, pointer, 0, 30, 192, 0, -1, False)

    def stack(*addresses: int) -> bytes:
        return struct.pack(f"=HBBiixxxx{len(addresses)}Q", stack_number, 0, 0, 9, len(addresses), *addresses)

    events = [alloc(0x1000, 0), alloc(0x2000, 0x10), stack(5, 6), stack(7, 8, 9)]
    page, _ = ring_page(100, [(1, event, False) for event in events])
    found = {record.key: record for record in decoder().feed(page) if isinstance(record, Allocated)}
    assert {key: tuple(addresses_of(record.stack, 8)) for key, record in found.items()} == {
        0x1000: (7, 8, 9),
        0x2000: (5, 6),
    }
    assert {key: record.thread for key, record in found.items()} == {0x1000: 9, 0x2000: -1}


@little_endian
def test_without_stacks_the_caller_has_to_do() -> None:
    layout = event_format("kmem_cache_alloc")
    taken = take_allocations(layout, "ptr", "bytes_alloc", None)
    event = struct.pack("=HBBiQQIxxxxQQQi?xxx", layout.number, 0, 0, 9, 0xFFFF1234, 0x1000, 0, 30, 192, 0, -1, False)
    page, _ = ring_page(100, [(1, event, False)])
    (record,) = CpuDecoder(LAYOUT, {taken.number: taken}, None).feed(page)
    assert isinstance(record, Allocated)
    assert tuple(addresses_of(record.stack, 8)) == (0xFFFF1234,)
