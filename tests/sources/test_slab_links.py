from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from leaktop.sources.slab_links import list_slab_links, read_slab_attributes

if TYPE_CHECKING:
    from collections.abc import Mapping

SLAB = Path("/sys/kernel/slab")


def rows(content: bytes) -> Mapping[str, list[str]]:
    head, *lines = content.decode().splitlines()
    assert head == "# leaktop slab_links 1"
    return {name: rest for name, *rest in (line.split("\t") for line in lines)}


@pytest.mark.skipif(not SLAB.is_dir(), reason="no SLUB here")
def test_this_kernel() -> None:
    listed = rows(list_slab_links("/"))
    assert list(listed) == sorted(os.listdir(SLAB))
    for name, (kind, value) in listed.items():
        if kind == "link":
            assert listed[value][0] == "dir"
        elif name.startswith(":"):
            assert value == "-"
        elif os.geteuid() == 0:
            assert value == (SLAB / name / "reclaim_account").read_text().strip()


@pytest.mark.skipif(not SLAB.is_dir() or os.geteuid() != 0, reason="attributes are for root")
def test_attributes_of_this_kernel() -> None:
    lines = read_slab_attributes("/", "kmalloc-64").decode().splitlines()
    attributes = dict(line.split("=", 1) for line in lines)
    assert attributes["object_size"] == "64"
    assert attributes["ctor"] == ""
    assert not attributes.keys() & {"objects", "slabs", "partial", "cpu_slabs", "total_objects", "validate", "shrink"}


@pytest.mark.parametrize("identity", ["", ".", "..", "a/b", "../kmalloc-64", "/etc", "a\0b"])
def test_an_identity_is_one_name(identity: str) -> None:
    with pytest.raises(OSError, match="not the name"):
        read_slab_attributes("/", identity)


def test_no_such_cache() -> None:
    with pytest.raises(FileNotFoundError):
        read_slab_attributes("/", "leaktop-has-no-such-cache")


def test_captured_tree(tmp_path: Path) -> None:
    slab = tmp_path / "sys" / "kernel" / "slab"
    for name in (":at-0000104", "dentry", "bare"):
        (slab / name).mkdir(parents=True)
    (slab / ":at-0000104" / "reclaim_account").write_text("1\n")
    (slab / "dentry" / "reclaim_account").write_text("1\n")
    (slab / "dentry" / "objects").write_text("5\n")
    (slab / "dentry" / "ctor").write_bytes(b"init_once+0x0/0x20 \xff\n")
    (slab / "dentry" / "order").symlink_to("/etc/passwd")
    (slab / "buffer_head").symlink_to("../slab/:at-0000104")
    (slab / "a\tb\n").symlink_to(":at-0000104")
    assert list_slab_links(str(tmp_path)).decode() == (
        "# leaktop slab_links 1\n"
        ":at-0000104\tdir\t-\n"
        "a\\tb\\n\tlink\t:at-0000104\n"
        "bare\tdir\t-\n"
        "buffer_head\tlink\t:at-0000104\n"
        "dentry\tdir\t1\n"
    )
    assert read_slab_attributes(str(tmp_path), "dentry") == b"reclaim_account=1\nctor=init_once+0x0/0x20 \xff\n"


def test_captured_listing_instead_of_a_tree(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        list_slab_links(str(tmp_path))
    folder = tmp_path / "sos_commands" / "kernel"
    folder.mkdir(parents=True)
    listing = b"total 0\nlrwxrwxrwx. 1 root root 0 Oct  2 02:54 btree_node -> :0000128\n"
    (folder / "ls_-lt_.sys.kernel.slab").write_bytes(listing)
    assert list_slab_links(str(tmp_path)) == listing
