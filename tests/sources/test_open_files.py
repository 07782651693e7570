from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from leaktop.parsers.open_files import parse_open_files
from leaktop.parsers.sysvipc import parse_sysvipc_shm
from leaktop.sources.open_files import list_open_files

MIB = 1 << 20


def comm() -> str:
    return Path("/proc/self/comm").read_text().removesuffix("\n")


def test_a_memfd_with_its_sizes() -> None:
    name = f"odd\n\t\x1b{uuid.uuid4().hex}"
    descriptor = os.memfd_create(name)
    try:
        os.truncate(descriptor, 8 * MIB)
        os.write(descriptor, b"x" * 5 * MIB)
        found = parse_open_files(list_open_files("/"))
    finally:
        os.close(descriptor)
    (file,) = (file for file in found.files if file.name == f"/memfd:{name}")
    assert (file.kind, file.used, file.size) == ("memfd", 5 * MIB, 8 * MIB)
    assert file.owner == f"{comm()} ({os.getpid()})"


def test_one_row_for_a_file_with_many_holders() -> None:
    name = uuid.uuid4().hex
    descriptor = os.memfd_create(name, 0)
    copy = os.dup(descriptor)
    command = [sys.executable, "-c", "print(flush=True); input()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, pass_fds=[descriptor]) as child:
        assert child.stdout is not None
        child.stdout.readline()
        found = parse_open_files(list_open_files("/"))
        child.kill()
    os.close(copy)
    os.close(descriptor)
    (file,) = (file for file in found.files if file.name == f"/memfd:{name}")
    assert file.owner is not None
    assert file.owner.endswith(") and 1 more")


def test_a_deleted_file_in_dev_shm_but_not_one_on_disk(tmp_path: Path) -> None:
    paths = [Path("/dev/shm", f"leaktop-{uuid.uuid4().hex}"), tmp_path / "on-disk"]
    with paths[0].open("wb") as in_memory, paths[1].open("wb") as on_disk:
        for file in (in_memory, on_disk):
            file.write(b"x" * 3 * MIB)
            file.flush()
        listed = {file.name for file in parse_open_files(list_open_files("/")).files}
        assert str(paths[0]) not in listed  # it has a name yet: the mount counts it
        for path in paths:
            path.unlink()
        files = {file.name: file for file in parse_open_files(list_open_files("/")).files}
    deleted = files[str(paths[0])]
    assert (deleted.kind, deleted.used, deleted.size) == ("deleted", 3 * MIB, 3 * MIB)
    assert str(paths[1]) not in files


def test_totals_of_this_machine() -> None:
    found = parse_open_files(list_open_files("/"))
    assert found.net_namespaces is not None
    assert found.net_namespaces >= 1
    assert found.unreadable >= 0


def test_captured_tree(tmp_path: Path) -> None:
    for pid, links in ((7, {"3": "/memfd:a (deleted)", "4": "/dev/shm/b (deleted)"}), (8, {"5": "/tmp/c (deleted)"})):
        folder = tmp_path / "proc" / str(pid)
        (folder / "fd").mkdir(parents=True)
        (folder / "comm").write_bytes(b"sd\xff\n")
        for fd, link in links.items():
            (folder / "fd" / fd).symlink_to(link)
    (tmp_path / "proc" / "8" / "fdinfo").mkdir()
    (tmp_path / "proc" / "8" / "fdinfo" / "5").write_text("pos:\t0\nflags:\t02\nmnt_id:\t31\n")
    (tmp_path / "proc" / "8" / "mountinfo").write_text("31 1 0:28 / /tmp rw shared:3 - tmpfs tmpfs rw\n")
    found = parse_open_files(list_open_files(str(tmp_path)))
    assert [(file.kind, file.name, file.used, file.owner) for file in found.files] == [
        ("memfd", "/memfd:a", None, "sd\udcff (7)"),
        ("deleted", "/dev/shm/b", None, "sd\udcff (7)"),
        ("deleted", "/tmp/c", None, "sd\udcff (8)"),
    ]
    assert (found.net_namespaces, found.unreadable) == (None, 0)


def test_no_proc(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        list_open_files(str(tmp_path))


def test_a_sysv_segment_of_this_kernel() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    shmid = libc.shmget(0, ctypes.c_size_t(2 * MIB), 0o1600)
    if shmid < 0:
        pytest.skip(f"no SysV shared memory: {os.strerror(ctypes.get_errno())}")
    try:
        segments = parse_sysvipc_shm(Path("/proc/sysvipc/shm").read_bytes())
    finally:
        libc.shmctl(shmid, 0, None)
    (segment,) = (segment for segment in segments if segment.name == f"shmid {shmid} (key 0x00000000)")
    assert (segment.used, segment.size) == (0, 2 * MIB)
    assert segment.owner == f"cpid {os.getpid()}, 0 attached"
