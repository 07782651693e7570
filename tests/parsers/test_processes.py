from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaktop.model.records import Process
from leaktop.model.sample import ParseError
from leaktop.parsers.processes import parse_processes

HEAD = b"# leaktop processes 1\n"


def test_reads_bytes_and_unknowns() -> None:
    content = HEAD + b"1\t24\tsystemd\t100\t60\t40\t0\t0\t1\t7\n2\t25\tkthreadd\t0\t0\t0\t0\t-\t1\t-\n"
    assert parse_processes(content).processes == [
        Process(1, 24, "systemd", 100, 60, 40, 0, 0, 1, 7),
        Process(2, 25, "kthreadd", 0, 0, 0, 0, None, 1, None),
    ]


def test_name_survives_with_every_odd_byte() -> None:
    (process,) = parse_processes(HEAD + b"7\t1\ta\\nb\\t\\\\\x1b[31m\xff\t0\t0\t0\t0\t0\t1\t1\n").processes
    assert process.comm == "a\nb\t\\\x1b[31m\udcff"


def test_start_time_that_was_not_captured_is_zero() -> None:
    (process,) = parse_processes(HEAD + b"7\t-\tx\t0\t0\t0\t0\t0\t1\t1\n").processes
    assert process.starttime == 0


@pytest.mark.parametrize("row", [b"7\t1\tcut\t5", b"x\t1\ta\t0\t0\t0\t0\t0\t1\t1", b"-\t1\ta\t0\t0\t0\t0\t0\t1\t1"])
def test_torn_rows_are_skipped(row: bytes) -> None:
    good = b"8\t1\tok\t0\t0\t0\t0\t0\t1\t1"
    assert [process.pid for process in parse_processes(HEAD + row + b"\n" + good + b"\n").processes] == [8]


@pytest.mark.parametrize("content", [b"", b"PID\n", b"# leaktop processes 2\n"])
def test_other_bytes_are_a_parse_error(content: bytes) -> None:
    with pytest.raises(ParseError):
        parse_processes(content)


@given(st.binary(), st.booleans())
def test_random_bytes_raise_nothing_else(noise: bytes, is_headed: bool) -> None:
    try:
        parse_processes(HEAD * is_headed + noise)
    except ParseError:
        assert not is_headed


@given(st.lists(st.lists(st.sampled_from([b"-", b"1", b"x", b"\\n", b"\xff", b""]), max_size=12)))
def test_rows_of_any_fields_raise_nothing(rows: list[list[bytes]]) -> None:
    parse_processes(HEAD + b"\n".join(b"\t".join(row) for row in rows))
