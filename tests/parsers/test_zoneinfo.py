from __future__ import annotations

import pytest

from leaktop.model.sample import ParseError
from leaktop.parsers.zoneinfo import parse_pcp_pages

KIND = "zoneinfo"

ZONE = b"""Node 0, zone      DMA
  pages free     5410
        count_of_things 77
        protection: (0, 0, 0, 0)
  pagesets
    cpu: 0 pcp: 0
              count: 2
              high:  6
              batch: 1
    cpu: 0 pcp: 1
              count: 5
  all_unreclaimable: 0
"""


def test_the_sum_is_that_of_the_pagesets(capture: bytes) -> None:
    pages, inside = 0, False
    for line in capture.decode().splitlines():
        words = line.split()
        if words[0] in {"Node", "pagesets"}:
            inside = words[0] == "pagesets"
        elif inside and words[0] == "count:":
            pages += int(words[1])
    assert parse_pcp_pages(capture) == pages > 0


def test_hot_and_cold_lists_and_cut_ends() -> None:
    assert parse_pcp_pages(ZONE) == 7
    assert parse_pcp_pages(ZONE + ZONE.replace(b"Node 0", b"Node 1")) == 14
    assert parse_pcp_pages(ZONE + b"  pagesets\n    cpu: 0\n              count: 9") == 7


def test_no_pagesets_is_unknown_not_zero() -> None:
    with pytest.raises(ParseError, match="without pagesets"):
        parse_pcp_pages(ZONE[: ZONE.index(b"  pagesets")])
    with pytest.raises(ParseError, match="not zoneinfo: 'MemTotal"):
        parse_pcp_pages(b"MemTotal: 1 kB\n    count: 2\n")
    with pytest.raises(ParseError, match=r"^empty zoneinfo$"):
        parse_pcp_pages(b"")
