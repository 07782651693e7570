from __future__ import annotations

from pathlib import Path

import pytest

from leaktop.sources.hugepages import list_hugepages

POOLS = Path("/sys/kernel/mm/hugepages")


@pytest.mark.skipif(not POOLS.is_dir(), reason="no huge pages here")
def test_this_kernel() -> None:
    lines = list_hugepages("/").decode().splitlines()
    assert len(lines) == 4 * len(list(POOLS.iterdir()))
    for line in lines:
        name, _, value = line.partition(":")
        assert (POOLS / name).read_text().strip() == value


def test_captured_tree(tmp_path: Path) -> None:
    pool = tmp_path / "sys" / "kernel" / "mm" / "hugepages" / "hugepages-2048kB"
    pool.mkdir(parents=True)
    (pool / "nr_hugepages").write_text("5\n")
    (pool / "free_hugepages").write_text("3\n")
    (pool / "surplus_hugepages").symlink_to("/etc/passwd")
    assert list_hugepages(str(tmp_path)) == (b"hugepages-2048kB/nr_hugepages:5\nhugepages-2048kB/free_hugepages:3\n")


def test_kernel_without_huge_pages(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        list_hugepages(str(tmp_path))
