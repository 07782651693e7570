from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leaktop.model.sample import ParseError
from leaktop.parsers.sockstat import parse_protocols, parse_sockstat

TESTS = Path(__file__).parents[1]
PUBLIC = Path(os.environ.get("LEAKTOP_CORPUS", TESTS.parents[1] / "shared" / "corpus")) / "public"
SOCKSTAT = b"sockets: used 12\nTCP: inuse 1 orphan 0 tw 0 alloc 1 mem 85\nUDPLITE: inuse 0\nFRAG: inuse 0 memory 7\n"
PROTOCOLS = (
    b"protocol  size sockets  memory press maxhdr  slab module     cl co\n"
    b"PACKET    1600      3      -1   NI       0   no   kernel      n  n\n"
    b"TCPv6     2432      4      85   no     192   yes  kernel      y  y\n"
)


def captures(kind: str) -> list[object]:
    found: list[object] = [pytest.param(path, id=path.name) for path in sorted(PUBLIC.glob(f"net_{kind}__*"))]
    absent = pytest.mark.skip(reason=f"no public captures: {PUBLIC} is absent")
    return found or [pytest.param(None, id="public", marks=absent)]


@pytest.mark.parametrize("path", captures("sockstat"))
def test_every_sockstat_capture_whole(path: Path) -> None:
    text = path.read_text()
    expected = {
        name: {word: int(count) for word, count in re.findall(r"(\w+) (-?\d+)", rest)}
        for name, rest in re.findall(r"^(\w+): (.*)$", text, re.MULTILINE)
    }
    assert parse_sockstat(text.encode()) == expected
    assert expected["TCP"].keys() == {"inuse", "orphan", "tw", "alloc", "mem"}


@pytest.mark.parametrize("path", captures("protocols"))
def test_every_protocols_capture_whole(path: Path) -> None:
    text = path.read_text()
    expected = {
        name: {"size": int(size), "sockets": int(sockets), "memory": None if memory == "-1" else int(memory)}
        for name, size, sockets, memory in re.findall(r"^(\S+) +(\d+) +(-?\d+) +(-?\d+) ", text, re.MULTILINE)
    }
    assert parse_protocols(text.encode()) == expected
    assert len(expected) == text.count("\n") - 1


def test_this_kernel() -> None:
    assert parse_sockstat(Path("/proc/net/sockstat").read_bytes())["TCP"]["inuse"] >= 0
    assert "inuse" in parse_sockstat(Path("/proc/net/sockstat6").read_bytes())["TCP6"]
    assert parse_protocols(Path("/proc/net/protocols").read_bytes())["PACKET"]["memory"] is None


def test_counters_by_name() -> None:
    found = parse_sockstat(SOCKSTAT + b"no colon\nBAD: mem many\nEMPTY:\n")
    assert found["sockets"] == {"used": 12}
    assert found["FRAG"] == {"inuse": 0, "memory": 7}
    assert found.keys() == {"sockets", "TCP", "UDPLITE", "FRAG"}


def test_protocols_by_heading() -> None:
    found = parse_protocols(PROTOCOLS + b"TWO WORDS  99      1       2   NI       0   no   kernel      n  n\nshort 1\n")
    assert found == {
        "PACKET": {"size": 1600, "sockets": 3, "memory": None},
        "TCPv6": {"size": 2432, "sockets": 4, "memory": 85},
        "TWO WORDS": {"size": 99, "sockets": 1, "memory": 2},
    }


def test_a_cut_at_any_byte_costs_only_its_line() -> None:
    for parse, content in ((parse_sockstat, SOCKSTAT), (parse_protocols, PROTOCOLS)):
        for cut in range(content.index(b"\n") + 1, len(content)):
            assert parse(content[:cut]) == parse(content[: content.rindex(b"\n", 0, cut) + 1])


@pytest.mark.parametrize("content", [b"", b" \n", b"\x1b" * 900 + b"\n"])
def test_another_file_is_refused(content: bytes) -> None:
    for parse in (parse_sockstat, parse_protocols):
        with pytest.raises(ParseError) as refusal:
            parse(content)
        assert len(str(refusal.value)) < 300


@settings(max_examples=100, deadline=None)
@given(st.binary() | st.text("0123456789-: mem\n", max_size=100).map(str.encode), st.integers(0, 80))
def test_any_bytes_give_counters_or_a_parse_error(junk: bytes, place: int) -> None:
    for parse, content in ((parse_sockstat, SOCKSTAT), (parse_protocols, PROTOCOLS)):
        for damaged in (junk, content[:place] + junk + content[place:]):
            with contextlib.suppress(ParseError):
                parse(damaged)
