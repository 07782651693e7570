from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaktop.model.records import SlabCache
from leaktop.model.sample import ParseError
from leaktop.parsers.slabinfo import parse_slabinfo

KIND = "slabinfo"
HEADING = "slabinfo - version: 2.1\n# name            <active_objs> <num_objs> : tunables <limit> : slabdata <shared>\n"


def line(cache: SlabCache, tail: str = "") -> str:
    """The line of /proc/slabinfo as the kernel's format string spells it."""
    return (
        f"{cache.name:<17s} {cache.active_objs:6} {cache.num_objs:6} {cache.objsize:6} {cache.objperslab:4} "
        f"{cache.pagesperslab:4} : tunables    0    0    0 : slabdata "
        f"{cache.active_slabs:6} {cache.num_slabs:6}      0{tail}\n"
    )


def test_every_cache_is_read(capture: bytes) -> None:
    expected = []
    for text in capture.decode().splitlines()[2:]:
        shape, _, slabs = text.partition(" : slabdata ")
        name, *numbers = shape.partition(" : ")[0].split()
        expected.append((name, *map(int, numbers), *map(int, slabs.split()[:2])))
    assert parse_slabinfo(capture) == expected


def test_the_numbers_land_in_their_fields() -> None:
    text = (
        b"TSPacket_cache_x  1058442 1058460    328   12    1 : tunables   54   27    8 : slabdata  88201  88205  16\n"
    )
    assert parse_slabinfo(text) == [SlabCache("TSPacket_cache_x", 1058442, 1058460, 328, 12, 1, 88201, 88205)]


def test_statistics_with_tabs_inside_and_version_2_0() -> None:
    cache = SlabCache("size-32(DMA)", 1, 113, 32, 113, 1, 1, 2)
    tail = " : globalstat     133     98    17 \t\t\t\t   3    0    0    0    0 : cpustat   7597     19   7534      1"
    text = "slabinfo - version: 2.0 (statistics)\n" + line(cache, tail)
    assert parse_slabinfo(text.encode()) == [cache]


COUNTS = st.integers(0, 2**64 - 1)
NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\n"), min_size=1, max_size=60)
ODD_NAMES = NAMES | st.sampled_from(
    ["a : tunables 1", "kmalloc 64", "9", "1 2 3 4 5", "# name", "x : slabdata", "[/b]\x1b"]
)
CACHES = st.builds(SlabCache, ODD_NAMES.map(lambda name: name.rstrip(" ") or "x"), *[COUNTS] * 7)


@given(st.lists(CACHES), st.booleans())
def test_any_name_survives(caches: list[SlabCache], statistics: bool) -> None:
    tail = " : globalstat 1 2 3 4 5 6 7 8 9 : cpustat 1 2 3 4" if statistics else ""
    text = HEADING + "".join(line(cache, tail) for cache in caches)
    assert parse_slabinfo(text.encode()) == caches


def test_duplicates_stay_and_a_cut_line_goes() -> None:
    cache = SlabCache("dentry", 10, 21, 192, 21, 1, 1, 1)
    text = HEADING + line(cache) * 2
    assert parse_slabinfo(text.encode()) == [cache, cache]
    assert parse_slabinfo(text[:-1].encode()) == [cache]


def test_bytes_that_are_no_text_survive_in_a_name() -> None:
    text = line(SlabCache("caf?", 1, 2, 3, 4, 5, 6, 7)).encode().replace(b"?", b"\xe9")
    assert parse_slabinfo(text)[0].name.encode("utf-8", "surrogateescape") == b"caf\xe9"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "^empty slabinfo$"),
        (b"slabinfo - version: 1.1\nkmem_cache 59 78 100 2 2 1\n", "not slabinfo 2.x: 'slabinfo - version: 1.1"),
        (b"MemTotal: 1 kB\n", "not slabinfo"),
    ],
)
def test_what_is_not_slabinfo(content: bytes, reason: str) -> None:
    with pytest.raises(ParseError, match=reason):
        parse_slabinfo(content)


def test_a_heading_alone_is_no_caches() -> None:
    assert parse_slabinfo(HEADING.encode()) == []
