"""`leaktop record` and `leaktop replay` as people run them: in pipes, in a terminal, killed, on a disk that is full."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import stat
import subprocess
import time
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from leaktop.recording.reader import Recording, RecordingError, StoredChapters, read_file
from leaktop.recording.tape import MemoryStorage
from tests.e2e.terminal import LEAKTOP, REPO, Terminal
from tests.engine.played import leaking, recorded

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

QUICK = ("--interval", "0.1s", "--budget", "none")
QUIET = {**os.environ, "PYTHONPATH": str(REPO)}
PROGRAM = " ".join(LEAKTOP)


def record(*arguments: str) -> subprocess.Popen[bytes]:
    """A recorder in a pipe."""
    return subprocess.Popen(
        [*LEAKTOP, "record", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=QUIET,
    )


def until(condition: Callable[[], object], what: str = "it") -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, f"{what} did not come to pass"
        time.sleep(0.02)


def ticks_in(path: Path) -> int:
    """The ticks that can be read now, of a file that may not be there yet."""
    try:
        return read_file(str(path)).ticks
    except (RecordingError, OSError):
        return 0


def check_whole(path: Path) -> Recording:
    """A file that was ended as it should be."""
    recording = read_file(str(path))
    assert recording.verify() == []
    assert recording.ticks > 0
    assert path.read_bytes()[-4:] == b"\xb1\xea\x92\x8f"  # the footer of the seek table
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    return recording


def ended(process: subprocess.Popen[bytes]) -> tuple[int, bytes, bytes]:
    """Its status, and what it said."""
    out, err = process.communicate(timeout=15)
    return process.returncode, out, err


# In pipes


def test_for_a_time_in_a_pipe_it_is_quiet(tmp_path: Path) -> None:
    path = tmp_path / "x.leaktop"
    assert ended(record(str(path), *QUICK, "--for", "1s")) == (0, b"", b"")
    recording = check_whole(path)
    assert recording.ticks >= 4
    for tool, command in (("zstdcat", [f"zstdcat {path} | tail -n 1"]), ("jq", [f"zstdcat {path} | jq -c keys"])):
        if shutil.which(tool) is None or shutil.which("zstdcat") is None:
            continue
        done = subprocess.run(["sh", "-c", *command], capture_output=True, text=True, check=True)
        keys = json.loads(done.stdout.splitlines()[-1])
        assert {"tick", "mono", "wall", "samples"} <= set(keys)
        assert done.stderr == ""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_it_with_a_whole_file(number: signal.Signals, tmp_path: Path) -> None:
    path = tmp_path / "x"
    process = record(str(path), *QUICK)
    until(lambda: ticks_in(path) >= 3, "three ticks")
    process.send_signal(number)
    assert ended(process) == (0, b"", b"")
    check_whole(path)


def test_a_signal_ends_the_command_as_well(tmp_path: Path) -> None:
    path = tmp_path / "x"
    process = record(
        str(path), *QUICK, "--", "sh", "-c", "echo begun; trap 'exit 7' TERM; while :; do sleep 0.05; done"
    )
    until(lambda: "start" in str(read_file(str(path)).events()) if ticks_in(path) else False, "the command")
    time.sleep(0.2)
    process.send_signal(signal.SIGTERM)
    assert ended(process) == (7, b"begun\n", b"")
    marks = [event.text for event in check_whole(path).events() if event.kind == "mark"]  # out of memory is one as well
    assert [text.partition(":")[0] for text in marks] == ["start", "end"]


@pytest.mark.parametrize(("command", "status"), [("exit 3", 3), ("kill -9 $$", 137)])
def test_the_status_of_the_command_is_passed_on(command: str, status: int, tmp_path: Path) -> None:
    process = record(str(tmp_path / "x"), *QUICK, "--", "sh", "-c", command)
    assert ended(process) == (status, b"", b"")
    check_whole(tmp_path / "x")


def test_killed_at_any_moment_it_loses_at_most_the_last_tick(tmp_path: Path) -> None:
    chance = random.Random()
    for attempt in range(2):
        path = tmp_path / f"x{attempt}"
        process = record(str(path), *QUICK)
        until(lambda path=path: ticks_in(path) >= 1, "a tick")  # type: ignore[misc]  # mypy has no type for a lambda with a default
        time.sleep(chance.random())
        process.kill()
        process.communicate(timeout=10)
        recording = read_file(str(path))
        ticks = [tick for _, tick in recording.walk()]
        assert ticks
        assert all(later.mono - earlier.mono < 2 for earlier, later in pairwise(ticks))
        assert all(damage.ticks in {0, None} for damage in recording.damage)
        last = recording.last()
        assert last is not None
        assert recording.state(last).samples


def test_rotation_leaves_whole_files(tmp_path: Path) -> None:
    path = tmp_path / "x"
    process = record(str(path), *QUICK, "--max-size", "8K", "--keep", "2")
    until(lambda: (tmp_path / "x.2").exists() and ticks_in(path), "two full files")
    process.terminate()
    assert ended(process) == (0, b"", b"")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["x", "x.1", "x.2"]
    ticks = [tick.mono for name in ("x.2", "x.1", "x") for _, tick in check_whole(tmp_path / name).walk()]
    assert ticks == sorted(set(ticks))


def test_a_reader_that_has_enough_ends_it_quietly() -> None:
    shell = f"{PROGRAM} record - --interval 0.1s | head -c 1000"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", shell], capture_output=True, env=QUIET, timeout=15, check=False
    )
    assert done.stderr == b""
    assert done.returncode == 0
    assert len(done.stdout) == 1000


def test_a_reader_that_takes_nothing_does_not_keep_it_from_ending() -> None:
    process = record("-", *QUICK)
    assert process.stdout is not None
    process.stdout.read(1)
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0  # what there is fits into the pipe
    process.communicate()


def test_a_pipe_holds_a_recording() -> None:
    status, out, err = ended(record("-", *QUICK, "--for", "0.5s", "--", "echo", "not in the recording"))
    assert status in {0, 128 + signal.SIGTERM}
    assert err == b"not in the recording\n"
    recording = Recording(StoredChapters(MemoryStorage(out)))
    assert recording.ticks >= 1
    assert [damage for damage in recording.verify() if damage.ticks != 0] == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount")
def test_a_disk_that_is_full_is_said_and_the_file_is_whole_when_there_is_room_again(tmp_path: Path) -> None:
    mount = tmp_path / "small"
    mount.mkdir()
    options = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(mount)]
    if shutil.which("mount") is None or subprocess.run(options, capture_output=True, check=False).returncode:
        pytest.skip("a file system cannot be mounted here")
    try:
        path = mount / "x"
        process = record(str(path), *QUICK, "--min-free", "1K")
        until(lambda: ticks_in(path) >= 2, "a tick")
        filler = mount / "filler"
        with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
            while file.write(bytes(4096)):
                pass
        assert process.stderr is not None
        said = process.stderr.readline()
        assert said.startswith(b"leaktop: ")
        stopped = ticks_in(path)
        time.sleep(0.5)
        filler.unlink()
        assert process.stderr.readline() == b"leaktop: writing again\n"
        until(lambda: ticks_in(path) > stopped + 4, "what waited")
        process.terminate()
        assert ended(process)[::2] == (0, b"")
        recording = check_whole(path)
        ticks = [tick.mono for _, tick in recording.walk()]
        assert max(b - a for a, b in pairwise(ticks)) < 2
    finally:
        subprocess.run(["umount", "-l", str(mount)], check=True)


# In a terminal


def test_on_a_terminal_a_line_tells_how_it_goes(tmp_path: Path) -> None:
    with Terminal((*LEAKTOP, "record", str(tmp_path / "x"), *QUICK), size=(80, 24)) as terminal:
        terminal.wait_for("recording", "ticks", "Ctrl-C ends it")
        until(lambda: terminal.read(0.05) and ticks_in(tmp_path / "x") >= 2)
        terminal.press("ctrl+c")
        assert terminal.exit_status() == 0
        assert terminal.text.replace("^C", "").strip() == ""
    check_whole(tmp_path / "x")


def test_a_terminal_takes_no_recording() -> None:
    with Terminal((*LEAKTOP, "record", "-")) as terminal:
        assert terminal.exit_status() == 2
        assert "leaktop record - | leaktop replay -" in terminal.text
        assert len(terminal.output) < 300


@pytest.fixture(scope="module")
def leak(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten minutes of a machine that leaks."""
    path = tmp_path_factory.mktemp("recordings") / "leak.leaktop"
    path.write_bytes(recorded(leaking(600, begins=300)))
    return path


