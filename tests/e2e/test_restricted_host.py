"""Few descriptors, no /dev/shm, nothing that can be written, a disk that is full: it works, or says what is lacking."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from leaktop.recording.reader import read_file
from tests.e2e.terminal import LEAKTOP, REPO, Terminal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

DEMO = str(REPO / "leaktop/cli/demo.leaktop")
REPORT = next(str(path) for path in sorted((REPO / "tests/data/kmemleak").iterdir()) if path.is_file())
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(REPO), "PYTHONDONTWRITEBYTECODE": "1"}
ALONE = ("unshare", "-m", "sh", "-ec")
FEW = ("sh", "-c", 'ulimit -n 32 && exec "$@"', "sh")
NO_SHM = (*ALONE, 'mount --make-rprivate /; while umount -l /dev/shm 2>/dev/null; do :; done; exec "$@"', "sh")
READ_ONLY = (*ALONE, 'mount --make-rprivate /; mount -o remount,bind,ro /; exec "$@"', "sh")
PRISONS = {"32 descriptors": FEW, "no /dev/shm": NO_SHM, "a read-only root": READ_ONLY}


def shielded(prison: Sequence[str]) -> Sequence[str]:
    """The prison, where it can be built."""
    if prison is FEW:
        return prison
    if os.geteuid() != 0:
        pytest.skip("only root can mount")
    if (
        shutil.which("unshare") is None
        or subprocess.run([*prison, "true"], capture_output=True, check=False).returncode
    ):
        pytest.skip("this host lets nobody mount in a namespace of his own")
    return prison


def leaktop(prison: Sequence[str], *arguments: str, cwd: Path, out: int = subprocess.PIPE) -> tuple[int, str, str]:
    """Its status, what it printed and what it said; never a traceback."""
    done = subprocess.run(
        [*prison, *LEAKTOP, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=out,
        stderr=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT,
        cwd=cwd,
        timeout=60,
        check=False,
    )
    assert "Traceback" not in (done.stdout or "") + done.stderr
    assert all(line.startswith("leaktop: ") for line in done.stderr.splitlines()), done.stderr
    return done.returncode, done.stdout or "", done.stderr


@pytest.fixture(params=PRISONS.values(), ids=list(PRISONS))
def prison(request: pytest.FixtureRequest) -> Sequence[str]:
    return shielded(request.param)


def test_the_live_screen_is_there_and_gives_the_terminal_back(prison: Sequence[str]) -> None:
    with Terminal((*prison, *LEAKTOP), size=(160, 48)) as terminal:
        terminal.wait_for("MemAvailable", timeout=20)
        terminal.wait_for(" caches ")
        terminal.wait_for("RSS")
        terminal.press("2", "enter")
        terminal.wait_for("Esc back")
        terminal.press("escape", "q")
        assert terminal.exit_status() == 0
        terminal.check_restored()
        assert "Traceback" not in terminal.text


def test_what_only_reads_reads(prison: Sequence[str], tmp_path: Path) -> None:
    status, out, said = leaktop(prison, "show", "all", "--json", cwd=tmp_path)
    assert (status, said) == (0, "")
    assert json.loads(out)
    status, out, said = leaktop(prison, "report", DEMO, cwd=tmp_path)
    assert (status, said) == (0, "")
    assert out.startswith("Kernel memory leak")
    status, out, said = leaktop(prison, "kmemleak", "show", REPORT, cwd=tmp_path)
    assert status in {0, 1}
    assert said == ""
    assert out


def test_a_gate_runs_and_its_command_too(prison: Sequence[str], tmp_path: Path) -> None:
    status, out, said = leaktop(prison, "check", "--iterations", "4", "--", "true", cwd=tmp_path)
    assert status in {0, 2}
    assert said == ""
    assert "4 runs" in out or "cannot tell" in out.lower() or "too few" in out.lower(), out


def test_what_writes_writes_or_says_why_not(prison: Sequence[str], tmp_path: Path) -> None:
    record = ("record", "x.leaktop", "--interval", "0.2s", "--budget", "none", "--for", "0.8s")
    html = ("report", DEMO, "-o", "x.html")
    outcomes = {}
    for arguments in (record, html):
        status, out, said = leaktop(prison, *arguments, cwd=tmp_path)
        assert out == ""
        outcomes[arguments] = status, said
    if prison is READ_ONLY:
        assert all(status in {1, 2} and "Read-only file system" in said for status, said in outcomes.values()), outcomes
        assert list(tmp_path.iterdir()) == []
    else:
        assert outcomes[record] == (0, "")
        assert outcomes[html][0] == 0
        assert read_file(str(tmp_path / "x.leaktop")).verify() == []
        assert (tmp_path / "x.html").read_text().rstrip().endswith("</html>")


def test_a_live_screen_that_cannot_make_its_recording_says_so(tmp_path: Path) -> None:
    command = (*shielded(READ_ONLY), *LEAKTOP, "--record", str(tmp_path / "x"))
    with Terminal(command) as terminal:
        assert terminal.exit_status(15) == 2
        assert "Read-only file system" in terminal.text
        assert "Traceback" not in terminal.text


@pytest.fixture
def full(tmp_path: Path) -> Iterator[Path]:
    """A file system without a byte of room."""
    place = tmp_path / "full"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("a file system cannot be mounted here")
    try:
        with contextlib.suppress(OSError), (place / "filler").open("wb", buffering=0) as file:
            while file.write(bytes(4096)):
                pass
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def test_on_a_full_disk_nothing_pretends_to_have_been_written(full: Path) -> None:
    for arguments in (
        ("show", "all"),
        ("report", DEMO),
        ("kmemleak", "show", REPORT),
        ("export", DEMO, "--format", "jsonl"),
        ("check", "--iterations", "4", "--", "true"),
    ):
        with (full / "out").open("wb") as out:
            status, _, said = leaktop((), *arguments, cwd=full, out=out.fileno())
        assert status in {1, 2}, arguments
        assert "No space left on device" in said, arguments
        (full / "out").unlink()
    status, _, said = leaktop((), "report", DEMO, "-o", "x.html", cwd=full)
    assert status in {1, 2}
    assert "No space left on device" in said
    status, _, said = leaktop((), "check", "--iterations", "4", "--junit", "x.xml", "--", "true", cwd=full)
    assert status in {1, 2}
    assert "No space left on device" in said


def test_on_a_full_disk_a_recorder_says_what_it_waits_for(full: Path) -> None:
    status, _, said = leaktop((), "record", "x", "--interval", "0.2s", "--for", "1s", "--min-free", "1K", cwd=full)
    assert status in {1, 2}
    assert "leaktop: x: " in said or "No space" in said
    status, _, said = leaktop((), "record", "y", "--for", "1s", cwd=full)
    assert status == 2
    assert "--min-free" in said


def test_on_a_full_disk_the_live_screen_says_that_it_cannot_record(full: Path) -> None:
    with Terminal((*LEAKTOP, "--record", str(full / "x"))) as terminal:
        assert terminal.exit_status(15) == 2
        assert "less than 64.0M are free there" in " ".join(terminal.text.split())
        assert "Traceback" not in terminal.text
