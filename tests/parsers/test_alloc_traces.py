from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaktop.model.records import SlabTrace
from leaktop.model.sample import ParseError
from leaktop.parsers.alloc_traces import parse_alloc_traces
from tests.corpus import DATA, captures, content

CAPTURES = [*captures("slab_alloc_traces"), *captures("slab_alloc_calls")]


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.stem)
def test_every_record_of_a_capture(path: object) -> None:
    text = content(path)  # type: ignore[arg-type]  # less than the real thing will do here
    expected = []
    for block in re.split(r"\n(?! )\n?|\n(?= {0,7}[0-9])", text.decode()):
        head, *frames = [line for line in block.split("\n") if line.strip()] or [""]
        words = head.split()
        if not words:
            continue
        count, caller = words[:2]
        caller += f" {words[2]}" if words[2].startswith("[") else ""
        fields = dict(word.split("=") for word in words if "=" in word)
        ages, pids = [int(a) for a in fields["age"].split("/")], [int(p) for p in fields["pid"].split("-")]
        expected.append(
            SlabTrace(
                int(count),
                tuple(frame.strip() for frame in frames) or (caller,),
                ages[0],
                ages[-1],
                (pids[0], pids[-1]),
                int(fields["waste"].split("/")[0]) if "waste" in fields else None,
            )
        )
    assert parse_alloc_traces(text) == expected
    assert expected


def test_a_stack_with_a_module() -> None:
    text = (
        b"    100 leak+0x37/0x80 [leakgen] waste=800/8 age=170/171/172 pid=78-90 cpus=0 nodes=0\n"
        b"        leak+0x37/0x80 [leakgen]\n        ctl_write+0x63/0xa0 [leakgen]\n\n"
        b"      2 <not-available> age=4294940000 pid=0\n\n"
    )
    assert parse_alloc_traces(text) == [
        SlabTrace(100, ("leak+0x37/0x80 [leakgen]", "ctl_write+0x63/0xa0 [leakgen]"), 170, 172, (78, 90), 800),
        SlabTrace(2, (), None, None, None, None),
    ]


@pytest.mark.parametrize("text", [b"", b"No data\n", b"\n"])
def test_a_cache_without_objects(text: bytes) -> None:
    assert parse_alloc_traces(text) == []


@pytest.mark.parametrize("text", [b"MemTotal: 1 kB\n", b"        frame without a head\n", b"5 f+0x1/0x2 age=1"])
def test_what_is_none(text: bytes) -> None:
    with pytest.raises(ParseError, match=r"^no record of who allocates: "):
        parse_alloc_traces(text)


@given(st.integers(0, 6000))
def test_a_cut_end_adds_nothing(length: int) -> None:
    whole = (DATA / "slab_alloc_calls" / "vm-5.10b-kmalloc-64.txt").read_bytes()
    traces = parse_alloc_traces(whole)
    cut = whole[: min(length, len(whole))]
    if b"\n" in cut:
        assert parse_alloc_traces(cut) == traces[: cut.count(b"\n")]
