"""Where leaktop.pyz unpacks itself, and where it refuses to."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.packaging import pyz_main

if TYPE_CHECKING:
    from collections.abc import Iterator

LEAKTOP = "def main():\n    import leaktop\n    print(leaktop.__file__)\n    return 3\n"


def make(directory: Path, python: str = f"{sys.version_info[0]}.{sys.version_info[1]}") -> Path:
    """An archive as build_pyz makes it, with a leaktop that only says where it lies."""
    target = directory / "leaktop.pyz"
    with zipfile.ZipFile(target, "w") as archive:
        archive.write(pyz_main.__file__, "__main__.py")
        archive.writestr("build.json", f'{{"name": "abc", "python": "{python}", "machine": "{os.uname().machine}"}}')
        archive.writestr("site/leaktop/__init__.py", "")
        archive.writestr("site/leaktop/cli.py", LEAKTOP)
    return target


def run(archive: Path, home: Path, umask: int = 0o022, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Start it as the user whose home that is."""
    start = (
        f"import os, pwd, runpy, sys; os.umask({umask}); sys.argv = {[str(archive)]!r}\n"
        f"real = pwd.getpwuid(0)\n"
        f"pwd.getpwuid = lambda _: pwd.struct_passwd((*real[:5], {str(home)!r}, real[6]))\n"
        f"sys.path[0] = {str(archive)!r}\n"
        "runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    return subprocess.run([sys.executable, "-c", start], capture_output=True, text=True, check=False, cwd=cwd)


@pytest.fixture
def home() -> Iterator[Path]:
    """A home whose every directory above is safe; pytest's own lie in /tmp, which all may write to."""
    if os.geteuid() != 0:
        pytest.skip("takes a home below directories of root's")
    with tempfile.TemporaryDirectory(prefix=".leaktop-home-", dir=Path.home()) as made:
        yield Path(made)


def test_it_unpacks_once_to_a_private_directory(home: Path, tmp_path: Path) -> None:
    archive = make(tmp_path)
    first, second = run(archive, home), run(archive, home)
    assert first.returncode == second.returncode == 3, first.stderr
    assert first.stdout == second.stdout == f"{home}/.cache/leaktop/abc/site/leaktop/__init__.py\n"
    assert (home / ".cache/leaktop").stat().st_mode & 0o777 == 0o700
    assert os.listdir(home / ".cache/leaktop") == ["abc"]


@pytest.mark.parametrize("trap", ["link", "writable", "foreign", "writable above"])
def test_it_goes_where_nobody_else_can_have_been(home: Path, tmp_path: Path, trap: str) -> None:
    """A prepared directory is left alone, and what lies in it is not run."""
    place = home / ".cache" / "leaktop"
    (place / "abc/site/leaktop").mkdir(parents=True)
    (place / "abc/site/leaktop/cli.py").write_text("def main():\n    print('TRAPPED')\n    return 3\n")
    if trap == "link":
        place.rename(tmp_path / "elsewhere")
        place.symlink_to(tmp_path / "elsewhere")
    elif trap == "writable":
        place.chmod(0o777)
    elif trap == "foreign":
        os.chown(place, 65534, 65534)
    else:
        place.parent.chmod(0o777)
    done = run(make(tmp_path), home)
    assert done.returncode == 3, done.stderr
    assert "TRAPPED" not in done.stdout
    unpacked = Path(done.stdout.strip())
    assert not str(unpacked).startswith(str(home))
    assert not unpacked.exists(), "what was for this run only is gone"


def test_an_open_umask_leaves_nothing_open(home: Path, tmp_path: Path) -> None:
    assert run(make(tmp_path), home, umask=0).returncode == 3
    assert run(make(tmp_path), home, umask=0).returncode == 3
    found = home / ".cache" / "leaktop"
    assert not found.exists() or found.stat().st_mode & 0o077 == 0


def test_a_cut_off_start_is_not_taken_for_the_whole(home: Path, tmp_path: Path) -> None:
    place = home / ".cache" / "leaktop"
    place.mkdir(parents=True, mode=0o700)
    (place / ".unpacking-xyz").mkdir()
    assert run(make(tmp_path), home).returncode == 3


def test_another_python_is_told_which_one_it_takes(home: Path, tmp_path: Path) -> None:
    done = run(make(tmp_path, "3.9"), home)
    assert done.returncode == 1
    assert "built for Python 3.9" in done.stderr
    assert "python3.9" in done.stderr
    assert not (home / ".cache").exists()


def test_it_does_not_import_from_where_it_is_started(home: Path, tmp_path: Path) -> None:
    for name in ("leaktop", "json", "zipfile", "tempfile"):
        (tmp_path / f"{name}.py").write_text("print('TRAPPED')\n")
    (tmp_path / "built").mkdir()
    done = subprocess.run([sys.executable, str(make(tmp_path / "built", "3.9"))], capture_output=True, text=True,
                          check=False, cwd=tmp_path)  # fmt: skip
    assert "TRAPPED" not in done.stdout + done.stderr


def test_an_old_python_gets_as_far_as_the_reason() -> None:
    ast.parse(Path(pyz_main.__file__).read_text(), feature_version=(3, 6))
