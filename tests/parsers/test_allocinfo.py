from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaktop.model.records import AllocTag
from leaktop.model.sample import ParseError
from leaktop.parsers.allocinfo import parse_allocinfo, parse_tag, split_allocinfo
from tests.corpus import capture as captured

KIND = "allocinfo"
DATA = Path(__file__).parents[1] / "data" / KIND
DUMPED_BY_OOM = b"pages in swap cache"


def test_every_line_is_counted(capture: bytes) -> None:
    if DUMPED_BY_OOM in capture:  # the kernel log's top ten, in another form
        with pytest.raises(ParseError, match=r"^not allocinfo: "):
            parse_allocinfo(capture)
        return
    expected: dict[tuple[str, str | None, str], list[int | bool]] = defaultdict(lambda: [0, 0, True])
    for line in capture.decode().splitlines():
        if line.startswith(("#", "allocinfo")):
            continue
        size, calls, place, *words = line.split()
        module = words.pop(0)[1:-1] if words[0].startswith("[") else None
        assert words[0].startswith("func:")
        total = expected[place, module, words[0][5:]]
        total[0] += int(size)
        total[1] += int(calls)
        total[2] = total[2] and words[1:] != ["accurate:no"]
    tags = parse_allocinfo(capture)
    assert {tag[:3]: list(tag[3:]) for tag in tags} == expected
    assert [tag[:3] for tag in tags] == list(expected)


def test_what_the_kernel_calls_inaccurate() -> None:
    tags = {tag.location: tag for tag in parse_allocinfo((DATA / "vm-7.2b.txt").read_bytes())}
    assert tags["mm/memory.c:6726"] == AllocTag("mm/memory.c:6726", None, "__p4d_alloc", 45056, 11, is_accurate=False)
    assert sum(not tag.is_accurate for tag in tags.values()) == 6


def test_an_inline_function_in_several_files_is_one_line() -> None:
    content = (DATA / "vm-6.12b.txt").read_bytes()
    assert content.count(b" io_uring/alloc_cache.h:37 func:io_alloc_cache_init ") == 2
    assert [tag.location for tag in parse_allocinfo(content)].count("io_uring/alloc_cache.h:37") == 1


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"        -512       -1 a.c:1 func:f ", None),
        (b"        -512        1 a.c:1 func:f ", AllocTag("a.c:1", None, "f", -512, 1)),
        (b"1234567890123456    99999999 a.c:1 [m] func:f", AllocTag("a.c:1", "m", "f", 1234567890123456, 99999999)),
        (b"1 1 /home/me/a b.c:1 [m] func:f x:1 accurate:no", AllocTag("/home/me/a b.c:1", "m", "f", 1, 1, False)),
        (b"1 1 a.c:1 func:f accurate:yes", AllocTag("a.c:1", None, "f", 1, 1)),
        (b"1 1 \x1b[2J.c:1 func:\xff", AllocTag("\x1b[2J.c:1", None, "\udcff", 1, 1)),
        (b"1 1 a.c func:f", None),
        (b"1 1 a.c:1 f", None),
        (b"", None),
    ],
)
def test_the_parts_of_a_line(line: bytes, expected: AllocTag | None) -> None:
    assert parse_tag(line) == expected


@given(
    st.integers(-(1 << 62), 1 << 62),
    st.integers(0, 1 << 62),
    st.from_regex(r"[a-z][a-z/_.-]{0,40}", fullmatch=True),
    st.integers(0, 99999),
    st.none() | st.from_regex(r"[a-z0-9_-]{1,20}", fullmatch=True),
    st.from_regex(r"[a-z_][a-z0-9_]{0,30}", fullmatch=True),
    st.sampled_from(["", " ", " accurate:no ", " later:thing accurate:no"]),
)
def test_what_the_kernel_can_print(
    size: int, calls: int, path: str, line: int, module: str | None, function: str, rest: str
) -> None:
    owner = f" [{module}]" if module else ""
    printed = f"{size:12} {calls:8} {path}:{line}{owner} func:{function}{rest}".encode()
    assert parse_tag(printed) == AllocTag(f"{path}:{line}", module, function, size, calls, "accurate" not in rest)


def test_a_cut_end_is_dropped() -> None:
    content = (DATA / "vm-6.12b.txt").read_bytes()
    whole = split_allocinfo(content)
    assert split_allocinfo(content[:-5]) == whole[:-1]
    assert len(whole) == content.count(b"\n") - 2


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "^empty allocinfo$"),
        (b"MemTotal: 1 kB\n", "^not allocinfo: 'MemTotal"),
        (b"1 1 a.c:1 func:f", "^not allocinfo"),
    ],
)
def test_what_is_not_allocinfo(content: bytes, reason: str) -> None:
    with pytest.raises(ParseError, match=reason):
        split_allocinfo(content)


def test_a_heading_alone_is_an_empty_list() -> None:
    assert parse_allocinfo(b"allocinfo - version: 1.0\n#     <size>  <calls> <tag info>\n") == []


def test_a_published_one_has_modules() -> None:
    content = captured(KIND, "h-6.13-ice-6days-sorted-netdev")
    if content is None:
        pytest.skip("no public captures")
    leak = max(parse_allocinfo(content), key=lambda tag: tag.bytes if tag.module else 0)
    assert (leak.module, leak.function, leak.bytes % 4096) == ("ice", "ice_alloc_mapped_page", 0)