def test_a_replay_shows_plays_travels_and_gives_the_terminal_back(leak: Path) -> None:
    with Terminal((*LEAKTOP, "replay", str(leak)), size=(120, 36), environment={"TZ": "UTC"}) as terminal:
        terminal.wait_for("REPLAY x1")
        terminal.wait_for("lab 6.1", "14:13:2")
        terminal.wait_for("14:13:20", "●", "14:23:19")
        terminal.wait_for("lab 6.1", "14:13:22")  # it plays
        terminal.press(" ")
        terminal.wait_for("REPLAY paused x1")
        terminal.press("J")
        terminal.wait_for("Go to")
        terminal.write(b"14:20\r")
        terminal.wait_for("lab 6.1", "14:20:00")
        terminal.press("]")
        terminal.wait_for("lab 6.1", "14:20:01")
        terminal.press("2", "W")
        terminal.wait_for("lab 6.1", "14:18:2")
        terminal.press("K")
        terminal.wait_for("This is a replay")
        terminal.press("$")
        terminal.wait_for("REPLAY end")
        terminal.wait_for("leak", "▲")
        terminal.write(b"q")
        assert terminal.exit_status() == 0
        terminal.check_restored()
        assert "Traceback" not in terminal.text


@pytest.mark.parametrize(("at", "clock"), [("14:20", "14:20:00"), ("-1m", "14:22:19")])
def test_a_replay_begins_where_it_is_told_to(leak: Path, at: str, clock: str) -> None:
    command = (*LEAKTOP, "replay", str(leak), "--at", at)
    with Terminal(command, size=(80, 24), environment={"TZ": "UTC"}) as terminal:
        terminal.wait_for("REPLAY", clock)
        terminal.write(b"q")
        assert terminal.exit_status() == 0


