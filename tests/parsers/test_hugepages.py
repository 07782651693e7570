from __future__ import annotations

import pytest

from leaktop.model.records import HugePagePool
from leaktop.model.sample import ParseError
from leaktop.parsers.hugepages import parse_hugepages

KIND = "hugepages_sysfs"


def test_captures_hold_two_empty_pools(capture: bytes) -> None:
    assert parse_hugepages(capture) == (HugePagePool(2 << 20, 0, 0, 0, 0), HugePagePool(1 << 30, 0, 0, 0, 0))


def test_counts_land_in_their_fields_whatever_the_prefix() -> None:
    pools = parse_hugepages(
        b"hugepages-1048576kB/nr_hugepages:1\nhugepages-64kB/nr_hugepages:5\nhugepages-64kB/free_hugepages:4\n"
        b"/a/hugepages-64kB/resv_hugepages:3\nhugepages-64kB/surplus_hugepages:2\n"
        b"hugepages-64kB/nr_hugepages_mempolicy:9\nhugepages-64kB/nr_overcommit_hugepages:8\nhugepages-64kB/free_hugepages:40"
    )
    assert pools == (HugePagePool(65536, 5, 4, 3, 2), HugePagePool(1 << 30, 1, None, None, None))


def test_nothing_is_no_pools_and_something_else_is_an_error() -> None:
    assert parse_hugepages(b"") == ()
    with pytest.raises(ParseError, match="no counts of huge pages: 'nr_hugepages:5"):
        parse_hugepages(b"nr_hugepages:5\n")
