"""Loose copies of kernel files in a directory or a tar, named as people name what they attach to a mail."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from leaktop.sources.series import SeriesError
from tests.corpus import DATA
from tests.series import AT, contents, pack, read_all, ticks_of, write

if TYPE_CHECKING:
    from pathlib import Path

MEMINFO = (DATA / "meminfo/live-6.18.txt").read_bytes()
SLABINFO = (DATA / "slabinfo/live-6.18.txt").read_bytes()
LISTING = b"""total 0
lrwxrwxrwx   1 root root 0 Nov 27 15:20 TSPacket -> :t-0000072
drwxr-xr-x   2 root root 0 Nov 27 15:20 :t-0000072
"""
ENTRIES = b"".join(LISTING.splitlines(keepends=True)[1:])


@pytest.mark.parametrize(
    "name",
    ["slabinfo", "slabinfo.txt", "proc_slabinfo", "proc-slabinfo.log", "Slabinfo-2026-11-21", "web1.slabinfo.txt",
     "slabinfo2"],
)  # fmt: skip
def test_a_name_says_what_a_file_is(tmp_path: Path, name: str) -> None:
    write(tmp_path / "case" / name, SLABINFO)
    assert contents(ticks_of(tmp_path / "case")[0])["slabinfo"] == SLABINFO


@pytest.mark.parametrize("name", ["allocinfo", "proc_allocinfo.txt"])
def test_allocinfo_beside_others(tmp_path: Path, name: str) -> None:
    profiled = (DATA / "allocinfo/vm-6.12b.txt").read_bytes()
    write(tmp_path / "case" / name, profiled)
    write(tmp_path / "case/slabinfo", SLABINFO)
    assert contents(ticks_of(tmp_path / "case")[0])["allocinfo"] == profiled


@pytest.mark.parametrize(
    "name", ["sys_kernel_slab.txt", "ls_sys_kernel_slab", "ls-l_sys-kernel-slab.txt", "slab_links", "ls-l-slab.txt"]
)
def test_a_listing_of_the_slab_directory(tmp_path: Path, name: str) -> None:
    write(tmp_path / "case" / name, LISTING)
    write(tmp_path / "case/slabinfo", SLABINFO)
    assert contents(ticks_of(tmp_path / "case")[0])["slab_links"] == ENTRIES


def test_what_the_shell_printed_around_it_is_left_out(tmp_path: Path) -> None:
    write(tmp_path / "case/meminfo.txt", b"root@web1:~# cat /proc/meminfo\r\n" + MEMINFO.replace(b"\n", b"\r\n"))
    write(tmp_path / "case/slabinfo.txt", b"$ cat /proc/slabinfo\n" + SLABINFO + b"\n-- \nRegards\n")
    found = contents(ticks_of(tmp_path / "case")[0])
    assert (found["meminfo"], found["slabinfo"]) == (MEMINFO, SLABINFO)


def test_the_machine_is_what_is_beside_it(tmp_path: Path) -> None:
    write(tmp_path / "case/meminfo", MEMINFO)
    write(tmp_path / "case/uname.txt", b"Linux web1 5.10.0-8 #1 SMP Debian x86_64 GNU/Linux\n")
    write(tmp_path / "case/hostname", b"web1\n")
    write(tmp_path / "case/cmdline", b"quiet slab_nomerge\n")
    _, (machine,), notes = read_all(tmp_path / "case")
    assert (machine.release, machine.hostname, machine.cmdline) == ("5.10.0-8", "web1", "quiet slab_nomerge")
    assert notes == ["1 capture with no time in name or content, placed by the age of the files"]


def test_it_is_as_old_as_its_files_or_as_its_name_says(tmp_path: Path) -> None:
    write(tmp_path / "case/slabinfo", SLABINFO, AT)
    assert ticks_of(tmp_path / "case")[0].wall == AT
    write(tmp_path / "2026-11-20T12:00:00Z/slabinfo", SLABINFO, AT)
    assert ticks_of(tmp_path / "2026-11-20T12:00:00Z")[0].wall == AT - 86400


@pytest.mark.parametrize("suffix", [".tar", ".tar.gz", ".tar.zst"])
def test_a_tar_of_it(tmp_path: Path, suffix: str) -> None:
    write(tmp_path / "case/slabinfo.txt", SLABINFO)
    write(tmp_path / "case/sys_kernel_slab.txt", LISTING)
    write(tmp_path / "case/photo.jpg", b"x" * 100)
    found = contents(ticks_of(pack(tmp_path / "case", suffix))[0])
    assert (found["slabinfo"], found["slab_links"]) == (SLABINFO, ENTRIES)


def test_a_second_copy_is_left_out_and_said(tmp_path: Path) -> None:
    write(tmp_path / "case/slabinfo", SLABINFO)
    write(tmp_path / "case/slabinfo.later", SLABINFO.replace(b"kmalloc-64", b"kmalloc-65"))
    (steps,), _, notes = read_all(tmp_path / "case")
    assert len(steps) == 1
    assert any("slabinfo.later left out" in note for note in notes)


def test_captured_trees_come_first(tmp_path: Path) -> None:
    write(tmp_path / "case/0/proc/slabinfo", SLABINFO)
    write(tmp_path / "case/slabinfo", b"slabinfo - version: 2.1\n")
    assert contents(ticks_of(tmp_path / "case")[0])["slabinfo"] == SLABINFO


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("slabinfo", b"no slabinfo at all\n"),
        ("sys_kernel_slab.txt", LISTING),
        ("notes.txt", SLABINFO),
        ("slabinfo", b""),
    ],
)
def test_what_is_none_is_refused(tmp_path: Path, name: str, content: bytes) -> None:
    write(tmp_path / "case" / name, content)
    with pytest.raises(SeriesError, match="not one capture"):
        read_all(tmp_path / "case")


def test_neither_links_nor_fifos_are_read(tmp_path: Path) -> None:
    (tmp_path / "case").mkdir()
    (tmp_path / "case/slabinfo").symlink_to("/proc/slabinfo")
    os.mkfifo(tmp_path / "case/meminfo")
    with pytest.raises(SeriesError, match="not one capture"):
        read_all(tmp_path / "case")
