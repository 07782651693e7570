"""What an ordinary user's `sudo leaktop` writes: the user's own, made with the user's rights, by a real sudo.

sudo gets a list of its own to believe, in a mount namespace that ends with the test: nothing of the machine is changed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.cli.recorded import write_growing
from tests.e2e.terminal import REPO

if TYPE_CHECKING:
    from collections.abc import Iterator

USER, GROUP = 65534, 65534
NEEDED = ("sudo", "unshare", "setpriv")
LEAKTOP = f"import sys; sys.path.insert(0, {str(REPO)!r}); from leaktop.cli import main; sys.exit(main())"
SUDOERS = "Defaults env_reset, !use_pty, !syslog\nroot ALL=(ALL) NOPASSWD: ALL\n#65534 ALL=(ALL) NOPASSWD: ALL\n"


@pytest.fixture(scope="module")
def sudoers() -> Iterator[Path]:
    """A file that sudo believes: root's, in a directory of root's."""
    missing = [name for name in NEEDED if shutil.which(name) is None]
    if os.geteuid() != 0 or missing:
        pytest.skip(f"SUDO IS NOT TRIED: {' and '.join(missing) + ' missing' if missing else 'this takes root'}")
    place = Path(tempfile.mkdtemp(prefix="leaktop-sudo-", dir="/root"))
    path = place / "sudoers"
    path.write_text(SUDOERS)
    path.chmod(0o440)
    done = as_user(path, "/", "/usr/bin/id", "-u")
    if done.stdout != b"0\n":
        pytest.skip(f"SUDO DOES NOT WORK HERE: {done.stderr.decode(errors='replace')[:200]}")
    yield path
    shutil.rmtree(place)


@pytest.fixture
def home() -> Iterator[Path]:
    """A directory of the user."""
    place = Path(tempfile.mkdtemp(prefix="leaktop-home-", dir="/tmp"))
    os.chown(place, USER, GROUP)
    yield place
    shutil.rmtree(place)


def as_user(sudoers: Path, cwd: str | Path, *command: str) -> subprocess.CompletedProcess[bytes]:
    """An ordinary user types `sudo COMMAND`."""
    script = (
        'mount --make-rprivate / && mount --bind "$1" /etc/sudoers && cd "$2" && shift 2 && '
        f'exec setpriv --reuid={USER} --regid={GROUP} --clear-groups sudo -n "$@"'
    )
    return subprocess.run(
        ["unshare", "-m", "sh", "-c", script, "sh", str(sudoers), str(cwd), *command],
        capture_output=True, check=False, timeout=60, stdin=subprocess.DEVNULL,
    )  # fmt: skip


def sudo_leaktop(sudoers: Path, cwd: Path, *arguments: str | Path) -> subprocess.CompletedProcess[bytes]:
    return as_user(sudoers, cwd, sys.executable, "-P", "-c", LEAKTOP, *map(str, arguments))


def check_owned(path: Path) -> None:
    state = path.lstat()
    assert (state.st_uid, state.st_gid, state.st_mode & 0o777) == (USER, GROUP, 0o600), path


def test_everything_that_is_written_is_the_users(sudoers: Path, home: Path) -> None:
    recording = write_growing(home / "given", 60)
    for name, *words in (
        ("r", "record", "r", "--for", "1s"),
        ("report.html", "report", recording, "--format", "html", "-o", "report.html"),
        ("rows.csv", "export", recording, "--format", "csv", "--section", "slab", "-o", "rows.csv"),
        ("piece", "cut", recording, "--from", "+1s", "-o", "piece"),
        ("x.xml", "check", "--junit", "x.xml", "--iterations", "3", "--", "/bin/true"),
    ):
        done = sudo_leaktop(sudoers, home, *words)
        assert (home / name).exists(), done.stderr
        check_owned(home / name)
    assert (home / "r").stat().st_size > 500


def test_rotation_is_done_with_the_users_rights(sudoers: Path, home: Path) -> None:
    for _ in range(2):
        done = sudo_leaktop(sudoers, home, "record", "r", "--for", "1s", "--max-size", "1M")
        assert done.returncode == 0, done.stderr
    for name in ("r", "r.1"):
        check_owned(home / name)


def test_a_trap_in_the_way_stops_root(sudoers: Path, home: Path) -> None:
    target = sudoers.parent / "cron.d"
    target.mkdir()
    (home / "trap").symlink_to(target)
    (home / "locked").mkdir(mode=0o755)  # root's, in a directory where the user can exchange it
    for place in ("trap/job", "locked/job"):
        done = sudo_leaktop(sudoers, home, "record", place, "--for", "1s")
        assert done.returncode == 2
        assert b"nobody may not write there" in done.stderr
    assert list(target.iterdir()) == []
    target.rmdir()


def test_a_place_of_roots_alone_is_written_by_root(sudoers: Path, home: Path) -> None:
    path = sudoers.parent / "r"
    done = sudo_leaktop(sudoers, home, "record", path, "--for", "1s")
    assert done.returncode == 0, done.stderr
    assert path.stat().st_uid == 0


def test_the_command_of_a_recording_runs_as_root_and_the_file_is_the_users(sudoers: Path, home: Path) -> None:
    done = sudo_leaktop(sudoers, home, "record", "r", "--", "/usr/bin/id", "-u")
    assert done.stdout == b"0\n"
    check_owned(home / "r")


def test_nothing_is_imported_from_where_it_runs(sudoers: Path, home: Path) -> None:
    """Of -m the package itself comes from there, and of everything else nothing; a console script takes nothing."""
    for name in ("argparse", "json", "textual", "regex", "psutil", "compression", "backports"):
        (home / f"{name}.py").write_text("raise SystemExit('imported from the directory of an enemy')\n")
    (home / "leaktop").symlink_to(REPO / "leaktop")
    for words in (["-m", "leaktop"], ["-P", "-c", LEAKTOP]):
        done = as_user(sudoers, home, sys.executable, *words, "show", "memory", "--limit", "1")
        assert b"enemy" not in done.stderr
        assert done.returncode == 0, done.stderr
