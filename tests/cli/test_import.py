"""`leaktop import` as a program, and what it makes, read back and shown."""

from __future__ import annotations

import io
import os
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from leaktop.cli.opening import open_recording
from leaktop.engine.engine import Engine
from leaktop.recording.reader import Recording, RecordingError, read_file
from leaktop.sources.filesystem import FileSystemSource
from leaktop.units import human_bytes
from tests.series import AT, COMPRESSIONS, LOGGED, dump, pack, plant_series, write
from tests.trees import put, tick_of

if TYPE_CHECKING:
    from leaktop.model.frame import Frame
    from leaktop.model.sample import Tick

REPOSITORY = Path(__file__).parents[2]
DATES = [f"Sat Nov 21 12:0{step // 2}:{step % 2 * 30:02} UTC 2026\n".encode() for step in range(4)]


def leaktop(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "leaktop", *map(str, arguments)],
        stdin=subprocess.DEVNULL, capture_output=True, timeout=60, text=True, check=False,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(REPOSITORY), "LC_ALL": "C.UTF-8"},
    )  # fmt: skip


def ticks(recording: Recording) -> list[Tick]:
    return [tick for _, tick in recording.walk()]


def values(frame: Frame) -> dict[str, object]:
    """All that a frame says but for when each section was read last."""
    return {name: (s.rows, s.fault, s.notes, s.extras) for name, s in frame.sections.items()}


def check_against_trees(recording: Recording, trees: list[Path]) -> None:
    """Every section at every tick is what the tree itself gives."""
    assert recording.header is not None
    found, expected = Engine(recording.header.machine), Engine(FileSystemSource(str(trees[0])).machine)
    for tick, tree in zip(ticks(recording), trees, strict=True):
        itself = replace(tick_of(tree), mono=tick.mono, wall=tick.wall)
        mine, its = values(found.feed(tick)), values(expected.feed(itself))
        assert mine == its


def make_series(place: Path, form: str) -> tuple[Path, list[Path]]:
    """A series in that form, and the trees that hold the same."""
    trees = plant_series(place / "series")
    if form == "directory":
        return place / "series", trees
    if form in COMPRESSIONS:
        return pack(place / "series", form), trees
    logged = []
    for tree in trees:
        for kind in LOGGED:
            if (tree / "proc" / kind).is_file():
                put(place / "logged" / tree.name, f"proc/{kind}", (tree / "proc" / kind).read_bytes())
        logged.append(place / "logged" / tree.name)
    content = b"".join(date + dump(tree) for date, tree in zip(DATES, trees, strict=False))
    return write(place / "log", content), logged


@pytest.mark.parametrize("form", ["directory", *COMPRESSIONS])
def test_what_is_made_says_what_the_trees_say(tmp_path: Path, form: str) -> None:
    series, trees = make_series(tmp_path, form)
    output = tmp_path / "out.leaktop"
    done = leaktop("import", series, "-o", output)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{output}: 3 ticks, 1m00s, {human_bytes(output.stat().st_size)}\n"
    assert stat.S_IMODE(output.stat().st_mode) == 0o600
    recording = read_file(str(output))
    assert recording.header is not None
    assert (recording.header.interval, recording.header.origin) == (30, series.name)
    assert not recording.header.machine.is_live
    assert [(tick.mono, tick.wall) for tick in ticks(recording)] == [(0, AT), (30, AT + 30), (60, AT + 60)]
    assert recording.verify() == []
    assert recording.events() == []
    check_against_trees(recording, trees)


def test_a_log_says_what_its_dumps_say(tmp_path: Path) -> None:
    series, trees = make_series(tmp_path, "log")
    recording = open_recording(str(series))
    assert [(tick.mono, tick.wall) for tick in ticks(recording)] == [(0, AT), (30, AT + 30), (60, AT + 60)]
    assert recording.header is not None
    found, expected = Engine(recording.header.machine), Engine(FileSystemSource(str(trees[0])).machine)
    for tick, tree in zip(ticks(recording), trees, strict=True):
        mine = values(found.feed(tick))
        its = values(expected.feed(replace(tick_of(tree), mono=tick.mono, wall=tick.wall)))
        for section in ("memory", "slab", "vmalloc"):
            assert mine[section] == its[section]


@pytest.mark.parametrize("form", ["directory", "log", ".tar.zst", ".tar.gz"])
def test_a_series_opens_like_a_recording(tmp_path: Path, form: str) -> None:
    series, _ = make_series(tmp_path, form)
    assert leaktop("import", series, "-o", tmp_path / "out").returncode == 0
    direct, made = open_recording(str(series)), open_recording(str(tmp_path / "out"))
    assert (direct.header, ticks(direct)) == (made.header, ticks(made))
    assert direct.verify() == made.verify() == []
    assert all(stretch.is_closed for stretch in direct.stretches)


def test_gaps_are_events(tmp_path: Path) -> None:
    plant_series(tmp_path / "s", ("0", "30", "60", "90", "1000"))
    (event,) = open_recording(str(tmp_path / "s")).events()
    assert (event.kind, event.mono, event.seconds) == ("gap", 1000, 910)


