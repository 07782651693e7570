"""Files behind sudo: made with the user's rights, and the user's own, in that thread only; root's places apart."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from leaktop.private_file import create_private, is_roots_alone, on_behalf, remove_private
from leaktop.recording.file import rotate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NEEDS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root has rights to give up")
USER, GROUP = 1234, 5678


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory of the user who typed sudo."""
    place = Path(tempfile.mkdtemp(prefix="leaktop-home-", dir="/tmp"))
    os.chown(place, USER, GROUP)
    monkeypatch.setenv("SUDO_UID", str(USER))
    monkeypatch.setenv("SUDO_GID", str(GROUP))
    yield place
    shutil.rmtree(place)


@pytest.fixture
def closed() -> Iterator[Path]:
    """A directory that root has for itself, and so are all above it."""
    place = Path(tempfile.mkdtemp(prefix=".leaktop-", dir="/root"))
    yield place
    shutil.rmtree(place)


def make(path: Path) -> os.stat_result:
    os.close(create_private(str(path)))
    return path.lstat()


def status(name: str) -> list[int]:
    """A line of numbers of this thread's status."""
    lines = Path(f"/proc/self/task/{threading.get_native_id()}/status").read_text().splitlines()
    return [int(word) for line in lines if line.startswith(name + ":") for word in line.split()[1:]]


@NEEDS_ROOT
def test_a_new_file_belongs_to_the_user(home: Path) -> None:
    for umask in (0, 0o077, 0o277):
        before = os.umask(umask)
        try:
            state = make(home / str(umask))
        finally:
            os.umask(before)
        assert (state.st_uid, state.st_gid) == (USER, GROUP)
        assert stat.S_IMODE(state.st_mode) == 0o600 & ~umask


@NEEDS_ROOT
def test_what_is_there_is_left_alone(home: Path) -> None:
    (home / "precious").write_bytes(b"precious")
    (home / "link").symlink_to("/etc/passwd")
    (home / "dangling").symlink_to("nothing")
    for name in ("precious", "link", "dangling"):
        with pytest.raises(FileExistsError):
            create_private(str(home / name))
    assert (home / "precious").read_bytes() == b"precious"


@NEEDS_ROOT
@pytest.mark.parametrize("is_link", [True, False])
def test_no_link_leads_root_to_where_the_user_may_not_write(home: Path, closed: Path, is_link: bool) -> None:
    (home / "trap").symlink_to(closed)
    place = home / "trap" if is_link else home / "trap" / ".." / closed.name
    with pytest.raises(PermissionError, match="may not write there"):
        create_private(str(place / "cron"))
    assert list(closed.iterdir()) == []


@NEEDS_ROOT
def test_nor_does_one_lead_it_to_remove_or_rename_there(home: Path, closed: Path) -> None:
    for name in ("shadow", "shadow.1"):
        (closed / name).touch()
    (home / "trap").symlink_to(closed)
    remove_private(str(home / "trap" / "shadow"))
    with pytest.raises(OSError, match=r"may not write there|left alone"):
        rotate(str(home / "trap" / "shadow"), 2)
    assert {path.name for path in closed.iterdir()} == {"shadow", "shadow.1"}
    make(home / "mine")
    remove_private(str(home / "mine"))
    assert not (home / "mine").exists()


@NEEDS_ROOT
def test_where_only_root_may_write_root_does(home: Path, closed: Path) -> None:
    assert is_roots_alone(str(closed))
    assert make(closed / "r").st_uid == 0
    rotate(str(closed / "r"), 1)
    assert [path.name for path in closed.iterdir()] == ["r.1"]
    remove_private(str(closed / "r.1"))
    assert list(closed.iterdir()) == []


def open_to_all(place: Path) -> None:
    place.chmod(0o777)


def open_to_a_group(place: Path) -> None:
    place.chmod(0o775)


def anothers(place: Path) -> None:
    os.chown(place, 99, 0)


@NEEDS_ROOT
@pytest.mark.parametrize("change", [open_to_all, open_to_a_group, anothers])
def test_a_place_that_others_may_change_is_not_roots_alone(
    home: Path, closed: Path, change: Callable[[Path], None]
) -> None:
    below = closed / "between" / "below"
    below.mkdir(parents=True, mode=0o700)
    assert is_roots_alone(str(below))
    change(below.parent)
    assert not is_roots_alone(str(below))
    if change is not open_to_all:
        with pytest.raises(PermissionError):
            create_private(str(below.parent / "r"))
    if change is not anothers:
        below.parent.chmod(0o1777)
        assert is_roots_alone(str(below))  # nobody else can move it
    assert not is_roots_alone(str(closed / "missing"))
    assert is_roots_alone(str(closed))
    assert not is_roots_alone(str(closed / "between" / ".."))
    assert is_roots_alone("/")
    assert not is_roots_alone("/tmp")


@NEEDS_ROOT
def test_a_group_of_roots_is_no_right_of_the_user(home: Path, closed: Path) -> None:
    """The supplementary groups are given up as well."""
    place = home / "for-group-root"
    place.mkdir()
    place.chmod(0o775)
    os.chown(place, 0, 0)
    with pytest.raises(PermissionError):
        create_private(str(place / "r"))


@NEEDS_ROOT
def test_only_this_thread_gives_its_rights_up_and_only_meanwhile(home: Path) -> None:
    seen: dict[str, tuple[list[int], list[int]]] = {}
    begun, asked = threading.Event(), threading.Event()

    def watch() -> None:
        begun.wait(5)
        seen["other"] = status("Uid"), status("Groups")
        asked.set()

    def act() -> None:
        begun.set()
        asked.wait(5)
        seen["acting"] = status("Uid"), status("Groups")

    groups = status("Groups")
    other = threading.Thread(target=watch)
    other.start()
    on_behalf(str(home / "r"), act)
    other.join()
    assert seen["acting"] == ([0, 0, 0, USER], [GROUP])
    assert seen["other"] == ([0, 0, 0, 0], groups)
    assert (status("Uid"), status("Gid")[3], status("Groups")) == ([0, 0, 0, 0], 0, groups)


@NEEDS_ROOT
def test_rights_come_back_after_an_error(home: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        on_behalf(str(home), lambda: 1 // 0)
    assert status("Uid") == [0, 0, 0, 0]


@pytest.mark.parametrize("given", ["", "0", "-1", "abc", "99999999999", "4294967295", "\u0663"])
def test_an_odd_sudo_uid_is_none(given: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUDO_UID", given)
    monkeypatch.setenv("SUDO_GID", "5")
    assert make(tmp_path / "r").st_uid == os.geteuid()
