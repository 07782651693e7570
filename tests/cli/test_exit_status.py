"""That every verb ends with the status which help, manual and README name, where that is cheap to see."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from leaktop.cli import VERBS, main
from leaktop.cli.about import ABOUT, EVERYWHERE
from tests.cli.recorded import write_growing
from tests.e2e.terminal import REPO, Terminal

DATA = REPO / "tests" / "data"
OOM, LEAKS = DATA / "oom" / "vm-7.2b-oom_user.txt", DATA / "kmemleak" / "vm-6.12b-newline.txt"

CASES = {
    "show": {0: "show memory --root {empty}", 2: "show nothing"},
    "doctor": {0: "doctor --root {empty}", 2: "doctor --root {none}"},
    "demo": {0: "demo"},
    "record": {0: "--root {empty} record {new} --for 0.1s -d 0.1s", 2: "record {file} --for 0.1s"},
    "replay": {2: "replay {none}"},
    "import": {0: "import {captures} -o {new}", 2: "import {none} -o {new}"},
    "cut": {0: "cut {recording} -o {new}", 2: "cut {recording} -o {file}"},
    "report": {0: "report {recording}", 2: "report {none}"},
    "diff": {0: "diff {recording} start end", 2: "diff {recording} start never"},
    "check": {2: "check --read-only --drop-caches -- /bin/true"},
    "info": {0: "info {recording}", 2: "info {none}"},
    "export": {0: "export {recording} --section slab -o {new}", 2: "export {recording} --format csv"},
    "trace": {0: "trace --list --root {empty}", 2: "trace no_such_cache --root {empty}"},
    "kmemleak": {0: "kmemleak show {empty_file}", 1: "kmemleak show {leaks}", 2: "kmemleak show {none}"},
    "oom": {0: "oom {oom}", 1: "oom {empty_file}", 2: "oom {none}"},
    "config": {0: "config --template", 2: "config --check {none}"},
    "completion": {0: "completion fish", 2: "completion csh"},
    "manual": {0: "manual"},
}
"""A command line for each verb and status; that the output cannot be written comes further below."""


@pytest.fixture
def places(tmp_path: Path) -> dict[str, Path]:
    found = {name: tmp_path / name for name in ("empty", "none", "new", "file", "empty_file", "captures", "recording")}
    found["empty"].mkdir()
    found["file"].write_text("something\n")
    found["empty_file"].touch()
    for moment in ("0", "30"):
        (found["captures"] / moment / "proc").mkdir(parents=True)
        meminfo = (DATA / "meminfo" / "live-6.18.txt").read_bytes()
        (found["captures"] / moment / "proc" / "meminfo").write_bytes(meminfo)
    write_growing(found["recording"])
    return {**found, "oom": OOM, "leaks": LEAKS}


def ends_with(arguments: list[str]) -> int:
    try:
        return main(arguments)
    except SystemExit as end:
        return int(end.code or 0)


@pytest.mark.parametrize(("verb", "status"), [(verb, status) for verb, cases in CASES.items() for status in cases])
def test_a_verb_ends_with_the_status_that_is_documented(verb: str, status: int, places: dict[str, Path]) -> None:
    assert status in {**EVERYWHERE, **ABOUT[verb].exits}
    assert ends_with(CASES[verb][status].format(**places).split()) == status


def test_every_verb_is_tried() -> None:
    assert set(CASES) == set(VERBS)


@pytest.mark.parametrize(
    "arguments",
    ["show memory", "report {recording}", "oom {oom} --json", "config", "manual", "diff {recording} start end"],
)
def test_a_full_disk_is_a_failure(arguments: str, places: dict[str, Path]) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "leaktop", *arguments.format(**places).split()],
            stdin=subprocess.DEVNULL, stdout=full, stderr=subprocess.PIPE, text=True, cwd=REPO, check=False,
        )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert "cannot write: No space left on device" in done.stderr


def run(*arguments: object, stdout: int | None = None) -> int:
    command = [sys.executable, "-m", "leaktop", *map(str, arguments)]
    return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=stdout, cwd=REPO, check=False).returncode


def test_a_reader_that_goes_away() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        assert run("manual", stdout=writer) == 141
    finally:
        os.close(writer)


_WITHOUT_THREADS = """
import sys, threading
from leaktop.cli import main
def refuse(thread):
    raise RuntimeError("can't start new thread")
threading.Thread.start = refuse
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize("arguments", ["record {new} --for 1s", "report --live 1s", "--plain --root {empty}"])
def test_where_no_thread_can_be_had_that_is_said(arguments: str, places: dict[str, Path]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _WITHOUT_THREADS, *arguments.format(**places).split()],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, cwd=REPO, check=False,
    )  # fmt: skip
    words = "leaktop: no thread could be started: memory is short, or there are too many\n"
    assert (done.returncode, done.stderr) == (2, words)


def test_a_recorded_command_gives_its_own_status(places: dict[str, Path]) -> None:
    command = ("--", "/bin/sh", "-c", "exit 7")
    assert run("--root", places["empty"], "record", places["new"], "-d", "0.1s", *command) == 7


def test_the_screen() -> None:
    with Terminal() as terminal:
        terminal.wait_for("MemAvailable")
        terminal.press("ctrl+c")
        assert terminal.exit_status() == 0
    with Terminal(environment={"TERM": "dumb"}) as terminal:
        assert terminal.exit_status() == 2
