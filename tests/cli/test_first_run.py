"""Where it is remembered that somebody saw the tour, and where nothing is written."""

from __future__ import annotations

import os
import stat
import threading
import time
from typing import TYPE_CHECKING

import pytest

from leaktop.cli import first_run
from leaktop.cli.first_run import has_seen_tour, remember_tour

if TYPE_CHECKING:
    from pathlib import Path

NOBODY = 65534


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state directory that nobody but us can change."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    for name in ("LEAKTOP_TOUR", "SUDO_UID", "SUDO_GID"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "state"


def remembered() -> bool:
    remember_tour()
    for thread in threading.enumerate():
        if thread.name == "leaktop-tour":
            thread.join(5)
    return has_seen_tour()


def test_what_was_seen_is_remembered_in_an_empty_private_file(state: Path) -> None:
    assert not has_seen_tour()
    assert remembered()
    found = state / "leaktop" / "tour-seen"
    assert found.stat().st_size == 0
    assert stat.S_IMODE(found.stat().st_mode) == 0o600
    assert stat.S_IMODE(found.parent.stat().st_mode) == 0o700
    assert remembered()  # again does no harm


def test_without_a_state_directory_it_is_in_the_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for given in ("", "relative/path"):
        monkeypatch.setenv("XDG_STATE_HOME", given)
        monkeypatch.setenv("HOME", str(tmp_path / "home"))
        assert first_run._path() == str(tmp_path / "home/.local/state/leaktop/tour-seen")


def test_a_link_is_not_followed(state: Path, tmp_path: Path) -> None:
    (state / "leaktop").mkdir(parents=True)
    (state / "leaktop" / "tour-seen").symlink_to(tmp_path / "target")
    remembered()
    assert not (tmp_path / "target").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_root_writes_nowhere_that_others_could_have_laid_out(state: Path) -> None:
    state.mkdir()
    os.chown(state, NOBODY, NOBODY)
    assert not remembered()
    assert not list(state.iterdir())


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_behind_sudo_it_is_the_users_file(state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUDO_UID", str(NOBODY))
    monkeypatch.setenv("SUDO_GID", str(NOBODY))
    assert not remembered()  # the directory is root's
    state.mkdir()
    os.chown(state, NOBODY, NOBODY)
    for directory in (tmp_path, *tmp_path.parents):
        if directory.stat().st_mode & 0o001 == 0:
            directory.chmod(directory.stat().st_mode | 0o011)
    assert remembered()
    assert (state / "leaktop" / "tour-seen").stat().st_uid == NOBODY


def test_a_home_that_does_not_answer_holds_nothing_up(monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()
    monkeypatch.setattr(first_run, "_path", lambda: over.wait(10) and "")
    began = time.monotonic()
    assert has_seen_tour()
    assert time.monotonic() - began < 5
    over.set()


def test_a_home_that_cannot_be_written_is_borne(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/proc/nowhere")
    assert not remembered()
