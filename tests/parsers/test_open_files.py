from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaktop.model.records import SharedMemory
from leaktop.model.sample import ParseError
from leaktop.parsers.open_files import OpenFiles, parse_open_files

HEAD = b"# leaktop open_files 1\n"


def test_reads_files_and_totals() -> None:
    content = (
        HEAD + b"=\tnetns\t3\n=\tunreadable\t12\n=\tsomething new\t1\n"
        b"memfd\t/memfd:a\\nb\x1b\xff\t4096\t8192\t7\tweston\t9\t1\n"
        b"deleted\t/dev/shm/x\t-\t-\t8\t(sd) \\\\\t3\t4\n"
    )
    assert parse_open_files(content) == OpenFiles(
        files=(
            SharedMemory("memfd", "/memfd:a\nb\x1b\udcff", 4096, 8192, "weston (7)"),
            SharedMemory("deleted", "/dev/shm/x", None, None, "(sd) \\ (8) and 3 more"),
        ),
        net_namespaces=3,
        unreadable=12,
    )


def test_unknown_totals() -> None:
    assert parse_open_files(HEAD + b"=\tnetns\t-\n") == OpenFiles((), None, 0)


@pytest.mark.parametrize("row", [b"=", b"=\tnetns\tx", b"memfd\tcut", b"memfd\ta\t1\t1\tx\tcomm\t1\t1"])
def test_torn_rows_are_skipped(row: bytes) -> None:
    assert parse_open_files(HEAD + row + b"\n") == OpenFiles((), None, 0)


def test_other_bytes_are_a_parse_error() -> None:
    with pytest.raises(ParseError):
        parse_open_files(b"")


@given(st.binary(), st.booleans())
def test_random_bytes_raise_nothing_else(noise: bytes, is_headed: bool) -> None:
    try:
        parse_open_files(HEAD * is_headed + noise)
    except ParseError:
        assert not is_headed


@given(st.lists(st.lists(st.sampled_from([b"=", b"-", b"1", b"x", b"netns", b"\xff"]), max_size=9)))
def test_rows_of_any_fields_raise_nothing(rows: list[list[bytes]]) -> None:
    parse_open_files(HEAD + b"\n".join(b"\t".join(row) for row in rows))