def test_two_machines_are_two_sessions(tmp_path: Path) -> None:
    for step, host in enumerate(("web1", "db1")):
        put(tmp_path, f"s/{step}/proc/meminfo", "MemTotal: 1000 kB\nMemFree: 10 kB\n")
        put(tmp_path, f"s/{step}/hostname", host)
    done = leaktop("import", tmp_path / "s", "-o", tmp_path / "out")
    assert " 2 ticks of 2 sessions, 0s, " in done.stdout
    recording = read_file(str(tmp_path / "out"))
    assert [recording.header_at(place).machine.hostname for place, _ in recording.walk()] == ["web1", "db1"]
    assert [event.kind for event in recording.events()] == ["reboot"]


def test_notes_are_told(tmp_path: Path) -> None:
    meminfo = b"MemTotal: 1000 kB\nMemFree: 10 kB\n"
    done = leaktop("import", write(tmp_path / "log", meminfo * 3), "-o", tmp_path / "out")
    assert done.returncode == 0
    assert done.stderr == "leaktop: log: there are no dates in the log; its captures are taken to be 1 s apart\n"
    assert [event.kind for event in read_file(str(tmp_path / "out")).events()] == ["mark"]


def test_a_file_that_is_there_is_left_alone(tmp_path: Path) -> None:
    series, _ = make_series(tmp_path, "directory")
    output = write(tmp_path / "out", b"mine")
    done = leaktop("import", series, "-o", output)
    assert (done.returncode, output.read_bytes()) == (2, b"mine")
    assert "left alone" in done.stderr


def test_a_recording_is_one_already(tmp_path: Path) -> None:
    series, _ = make_series(tmp_path, "directory")
    assert leaktop("import", series, "-o", tmp_path / "a").returncode == 0
    done = leaktop("import", tmp_path / "a", "-o", tmp_path / "b")
    assert done.returncode == 2
    assert "is a leaktop recording already" in done.stderr
    assert not (tmp_path / "b").exists()


@pytest.mark.parametrize("content", [None, b"", b"hello\n", b"\x28\xb5\x2f\xfdhello", b"\x1f\x8bhello", b"\0" * 10240])
def test_what_is_no_series(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "given"
    if content is not None:
        write(path, content)
    done = leaktop("import", path, "-o", tmp_path / "out")
    assert done.returncode == 2
    assert done.stderr.startswith("leaktop: ")
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()
    with pytest.raises(RecordingError, match="given: "):
        open_recording(str(path))


def test_an_empty_directory(tmp_path: Path) -> None:
    done = leaktop("import", tmp_path, "-o", tmp_path / "out")
    assert done.returncode == 2
    assert "not one capture in it; what can be read: a directory or tar of captures named by their time" in done.stderr


def test_captures_that_say_nothing(tmp_path: Path) -> None:
    (tmp_path / "s/0/proc/meminfo").mkdir(parents=True)
    done = leaktop("import", tmp_path / "s", "-o", tmp_path / "out")
    assert done.returncode == 2
    assert "not one capture can be read: 1 capture could not be read: 0" in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_damaged_recording_is_no_log(tmp_path: Path) -> None:
    series, _ = make_series(tmp_path, "directory")
    for name in ("a", "b"):
        assert leaktop("import", series, "-o", tmp_path / name).returncode == 0
    whole = (tmp_path / "a").read_bytes() + (tmp_path / "b").read_bytes()
    damaged = write(tmp_path / "damaged", b"junk" + whole[4:])
    assert len(ticks(open_recording(str(damaged)))) == 3


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(RecordingError, match="neither a plain file nor a directory"):
        open_recording(str(tmp_path / "pipe"))


def test_a_note_cannot_reach_the_terminal(tmp_path: Path) -> None:
    plant_series(tmp_path / "s", ("0",))
    (tmp_path / "s/\x1b[31mred/proc/meminfo").mkdir(parents=True)
    done = leaktop("import", pack(tmp_path / "s", ".tar.gz"), tmp_path / "s", "-o", tmp_path / "out")
    assert done.returncode == 0
    assert "could not be read" in done.stderr
    assert "\x1b" not in done.stderr


def test_this_machine_as_a_shell_loop_logs_it(tmp_path: Path) -> None:
    log = tmp_path / "log"
    loop = "for i in 1 2 3; do date; cat /proc/meminfo; cat /proc/zoneinfo; sleep 1; done >> log"
    subprocess.run(["/bin/sh", "-c", loop], cwd=tmp_path, check=True)
    recording = open_recording(str(log))
    assert recording.ticks == 3
    content = log.read_bytes()
    first = next(sample.content for sample in ticks(recording)[0].samples if sample.probe == "meminfo")
    assert first is not None
    assert io.BytesIO(content).readlines()[1] == first.splitlines(keepends=True)[0]
    assert [tick.mono for tick in ticks(recording)] in ([0, 1, 2], [0, 1, 3], [0, 2, 3])
