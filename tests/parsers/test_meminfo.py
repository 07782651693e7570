from __future__ import annotations

import pytest

from leaktop.model.sample import ParseError
from leaktop.parsers.meminfo import parse_meminfo, unclassified

KIND = "meminfo"


def test_every_line_is_read(capture: bytes) -> None:
    amounts, counts = {}, {}
    for line in capture.decode().splitlines():
        name, _, rest = line.partition(":")
        number, *unit = rest.split()
        if unit == ["kB"]:
            amounts[name] = int(number) << 10
        else:
            counts[name] = int(number)
    meminfo = parse_meminfo(capture)
    assert list(meminfo.amounts.items()) == list(amounts.items())
    assert list(meminfo.counts.items()) == list(counts.items())
    assert unclassified(meminfo) == ()


def test_units_and_odd_spellings() -> None:
    meminfo = parse_meminfo(
        b"MemTotal:        2038312 kB\nShadowCallStack:1234 kB\nRbinTotal:        8 kB\nHugePages_Free:        3\n"
        b"a line of words\nDirty: many kB\nIon-System_Heap:  2 kB\nMemTotal:        2038316 kB\n"
    )
    assert meminfo.amounts == {
        "MemTotal": 2038316 * 1024,
        "ShadowCallStack": 1234 * 1024,
        "RbinTotal": 8192,
        "Ion-System_Heap": 2048,
    }
    assert meminfo.counts == {"HugePages_Free": 3}
    assert unclassified(meminfo) == ("RbinTotal", "Ion-System_Heap")


def test_a_cut_number_is_not_a_number() -> None:
    assert parse_meminfo(b"MemTotal: 64 kB\nMemFree: 3").amounts == {"MemTotal": 65536}
    assert parse_meminfo(b"MemTotal: 64 kB\nMemFree: 32 kB").amounts == {"MemTotal": 65536}


@pytest.mark.parametrize("content", [b"", b"MemTotal: 12", b"MemFree: 12 kB\n", b"MemTotal: 12\n"])
def test_without_a_total_it_is_not_meminfo(content: bytes) -> None:
    with pytest.raises(ParseError, match="without a MemTotal"):
        parse_meminfo(content)
