from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING, Any

import pytest

from leaktop.model.records import Owner
from leaktop.parsers.socket_owners import parse_socket_owners
from leaktop.sources import socket_owners
from leaktop.sources.fd_links import count_net_namespaces, guess_socket_fd, walk_fd_links
from leaktop.sources.socket_owners import OwnerIndex

if TYPE_CHECKING:
    from pathlib import Path


class Proc:
    """A /proc of links, and the processes whose descriptors were searched since the last look."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root = root
        self.now = 0.0
        self._walked: list[int] = []

        def watched(proc_root: str, pids: tuple[int, ...]) -> object:
            self._walked += pids
            return walk_fd_links(proc_root, pids)

        monkeypatch.setattr(socket_owners, "walk_fd_links", watched)
        self.index = OwnerIndex(str(root), clock=lambda: self.now)

    def put(self, pid: int, comm: bytes, **links: str) -> None:
        (self.root / str(pid) / "fd").mkdir(parents=True)
        (self.root / str(pid) / "comm").write_bytes(comm + b"\n")
        for name, link in links.items():
            (self.root / str(pid) / "fd" / name.removeprefix("fd")).symlink_to(link)

    def drop(self, pid: int, fd: int) -> None:
        (self.root / str(pid) / "fd" / str(fd)).unlink()

    def find(self, *wanted: int) -> dict[int, tuple[Owner, ...]]:
        return parse_socket_owners(self.index.find(frozenset(wanted)))

    @property
    def walked(self) -> set[int]:
        walked, self._walked = set(self._walked), []
        return walked


@pytest.fixture
def proc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Proc:
    return Proc(tmp_path, monkeypatch)


def test_owners_with_odd_names(proc: Proc) -> None:
    proc.put(7, b"tab\there\n\\", fd3="socket:[100]", fd4="socket:[101]", fd5="/dev/null")
    proc.put(8, b"\xff", fd0="socket:[102]", fd9="socket:[102]")
    found = proc.find(100, 102)
    assert found[100] == (Owner(7, "tab\there\n\\", 3),)
    assert set(found[102]) == {Owner(8, "\udcff", 0), Owner(8, "\udcff", 9)}
    assert found.keys() == {100, 102}
    everyone = parse_socket_owners(proc.index.find(None))
    assert everyone.keys() == {100, 101, 102}


def test_what_was_found_is_not_searched_again(proc: Proc) -> None:
    proc.put(7, b"a", fd3="socket:[100]")
    proc.put(8, b"b", fd3="socket:[101]")
    first = proc.find(100, 101)
    assert proc.walked == {7, 8}
    assert proc.find(100, 101) == first
    assert proc.walked == set()
    (proc.root / "7" / "comm").write_bytes(b"renamed\n")
    assert proc.find(100)[100] == (Owner(7, "renamed", 3),)


def test_a_socket_that_changed_hands_is_searched_again(proc: Proc) -> None:
    proc.put(7, b"a", fd3="socket:[100]")
    assert proc.find(100).keys() == {100}
    proc.drop(7, 3)
    proc.put(8, b"b", fd3="socket:[100]")
    assert proc.find(100) == {100: (Owner(8, "b", 3),)}


def test_a_socket_without_an_owner_is_searched_for_once_in_a_while(proc: Proc) -> None:
    proc.put(7, b"a")
    assert proc.find(100) == {}
    assert proc.walked == {7}
    proc.now = 29.0
    assert proc.find(100) == {}
    assert proc.walked == set()
    proc.now = 31.0
    (proc.root / "7" / "fd" / "3").symlink_to("socket:[100]")
    assert proc.find(100) == {100: (Owner(7, "a", 3),)}


def test_the_search_ends_when_all_are_found_and_begins_with_the_last_owners(proc: Proc) -> None:
    for pid in range(100, 120):
        proc.put(pid, b"x", fd3=f"socket:[{pid}]")
    proc.put(7, b"a", fd3="socket:[7]", fd4="socket:[8]")
    proc.find(7)
    assert proc.walked
    assert proc.find(7, 8).keys() == {7, 8}
    assert proc.walked == {7}


def test_inode_zero_and_nothing_wanted_search_nothing(proc: Proc) -> None:
    proc.put(7, b"a", fd3="socket:[0]")
    assert proc.find() == proc.find(0) == {}
    assert proc.walked == set()


def test_processes_that_end_or_deny_are_left_out(proc: Proc) -> None:
    proc.put(7, b"a", fd3="socket:[100]")
    proc.put(8, b"b", fd3="socket:[101]", fd4="socket:[102]")
    (proc.root / "8" / "fd" / "5").mkdir()  # no link: as a descriptor that was closed meanwhile
    (proc.root / "8" / "fd" / "junk").symlink_to("socket:[103]")
    (proc.root / "9").mkdir()
    (proc.root / "7" / "comm").unlink()
    found = proc.find(100, 101, 102, 103)
    assert found.keys() == {100, 101, 102}
    assert found[100] == (Owner(7, "?", 3),)


def test_no_proc_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        OwnerIndex(str(tmp_path / "nothing")).find(None)


def test_links_of_this_process() -> None:
    with open("/dev/null") as null, socket.socket() as ours:
        links = {fd: link for _, fd, link in walk_fd_links("/proc", [os.getpid()])}
        assert links[null.fileno()] == "/dev/null"
        assert links[ours.fileno()] == f"socket:[{os.fstat(ours.fileno()).st_ino}]"
        assert (os.getpid(), null.fileno(), "/dev/null") in set(walk_fd_links("/proc"))


def test_a_socket_shared_by_fork_names_a_process_that_holds_it() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ours:
        inode = os.fstat(ours.fileno()).st_ino
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(write)
            os.read(read, 1)
            os._exit(0)
        os.close(read)
        try:
            [owner, *_] = parse_socket_owners(OwnerIndex().find(frozenset({inode})))[inode]
            assert owner.pid in {os.getpid(), child}
            everyone = parse_socket_owners(OwnerIndex().find(None))[inode]
            assert {owner.pid for owner in everyone} == {os.getpid(), child}
        finally:
            os.close(write)
            os.waitpid(child, 0)


def test_network_namespaces(tmp_path: Path) -> None:
    for pid, link in ((1, "net:[1]"), (2, "net:[2]"), (3, "net:[1]")):
        (tmp_path / str(pid) / "ns").mkdir(parents=True)
        (tmp_path / str(pid) / "ns" / "net").symlink_to(link)
    (tmp_path / "4").mkdir()
    (tmp_path / "self").mkdir()
    assert count_net_namespaces(str(tmp_path)) == (2, 0)
    seen, denied = count_net_namespaces("/proc")
    assert seen >= 1
    assert denied >= 0


def test_of_a_process_with_thousands_of_sockets_a_few_links_tell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server's sockets are in rising order; the one that is sought is found without reading all of them."""
    fds = tmp_path / "77" / "fd"
    fds.mkdir(parents=True)
    for fd in range(5000):
        (fds / str(fd)).symlink_to("/dev/null" if fd % 7 == 0 else f"socket:[{100_000 + 3 * fd}]")
    reads = 0
    readlink = os.readlink

    def counted(path: str, **options: Any) -> str:
        nonlocal reads
        reads += 1
        return readlink(path, **options)

    monkeypatch.setattr(os, "readlink", counted)
    for fd in (1, 2500, 4999):
        assert guess_socket_fd(str(tmp_path), 77, 100_000 + 3 * fd) == fd
    assert guess_socket_fd(str(tmp_path), 77, 100_001) is None
    assert reads < 500
