from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaktop.model.records import SharedMemory
from leaktop.model.sample import ParseError
from leaktop.parsers.tmpfs import parse_tmpfs

HEAD = b"# leaktop tmpfs 1\n"
DF_AL = b"""\
Filesystem                          1K-blocks     Used Available Use% Mounted on
sysfs                                       0        0         0    - /sys
proc                                        0        0         0    - /proc
devtmpfs                              1918816        0   1918816   0% /dev
securityfs                                  0        0         0    - /sys/kernel/security
tmpfs                                 1930752    65536   1865216   4% /dev/shm
tmpfs                                 1930752     8968   1921784   1% /run
/dev/mapper/rhel-root                17811456  2938212  14873244  17% /
systemd-1                                   -        -         -    - /proc/sys/fs/binfmt_misc
tmpfs                                  386152        -         -    - /run/user/1000
tmpfs                                  386152       12    386140   1% /mnt/two words
"""
DF_WRAPPED_TYPES = b"""\
df: `/run/user/1000/gvfs': Permission denied
Filesystem           Type     1K-blocks      Used Available Use% Mounted on
/dev/mapper/vg_very_long_name_of_a_host-lv_root
                     ext4      51606140   3041892  45942808   7% /
none                 tmpfs       961912       228    961684   1% /dev/shm
/a/source/name/that/is/too/long/for/its/column
                     tmpfs         1024         4      1020   1% /opt/scratch
none                 vmblock          0         0         0   -  /var/run/vmblock
none                 tmpfs            0         0         0   -  /unlimited
"""


def test_reads_the_list_of_the_source() -> None:
    content = HEAD + b"/dev/shm\ttmpfs\t4096\t8192\t0:23\n/a\\nb\\t\xff\tramfs\t-\t-\t0:30\nshort\ttmpfs\n"
    assert parse_tmpfs(content) == [
        SharedMemory("tmpfs", "/dev/shm", 4096, 8192, None),
        SharedMemory("tmpfs", "/a\nb\t\udcff", None, None, None),
    ]


def test_bind_mounts_are_kept_apart_by_their_mount_point() -> None:
    content = HEAD + b"/a\ttmpfs\t1\t2\t0:23\n/b\ttmpfs\t1\t2\t0:23\n"
    assert [mount.name for mount in parse_tmpfs(content)] == ["/a", "/b"]


def test_reads_df_in_bytes() -> None:
    mounts = {mount.name: mount for mount in parse_tmpfs(DF_AL)}
    assert list(mounts) == ["/dev", "/dev/shm", "/run", "/run/user/1000", "/mnt/two words"]
    assert mounts["/dev/shm"] == SharedMemory("tmpfs", "/dev/shm", 65536 << 10, 1930752 << 10, None)
    assert mounts["/run/user/1000"].used is None
    assert mounts["/run/user/1000"].size == 386152 << 10


def test_reads_df_with_types_wrapped_lines_and_complaints() -> None:
    assert parse_tmpfs(DF_WRAPPED_TYPES) == [
        SharedMemory("tmpfs", "/dev/shm", 228 << 10, 961912 << 10, None),
        SharedMemory("tmpfs", "/opt/scratch", 4 << 10, 1 << 20, None),
        SharedMemory("tmpfs", "/unlimited", None, None, None),
    ]


def test_of_two_mounts_on_one_point_the_last_shows() -> None:
    content = DF_AL + b"tmpfs 100 50 50 50% /dev/shm\n"
    assert [mount.used for mount in parse_tmpfs(content) if mount.name == "/dev/shm"] == [50 << 10]


@pytest.mark.parametrize(
    "content",
    [b"", b"Filesystem      Inodes  IUsed   IFree IUse% Mounted on\n", b"Filesystem Size Used Avail Use% Mounted on\n"],
)
def test_other_bytes_are_a_parse_error(content: bytes) -> None:
    with pytest.raises(ParseError):
        parse_tmpfs(content)


@given(st.binary(), st.sampled_from([b"", HEAD, DF_AL[:80], DF_WRAPPED_TYPES[:122]]))
def test_random_bytes_raise_nothing_else(noise: bytes, head: bytes) -> None:
    try:
        parse_tmpfs(head + noise)
    except ParseError:
        assert not head


@given(st.lists(st.lists(st.sampled_from(["tmpfs", "-", "1", "x", "/", "9%"]), max_size=9)), st.booleans())
def test_rows_of_any_cells_raise_nothing(rows: list[list[str]], is_typed: bool) -> None:
    head = f"Filesystem {'Type ' * is_typed}1K-blocks Used Available Use% Mounted on\n"
    parse_tmpfs((head + "\n".join(" ".join(row) for row in rows)).encode())
