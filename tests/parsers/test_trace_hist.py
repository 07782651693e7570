from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaktop.model.sample import ParseError
from leaktop.parsers.trace_hist import parse_call_counts
from tests.corpus import DATA

HEX = (DATA / "trace/vm-6.12-kmalloc-hist.txt").read_bytes()
SYM = (DATA / "trace/vm-7.2b-kmalloc-hist.txt").read_bytes()
STACKS = (DATA / "trace/vm-6.12b-kmem_cache_alloc-hist.txt").read_bytes()


def totals(content: bytes) -> list[int]:
    """Hits, entries and dropped ones, as the kernel sums them up itself."""
    return [int(number) for number in re.findall(rb"^    \w+: (\d+)$", content, re.MULTILINE)]


@pytest.mark.parametrize("content", [HEX, SYM], ids=["hex", "sym"])
def test_every_caller_is_counted_as_the_kernel_says(content: bytes) -> None:
    counts = parse_call_counts(content)
    assert [sum(counts.by_caller.values()), len(counts.by_caller), counts.dropped] == totals(content)


def test_an_address_is_a_number_with_and_without_its_name() -> None:
    assert parse_call_counts(HEX).by_caller[0xFFFFFFFFA00005EC] == 300
    assert parse_call_counts(SYM).by_caller[0xFFFFFFFF813A6AA6] == 2604


def test_the_parts_of_several_triggers_are_one() -> None:
    twice = parse_call_counts(HEX + b"\n\n" + HEX)
    assert twice.by_caller[0xFFFFFFFFA00005EC] == 600


def test_stacks_are_no_callers() -> None:
    assert parse_call_counts(STACKS + HEX[HEX.index(b"\nTotals") :]).by_caller == {}


def test_what_did_not_fit_is_told() -> None:
    assert parse_call_counts(HEX.replace(b"Dropped: 0", b"Dropped: 12")).dropped == 12


@given(st.integers(0, len(HEX) - 2))
def test_a_file_that_is_cut_off_is_refused(at: int) -> None:
    with pytest.raises(ParseError):
        parse_call_counts(HEX[:at])


@given(st.lists(st.sampled_from([*HEX.splitlines(keepends=True), b"\0", b"\xff", b"{ call_site: [", b"} hitcount: 9"])))
def test_any_lines_are_counts_or_refused(lines: list[bytes]) -> None:
    try:
        counts = parse_call_counts(b"".join(lines))
    except ParseError:
        return
    assert sum(counts.by_caller.values()) <= 335 * len(lines)
