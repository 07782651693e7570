from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaktop.model.records import SharedMemory
from leaktop.model.sample import ParseError
from leaktop.parsers.sysvipc import parse_sysvipc_shm

NEW = b"""\
       key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid  cgid      atime      dtime      ctime                   rss                  swap
         0          3  1600               4194304  1844  1900      2  1000  1000  1000  1000 1700000000          0 1700000000               1048576                     0
-559038737          4   600                  4096    77    77      0     0     0     0     0          0          0 1700000001                     0                  4096
"""  # noqa: E501  # as the kernel prints it
OLD = b"""\
       key      shmid perms       size  cpid  lpid nattch   uid   gid  cuid  cgid      atime      dtime      ctime
1627455488      32768   600     393216  2201  2400      2     0     0     0     0 1300000000          0 1300000000
"""
HEADER = NEW[: NEW.index(b"\n") + 1]


def test_reads_segments_in_bytes() -> None:
    assert parse_sysvipc_shm(NEW) == [
        SharedMemory("sysv", "shmid 3 (key 0x00000000)", 1048576, 4194304, "cpid 1844, 2 attached"),
        SharedMemory("sysv", "shmid 4 (key 0xdeadbeef)", 0, 4096, "cpid 77, 0 attached"),
    ]


def test_old_kernels_do_not_tell_what_is_resident() -> None:
    (segment,) = parse_sysvipc_shm(OLD)
    assert segment.used is None
    assert segment.size == 393216


def test_a_cut_row_is_skipped() -> None:
    assert [segment.size for segment in parse_sysvipc_shm(NEW[:-60])] == [4194304]


def test_no_segments() -> None:
    assert parse_sysvipc_shm(HEADER) == []


@pytest.mark.parametrize("content", [b"", b"key semid perms nsems uid\n"])
def test_other_bytes_are_a_parse_error(content: bytes) -> None:
    with pytest.raises(ParseError):
        parse_sysvipc_shm(content)


@given(st.binary(), st.booleans())
def test_random_bytes_raise_nothing_else(noise: bytes, is_headed: bool) -> None:
    try:
        parse_sysvipc_shm(HEADER * is_headed + noise)
    except ParseError:
        assert not is_headed
