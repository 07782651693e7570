from __future__ import annotations

import ctypes
import os
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from leaktop.parsers.tmpfs import parse_tmpfs
from leaktop.sources import tmpfs
from leaktop.sources.tmpfs import list_tmpfs

if TYPE_CHECKING:
    from collections.abc import Iterator

MIB = 1 << 20
DF = b"Filesystem     1K-blocks  Used Available Use% Mounted on\ntmpfs             1024    64       960   7% /run\n"
DF_INODES = b"Filesystem     Inodes IUsed IFree IUse% Mounted on\ntmpfs             100     1    99    1% /run\n"


def used(mount: str) -> int:
    amount = next(row.used for row in parse_tmpfs(list_tmpfs("/")) if row.name == mount)
    assert amount is not None
    return amount


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[tuple[Path, bytes]]:
    """A tmpfs of 4 MiB on a directory with a space, a newline and an odd byte in its name."""
    point = os.fsencode(tmp_path) + b"/a b\n\xff"
    os.mkdir(point)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"none", point, b"tmpfs", 0, b"size=4m"):
        pytest.skip(f"cannot mount: {os.strerror(ctypes.get_errno())}")
    yield Path(os.fsdecode(point)), point
    while libc.umount2(point, 2) == 0:
        pass


def test_a_file_in_dev_shm_raises_what_is_used() -> None:
    path = Path("/dev/shm", f"leaktop-{uuid.uuid4().hex}")
    before = used("/dev/shm")
    try:
        path.write_bytes(b"x" * 48 * MIB)
        assert used("/dev/shm") - before == pytest.approx(48 * MIB, abs=8 * MIB)  # other tests use it too
    finally:
        path.unlink()
    assert used("/dev/shm") - before < 8 * MIB


def test_an_odd_mount_point_with_its_limit(mounted: tuple[Path, bytes]) -> None:
    path, point = mounted
    (path / "file").write_bytes(b"x" * MIB)
    name = point.decode("utf-8", "surrogateescape")
    (row,) = (row for row in parse_tmpfs(list_tmpfs("/")) if row.name == name)
    assert (row.used, row.size) == (MIB, 4 * MIB)


def test_the_last_mount_on_a_point_is_the_one_that_shows(mounted: tuple[Path, bytes]) -> None:
    path, point = mounted
    (path / "file").write_bytes(b"x" * MIB)
    assert ctypes.CDLL(None).mount(b"none", point, b"tmpfs", 0, b"size=8m") == 0
    name = point.decode("utf-8", "surrogateescape")
    rows = [row for row in parse_tmpfs(list_tmpfs("/")) if row.name == name]
    assert [(row.used, row.size) for row in rows] == [(0, 8 * MIB)]


@pytest.mark.parametrize(("fstype", "options"), [(b"ramfs", b""), (b"tmpfs", b"size=0")])
def test_what_the_kernel_does_not_count_is_unknown(mounted: tuple[Path, bytes], fstype: bytes, options: bytes) -> None:
    _path, point = mounted
    assert ctypes.CDLL(None).mount(b"none", point, fstype, 0, options) == 0
    name = point.decode("utf-8", "surrogateescape")
    (row,) = (row for row in parse_tmpfs(list_tmpfs("/")) if row.name == name)
    assert (row.used, row.size) == (None, None)


def test_a_covered_mount_is_listed_as_unknown(mounted: tuple[Path, bytes]) -> None:
    path, point = mounted
    (path / "below").mkdir()
    libc = ctypes.CDLL(None)
    assert libc.mount(b"none", point + b"/below", b"tmpfs", 0, b"size=1m") == 0
    assert libc.mount(b"none", point, b"tmpfs", 0, b"size=8m") == 0
    (path / "below").mkdir()
    name = point.decode("utf-8", "surrogateescape") + "/below"
    (row,) = (row for row in parse_tmpfs(list_tmpfs("/")) if row.name == name)
    assert row.used is None
    assert libc.umount2(point, 2) == 0
    assert libc.umount2(point + b"/below", 2) == 0


def test_never_walks_into_a_network_file_system() -> None:
    mounts = tmpfs._mounts(
        b"1 0 8:1 / / rw - ext4 /dev/sda rw\n"
        b"2 1 0:40 / /net rw shared:7 - nfs4 host:/x rw\n"
        b"3 2 0:41 / /net/a\\040b rw - tmpfs none rw\n"
        b"4 1 0:42 / /run rw master:1 propagate_from:2 - tmpfs none rw\n"
        b"torn line\n"
    )
    assert mounts["3"].point == "/net/a b"
    assert tmpfs._may_stall(mounts["3"], mounts)
    assert not tmpfs._may_stall(mounts["4"], mounts)


def test_captured_tree_gives_the_df_listing_in_blocks(tmp_path: Path) -> None:
    folder = tmp_path / "sos_commands" / "filesys"
    folder.mkdir(parents=True)
    (folder / "df_-al").symlink_to("/etc/passwd")
    (folder / "df_-ali_-x_autofs").write_bytes(DF_INODES)
    (folder / "df_-al_-x_autofs").write_bytes(b"df: /x: Permission denied\n" + DF)
    content = list_tmpfs(str(tmp_path))
    assert content.endswith(DF)
    assert [(row.name, row.used, row.size) for row in parse_tmpfs(content)] == [("/run", 64 << 10, MIB)]


def test_captured_tree_without_a_usable_listing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        list_tmpfs(str(tmp_path))
    folder = tmp_path / "sos_commands" / "filesys"
    folder.mkdir(parents=True)
    (folder / "df_-ali").write_bytes(DF_INODES)
    with pytest.raises(FileNotFoundError):
        list_tmpfs(str(tmp_path))
