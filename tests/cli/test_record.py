"""`leaktop record` from the inside: what it refuses, what it says, what the file holds."""

from __future__ import annotations

import contextlib
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from leaktop.cli import main, record
from leaktop.engine.backlog import BacklogWatch
from leaktop.recording import file as file_module
from leaktop.recording.reader import read_file
from leaktop.stopping import Stop

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from leaktop.model.sample import Event, Tick
    from leaktop.recording.reader import Recording

REPO = Path(__file__).parents[2]
QUICK = ("--interval", "0.1s", "--budget", "none", "--read-only")


@pytest.fixture(autouse=True)
def signals() -> Iterator[None]:
    """The handlers of pytest come back."""
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]
    yield
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


def run(*arguments: str) -> int:
    """`leaktop record ...`, here."""
    return main(["record", *arguments])


def marks(recording: Recording) -> list[Event]:
    """Its marks: who runs out of memory meanwhile, in a test beside this one, is an event too."""
    return [event for event in recording.events() if event.kind == "mark"]


def whole(path: Path) -> int:
    """The ticks of a file that must be whole."""
    recording = read_file(str(path))
    assert recording.verify() == []
    return recording.ticks


# What it refuses


@pytest.mark.parametrize("obstacle", ["file", "link", "directory", "no directory"])
def test_what_is_there_is_left_alone(obstacle: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "x"
    words = "File exists; it is left alone"
    match obstacle:
        case "file":
            path.write_text("precious")
        case "link":
            path.symlink_to(tmp_path / "elsewhere")
        case "directory":
            path.mkdir()
        case _:
            path, words = tmp_path / "gone" / "x", "No such file or directory"
    assert run(str(path)) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == f"leaktop: {path}: {words}\n"
    assert not (tmp_path / "elsewhere").exists()
    assert obstacle != "file" or path.read_text() == "precious"


def test_a_terminal_is_no_place_for_a_recording(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert run("-") == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "pipe it" in said.err


def test_a_disk_that_is_nearly_full_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "x"
    assert run(str(path), "--min-free", "1000000T") == 2
    assert "are free there; --min-free sets the limit" in capsys.readouterr().err
    assert not path.exists()


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("x", "--interval", "0"),
        ("x", "--interval", "soon"),
        ("x", "--for", "-1"),
        ("x", "--max-size", "big"),
        ("x", "--keep", "0"),
        ("x", "y"),
    ],
)
def test_a_wrong_command_line_is_refused(
    arguments: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as error:
        run(*arguments)
    assert error.value.code == 2
    assert list(tmp_path.iterdir()) == []


def test_only_record_takes_a_command() -> None:
    with pytest.raises(SystemExit) as error:
        main(["show", "memory", "--", "true"])
    assert error.value.code == 2


# What it records


def test_for_a_time_quietly(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "x"
    assert run(str(path), *QUICK, "--for", "0.7s") == 0
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert whole(path) >= 3
    recording = read_file(str(path))
    last = recording.last()
    assert last is not None
    probes = {sample.probe for sample in recording.state(last).samples}
    assert {"meminfo", "slabinfo", "processes", "kmemleak"} <= probes
    assert recording.header is not None
    assert recording.header.interval == 0.1


def test_however_short_the_time_is_there_is_a_tick(tmp_path: Path) -> None:
    assert run(str(tmp_path / "x"), *QUICK, "--for", "10ms") == 0
    assert whole(tmp_path / "x") >= 1


@pytest.mark.parametrize(
    ("command", "status"),
    [
        (("true",), 0),
        (("sh", "-c", "exit 3"), 3),
        (("sh", "-c", "kill -9 $$"), 137),
        (("sh", "-c", "kill -15 $$"), 143),
    ],
)
def test_a_command_is_recorded_from_before_to_after_and_its_status_passed_on(
    command: tuple[str, ...], status: int, tmp_path: Path
) -> None:
    path = tmp_path / "x"
    assert run(str(path), *QUICK, "--", *command) == status
    assert whole(path) >= 2
    recording = read_file(str(path))
    start, end = marks(recording)
    assert (start.kind, start.text) == ("mark", f"start: {' '.join(command)}")
    assert end.kind == "mark"
    assert end.text.startswith("end: status ")
    ticks = [tick.mono for _, tick in recording.walk()]
    assert ticks[0] <= start.mono <= end.mono <= ticks[-1]


@pytest.mark.parametrize(
    ("command", "status", "words"), [("no-such-command", 127, "No such file"), ("/", 126, "denied")]
)
def test_a_command_that_cannot_be_run_is_said(
    command: str, status: int, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(str(tmp_path / "x"), *QUICK, "--", command) == status
    said = capsys.readouterr().err
    assert said.startswith(f"leaktop: {command}: ")
    assert words in said
    assert whole(tmp_path / "x") >= 1


def test_the_time_ends_the_command_too(tmp_path: Path) -> None:
    assert run(str(tmp_path / "x"), *QUICK, "--for", "0.3s", "--", "sleep", "60") == 128 + signal.SIGTERM
    recording = read_file(str(tmp_path / "x"))
    assert [event.text for event in marks(recording)] == ["start: sleep 60", "end: status -15"]


def test_redacted_is_redacted(tmp_path: Path) -> None:
    path = tmp_path / "x"
    assert run(str(path), *QUICK, "--for", "0.3s", "--redact", "--", "echo", "secret-word") == 0
    recording = read_file(str(path))
    assert recording.header is not None
    assert recording.header.is_redacted
    assert recording.header.machine.hostname != os.uname().nodename
    assert not any("secret-word" in event.text for event in recording.events())
    assert not any(b"secret-word" in (s.content or b"") for _, tick in recording.walk() for s in tick.samples)


def test_full_files_make_room_for_the_next(tmp_path: Path) -> None:
    path = tmp_path / "x"
    assert run(str(path), *QUICK, "--for", "1.2s", "--max-size", "4K", "--keep", "2") == 0
    names = sorted(entry.name for entry in tmp_path.iterdir())
    assert names == ["x", "x.1", "x.2"]
    ticks = []
    for name in ("x.2", "x.1", "x"):
        if (tmp_path / name).stat().st_size or name != "x":
            ticks += [tick.mono for _, tick in read_file(str(tmp_path / name)).walk()]
            assert read_file(str(tmp_path / name)).verify() == []
            assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
    assert ticks == sorted(set(ticks))
    assert len(ticks) >= 3


# What goes wrong


def test_trouble_is_said_once_and_that_it_is_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "x"
    free = file_module._free
    room = {"is_full": False}
    monkeypatch.setattr(file_module, "_free", lambda state: 1 << 10 if room["is_full"] else free(state))

    def fill() -> None:
        for is_full in (True, False):
            time.sleep(0.3)
            room["is_full"] = is_full

    thread = threading.Thread(target=fill)
    thread.start()
    assert run(str(path), *QUICK, "--for", "1s") == 0
    thread.join()
    said = capsys.readouterr().err.splitlines()
    assert said == ["leaktop: less than 64.0M are free on the disk", "leaktop: writing again"]
    assert whole(path) >= 4


def test_it_goes_on_when_nobody_listens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As of `leaktop record FILE 2>&1 | head -1`, where there is something to say later."""
    path = tmp_path / "x"
    free, calls = file_module._free, iter(range(10_000))
    monkeypatch.setattr(file_module, "_free", lambda state: 1 << 10 if next(calls) in {3, 4} else free(state))
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "w", buffering=1) as nobody, monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", nobody)
        assert run(str(path), *QUICK, "--for", "1.5s") == 0
        patch.undo()
        with contextlib.suppress(BrokenPipeError):
            nobody.close()
    assert whole(path) >= 6


def test_what_fails_at_a_tick_is_said_and_the_next_one_is_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "x"
    takes, calls = BacklogWatch.take, iter(range(10_000))

    def short_of_memory(watch: BacklogWatch, tick: Tick) -> frozenset[int]:
        if next(calls) in {1, 2}:
            raise MemoryError("no room")
        return takes(watch, tick)

    monkeypatch.setattr(BacklogWatch, "take", short_of_memory)
    assert run(str(path), *QUICK, "--for", "1s") == 0
    said = capsys.readouterr().err.splitlines()
    assert said == ["leaktop: a tick came to nothing (MemoryError: no room; memory is short); it goes on"]
    assert whole(path) >= 5


def test_a_file_that_cannot_be_completed_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> int:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "pwrite", fail)
    assert run(str(tmp_path / "x"), *QUICK, "--for", "0.5s") == 1
    said = capsys.readouterr().err
    assert said.count("Input/output error") == 2  # when it begins, and what is lost of it at the end
    assert "are lost" in said


# Standard output


class Pipe:
    """Standard output that is a pipe, as a recorder sees it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.reader, self.writer = os.pipe()
        self.stop = Stop()
        write = os.write
        monkeypatch.setattr(os, "write", lambda number, piece: write(self.writer if number == 1 else number, piece))
        self.output = record._StandardOutput(self.stop)
        self.output._poll.unregister(1)
        self.output._poll.register(self.writer)

    def close(self) -> None:
        for descriptor in (self.reader, self.writer):
            try:
                os.close(descriptor)
            except OSError:
                continue


@pytest.fixture
def pipe(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pipe]:
    made = Pipe(monkeypatch)
    yield made
    made.close()


def test_all_is_written_however_slow_the_reader_is(pipe: Pipe) -> None:
    content = bytes(range(256)) * 1000
    read = bytearray()

    def take() -> None:
        while len(read) < len(content):
            read.extend(os.read(pipe.reader, 5000))

    thread = threading.Thread(target=take)
    thread.start()
    pipe.output.piece(content)
    thread.join(10)
    assert read == content
    assert pipe.output.size == len(content)
    assert not pipe.stop.is_set()


def test_a_reader_that_is_gone_ends_the_recording_quietly(pipe: Pipe) -> None:
    os.close(pipe.reader)
    pipe.output.piece(b"x" * 10)
    assert pipe.stop.is_set()
    assert pipe.output.trouble is None
    pipe.output.piece(b"more")
    assert pipe.output.size == 0


def test_a_reader_that_takes_nothing_does_not_keep_it_from_ending(pipe: Pipe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record, "_TURN", 0.01)
    monkeypatch.setattr(record, "_LAST_WAIT", 0.05)
    thread = threading.Thread(target=pipe.output.piece, args=(b"x" * (1 << 20),), daemon=True)
    thread.start()
    thread.join(0.2)
    assert thread.is_alive()  # nobody said that it should end
    pipe.stop.set()
    thread.join(10)
    assert not thread.is_alive()
    assert "takes nothing" in (pipe.output.trouble or "")


def test_a_full_disk_behind_standard_output_is_said(pipe: Pipe, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", fail)
    pipe.output.piece(b"x")
    assert pipe.output.trouble == "cannot write: No space left on device"
    assert pipe.stop.is_set()


# What it costs to have it


def test_recording_loads_no_screen() -> None:
    code = (
        "import sys\nfrom leaktop.cli import main\n"
        "status = main(['record', '/dev/null/x'])\n"
        "print(status, sorted({'textual', 'rich', 'plotext', 'psutil', 'asyncio'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=REPO)
    assert done.stdout == "2 ['asyncio']\n"
    assert "Not a directory" in done.stderr


def test_a_hangup_that_is_ignored_stays_ignored(tmp_path: Path) -> None:
    path = tmp_path / "x"
    command = ["nohup", sys.executable, "-m", "leaktop", "record", str(path), *QUICK, "--for", "2s"]
    with subprocess.Popen(command, cwd=REPO, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as recorder:
        _until(lambda: path.exists() and path.stat().st_size > 0)
        recorder.send_signal(signal.SIGHUP)
        assert recorder.wait(20) == 0
    assert whole(path) > 10


def test_a_second_signal_ends_a_command_that_does_not_want_to_end(tmp_path: Path) -> None:
    path, begun = tmp_path / "x", tmp_path / "begun"
    stubborn = f"trap '' TERM; : > {begun}; while :; do sleep 0.1; done"
    command = [sys.executable, "-m", "leaktop", "record", str(path), *QUICK, "--", "sh", "-c", stubborn]
    with subprocess.Popen(command, cwd=REPO) as recorder:
        _until(begun.exists)
        recorder.send_signal(signal.SIGTERM)
        with pytest.raises(subprocess.TimeoutExpired):
            recorder.wait(1)
        recorder.send_signal(signal.SIGTERM)
        assert recorder.wait(20) == 128 + signal.SIGKILL
    assert whole(path) > 2


def _until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.02)
