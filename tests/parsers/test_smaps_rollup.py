from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaktop.model.sample import ParseError
from leaktop.parsers.smaps_rollup import parse_smaps_rollup

HEADER = b"00400000-7ffee4bf7000 ---p 00000000 00:00 0                          [rollup]\n"
BODY = b"Rss:                 884 kB\nPss:                 385 kB\nPss_Anon:              4 kB\nSwapPss:     0 kB\n"


def test_reads_bytes() -> None:
    amounts = parse_smaps_rollup(HEADER + BODY)
    assert amounts == {"Rss": 884 << 10, "Pss": 385 << 10, "Pss_Anon": 4 << 10, "SwapPss": 0}


def test_reads_this_process() -> None:
    amounts = parse_smaps_rollup(Path("/proc/self/smaps_rollup").read_bytes())
    assert 0 < amounts["Pss"] <= amounts["Rss"]
    assert {"Private_Dirty", "Swap", "SwapPss"} <= amounts.keys()


@pytest.mark.parametrize("content", [b"", BODY, HEADER, HEADER + b"Rss: lots\n"])
def test_other_bytes_are_a_parse_error(content: bytes) -> None:
    with pytest.raises(ParseError):
        parse_smaps_rollup(content)


@given(st.binary(), st.sampled_from([b"", HEADER, HEADER + BODY]))
def test_random_bytes_raise_nothing_else(noise: bytes, head: bytes) -> None:
    try:
        parse_smaps_rollup(head + noise)
    except ParseError:
        assert len(head) < len(HEADER + BODY)