def test_a_live_recording_is_followed_through_a_pipe() -> None:
    shell = f"{PROGRAM} record - --interval 0.2s | {PROGRAM} replay -"
    with Terminal(("bash", "-o", "pipefail", "-c", shell), size=(120, 36)) as terminal:
        terminal.wait_for("REPLAY following")
        terminal.wait_for("MemAvailable")
        clock = terminal.screen.display[0][-10:]
        terminal.wait(lambda: terminal.screen.display[0][-10:] != clock, "time passes")
        terminal.press("[")
        terminal.wait_for("REPLAY paused")
        terminal.press("L")
        terminal.wait_for("REPLAY following")
        assert b"recording " not in terminal.output  # the recorder leaves the terminal to the replay
        terminal.write(b"q")
        assert terminal.exit_status() == 0
        terminal.check_restored()


def test_a_file_that_is_still_written_is_followed(tmp_path: Path) -> None:
    path = tmp_path / "x"
    process = record(str(path), "--interval", "0.2s")
    try:
        until(lambda: ticks_in(path) >= 2, "two ticks")
        with Terminal((*LEAKTOP, "replay", str(path)), size=(80, 24)) as terminal:
            terminal.wait_for("REPLAY following")
            clock = terminal.screen.display[0][-10:]
            terminal.wait(lambda: terminal.screen.display[0][-10:] != clock, "time passes")
            terminal.write(b"q")
            assert terminal.exit_status() == 0
    finally:
        process.terminate()
        process.communicate(timeout=10)


def test_a_file_that_is_no_recording_is_said_in_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "foreign"
    for content in (b"", b"\x7fELF" + bytes(5000), b"hello\nworld\n" * 100, os.urandom(9000), None):
        if content is None:
            path.unlink()
        else:
            path.write_bytes(content)
        with Terminal((*LEAKTOP, "replay", str(path))) as terminal:
            assert terminal.exit_status() == 2
            assert terminal.text.strip().startswith(f"leaktop: {path}: ")
            assert "Traceback" not in terminal.text
            assert b"\x1b" not in terminal.output


def test_a_pipe_that_gives_no_recording_is_said_in_a_sentence() -> None:
    for shell in ("true", "echo hello", "head -c 100000 /dev/urandom"):
        with Terminal(("bash", "-c", f"{shell} | {PROGRAM} replay -")) as terminal:
            assert terminal.exit_status() == 2
            assert terminal.text.strip().startswith("leaktop: standard input: ")
            assert b"\x1b" not in terminal.output


def test_without_a_terminal_a_replay_says_so(leak: Path) -> None:
    for argument in (str(leak), "-"):
        command = ["setsid", *LEAKTOP, "replay", argument]
        done = subprocess.run(command, input=b"", capture_output=True, env=QUIET, timeout=15, check=False)
        assert done.returncode == 2
        assert done.stdout == b""
        assert done.stderr.startswith(b"leaktop: ")
        assert done.stderr.count(b"\n") == 1


def test_the_live_screen_records(tmp_path: Path) -> None:
    path = tmp_path / "x.leaktop"
    command = (*LEAKTOP, "-d", "0.2s", "--budget", "none", "--record", str(path))
    with Terminal(command, size=(120, 36)) as terminal:
        terminal.wait_for("REC x.leaktop", "LIVE")
        terminal.wait(lambda: ticks_in(path) >= 4, "ticks")
        terminal.press("[", "[")
        terminal.wait_for("REC x.leaktop", "PAST")
        terminal.signal(signal.SIGTERM)
        terminal.exit_status()
        terminal.check_restored()
    recording = check_whole(path)
    assert recording.ticks >= 4
    with Terminal(command, size=(120, 36)) as terminal:
        assert terminal.exit_status() == 2
        assert f"leaktop: {path}: File exists" in terminal.text.replace("\n", "")
    check_whole(path)
