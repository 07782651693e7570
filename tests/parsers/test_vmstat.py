from __future__ import annotations

import pytest

from leaktop.model.sample import ParseError
from leaktop.parsers.vmstat import parse_vmstat

KIND = "vmstat"


def test_every_counter_is_read(capture: bytes) -> None:
    words = capture.decode().split()
    assert list(parse_vmstat(capture).items()) == list(zip(words[::2], map(int, words[1::2]), strict=True))


def test_only_whole_lines_count() -> None:
    assert parse_vmstat(b"nr_slab 607\nnr zspages 3\nnr_bounce\npgfault 5536\nnr_balloon_pages 10") == {
        "nr_slab": 607,
        "pgfault": 5536,
    }


def test_what_is_not_vmstat() -> None:
    with pytest.raises(ParseError, match=r"^empty vmstat$"):
        parse_vmstat(b"")
    with pytest.raises(ParseError, match="not one counter of vmstat: 'MemTotal"):
        parse_vmstat(b"MemTotal:  12 kB\n")
