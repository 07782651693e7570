"""What holds for every parser: any bytes give records or a ParseError, and a line that is cut off adds nothing."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leaktop.model.sample import ParseError
from leaktop.parsers.alloc_traces import parse_alloc_traces
from leaktop.parsers.allocinfo import parse_allocinfo
from leaktop.parsers.hugepages import parse_hugepages
from leaktop.parsers.kmemleak import culprit, group, parse_kmemleak
from leaktop.parsers.meminfo import parse_meminfo
from leaktop.parsers.page_owner import parse_stacks
from leaktop.parsers.slab_links import parse_slab_links
from leaktop.parsers.slabinfo import parse_slabinfo
from leaktop.parsers.vmallocinfo import group_by_caller, parse_vmallocinfo
from leaktop.parsers.vmstat import parse_vmstat
from leaktop.parsers.zoneinfo import parse_pcp_pages

if TYPE_CHECKING:
    from collections.abc import Callable

DATA = Path(__file__).parents[1] / "data"
FORM = b"# leaktop slab_links 1\ndentry\tlink\t:aA-0000192\nTCP\tdir\t-\n\\t\tdir\t1\n"


class Case(NamedTuple):
    parse: Callable[[bytes], object]
    content: bytes


def real(parse: Callable[[bytes], object], path: str, size: int = 3000) -> Case:
    return Case(parse, (DATA / path).read_bytes()[:size])


CASES = {
    "meminfo": real(parse_meminfo, "meminfo/vm-6.1b.txt"),
    "hugepages": real(parse_hugepages, "hugepages_sysfs/vm-6.1b-hugepages.txt"),
    "vmstat": real(parse_vmstat, "vmstat/vm-7.2b.txt"),
    "zoneinfo": real(parse_pcp_pages, "zoneinfo/vm-5.10slab.txt"),
    "slabinfo": real(parse_slabinfo, "slabinfo/live-6.18.txt"),
    "slab_links": real(parse_slab_links, "sysfs_slab/live-6.18.txt"),
    "slab_links form": Case(parse_slab_links, FORM),
    "vmallocinfo": real(lambda content: group_by_caller(parse_vmallocinfo(content)), "vmallocinfo/vm-7.2b.txt"),
    "allocinfo": real(parse_allocinfo, "allocinfo/vm-7.2b.txt"),
    "alloc_traces": real(parse_alloc_traces, "slab_alloc_traces/vm-6.12b-kmalloc-64.txt"),
    "alloc_calls": real(parse_alloc_traces, "slab_alloc_calls/vm-5.10b-kmalloc-64.txt"),
    "page_owner_stacks": real(parse_stacks, "page_owner_stacks/vm-6.12b-show_stacks.txt"),
    "kmemleak": real(parse_kmemleak, "kmemleak/vm-7.2b-2scan.txt"),
    "kmemleak log": real(parse_kmemleak, "kmemleak/vm-5.10slab-verbose-dmesg.txt", 9000),
}
every_parser = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


def outcome(case: Case, content: bytes) -> object:
    """What the parser makes of it, "refused" for a ParseError; any other exception fails the test."""
    try:
        return case.parse(content)
    except ParseError:
        return "refused"


@every_parser
@settings(max_examples=60, deadline=None)
@given(junk=st.binary(max_size=200))
def test_random_bytes(case: Case, junk: bytes) -> None:
    outcome(case, junk)


@every_parser
@settings(max_examples=60, deadline=None)
@given(st.data())
def test_damaged_captures(case: Case, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(case.content)))
    end = data.draw(st.integers(start, min(start + 40, len(case.content))))
    junk = data.draw(
        st.binary(max_size=30) | st.text("0123456789abcfx+-:=/ \t\n\"'[]()<>", max_size=30).map(str.encode)
    )
    outcome(case, case.content[:start] + junk + case.content[end:])


@every_parser
def test_a_refusal_quotes_little(case: Case) -> None:
    with pytest.raises(ParseError) as refusal:
        case.parse(b"\x1b]0;" + b"\xff" * 5000 + b"\n")
    assert len(str(refusal.value)) < 500
    assert str(refusal.value).isprintable()


@every_parser
def test_numbers_too_long_for_int(case: Case) -> None:
    outcome(case, re.sub(rb"[0-9]+", b"9" * 5000, case.content, count=50))


@every_parser
def test_a_cut_at_any_byte_costs_only_its_line(case: Case) -> None:
    assert outcome(case, case.content) != "refused"
    whole, expected = b"", None
    for cut in range(len(case.content)):
        found = outcome(case, case.content[:cut])
        if case.content[cut - 1 : cut] == b"\n":
            whole, expected = case.content[:cut], found
        elif whole:
            assert found == expected


@settings(max_examples=30, deadline=None)
@given(st.lists(st.text(max_size=12)))
def test_any_backtrace_has_a_group_and_a_culprit_among_its_frames(frames: list[str]) -> None:
    text = 'unreferenced object 0x1 (size 8):\n  comm "a", pid 1, jiffies 1\n  backtrace:\n'
    rows = "".join(f"    {frame}\n" for frame in frames if "\n" not in frame)
    [found] = parse_kmemleak((text + rows).encode()).objects
    assert [member.objects for member in group([found])] == [(found,)]
    assert culprit(found.backtrace) in (None, *found.backtrace)
