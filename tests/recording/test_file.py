"""A recording as a file: private, whole, and intact through full disks, removals and rotation."""

from __future__ import annotations

import errno
import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from leaktop.recording import file as file_module
from leaktop.recording.encoder import Encoder
from leaktop.recording.file import RecordingFile, rotate
from leaktop.recording.reader import Recording, TapedChapters, read_file
from leaktop.recording.recorder import Limits, Recorder
from leaktop.recording.tape import Tape
from leaktop.zstd import ZstdError
from tests.recording.recordings import HEADER, check_ticks, encode, small_ticks, tick

NEEDS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root may do that")
TICKS = small_ticks(400)


def still() -> float:
    return 0.0


def recorder(tape: Tape | None = None) -> Recorder:
    return Recorder(HEADER, tape, still)


def seen(path: Path) -> list[float]:
    """The times of all ticks in a file that must be intact."""
    recording = read_file(str(path))
    assert recording.verify() == []
    found = [found.mono for _, found in recording.walk()]
    assert check_ticks(recording, TICKS) == set(found)
    return found


def times(begin: int, end: int) -> list[float]:
    return [tick.mono for tick in TICKS[begin:end]]


def test_a_file_from_beginning_to_end(tmp_path: Path) -> None:
    path = tmp_path / "r"
    taking = recorder()
    taking.take(TICKS[0])
    assert taking.status is None
    taking.start(str(path), floor=0)
    for each in TICKS[1:300]:
        taking.take(each)
    status = taking.status
    assert status is not None
    assert (status.path, status.size, status.trouble) == (str(path), path.stat().st_size, None)
    assert taking.stop() is None
    assert taking.stop() is None
    taking.take(TICKS[300])
    assert seen(path) == times(1, 300)
    assert {s.probe for s in read_file(str(path)).state(read_file(str(path)).first() or (0, 0)).samples} == {
        "meminfo",
        "slabinfo",
    }


def test_with_the_tape(tmp_path: Path) -> None:
    tape = Tape()
    taking = recorder(tape)
    for each in TICKS[:200]:
        taking.take(each)
    taking.start(str(tmp_path / "all"), floor=0, with_tape=True)
    for each in TICKS[200:250]:
        taking.take(each)
    taking.start(str(tmp_path / "later"), floor=0)
    taking.take(TICKS[250])
    taking.stop()
    assert seen(tmp_path / "all") == times(0, 250)
    assert seen(tmp_path / "later") == times(250, 251)


def test_private_whatever_the_umask(tmp_path: Path) -> None:
    for umask in (0, 0o077, 0o277):
        before = os.umask(umask)
        try:
            path = tmp_path / f"{umask}"
            RecordingFile(str(path), floor=0).close()
        finally:
            os.umask(before)
        assert path.stat().st_mode & 0o177 == 0


def test_nothing_is_overwritten_or_followed(tmp_path: Path) -> None:
    (tmp_path / "precious").write_bytes(b"precious")
    (tmp_path / "link").symlink_to("precious")
    (tmp_path / "dangling").symlink_to("nothing")
    os.mkfifo(tmp_path / "fifo")
    for name in ("precious", "link", "dangling", "fifo", "."):
        with pytest.raises(FileExistsError):
            recorder().start(str(tmp_path / name), floor=0)
    with pytest.raises(FileNotFoundError):
        recorder().start(str(tmp_path / "no" / "such"), floor=0)
    assert (tmp_path / "precious").read_bytes() == b"precious"
    assert not (tmp_path / "nothing").exists()


def test_a_start_that_fails_leaves_what_runs(tmp_path: Path) -> None:
    taking = recorder()
    taking.start(str(tmp_path / "r"), floor=0)
    taking.take(TICKS[0])
    with pytest.raises(FileExistsError):
        taking.start(str(tmp_path / "r"), floor=0)
    taking.take(TICKS[1])
    taking.stop()
    assert seen(tmp_path / "r") == times(0, 2)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """A disk with so many bytes of room in the recording's file, and the error that it gives when they are used up."""
    state = {"room": 1 << 40, "errno": errno.ENOSPC}
    real: Callable[[int, bytes, int], int] = os.pwrite

    def pwrite(descriptor: int, content: bytes, offset: int) -> int:
        fits = min(len(content), state["room"] - offset)
        if fits <= 0:
            raise OSError(state["errno"], os.strerror(state["errno"]))
        return real(descriptor, bytes(content[:fits]), offset)

    monkeypatch.setattr(os, "pwrite", pwrite)
    return state


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.EFBIG, errno.ESTALE])
def test_what_cannot_be_written_waits(tmp_path: Path, disk: dict[str, int], number: int) -> None:
    """When there is room again the file is, byte for byte, what it would have been."""
    path = tmp_path / "r"
    taking = recorder()
    taking.start(str(path), floor=0)
    for each in TICKS[:150]:
        taking.take(each)
    disk |= {"room": path.stat().st_size + 33, "errno": number}
    for each in TICKS[150:280]:
        taking.take(each)
        assert taking.status is not None
        assert taking.status.trouble == os.strerror(number)
    early = read_file(str(path))
    assert [tick.mono for _, tick in early.walk()] == times(0, 150)
    disk["room"] = 1 << 40
    taking.take(TICKS[280])
    assert taking.status is not None
    assert taking.status.trouble is None
    assert taking.stop() is None
    assert seen(path) == times(0, 281)
    assert path.read_bytes() == encode([list(TICKS[i : min(i + 120, 281)]) for i in range(0, 281, 120)])


def test_hopeless(tmp_path: Path, disk: dict[str, int], monkeypatch: pytest.MonkeyPatch) -> None:
    """When too much waits, it ends by itself, and says so; what the file holds can be read."""
    monkeypatch.setattr(file_module, "MOST_PENDING", 5000)
    path = tmp_path / "r"
    taking = recorder()
    taking.start(str(path), floor=0)
    for each in TICKS[:130]:
        taking.take(each)
    disk["room"] = path.stat().st_size
    for each in TICKS[130:]:
        taking.take(each)
    assert taking.status is None
    assert taking.failure == f"{path}: No space left on device; given up, what the file holds is intact"
    assert taking.stop() is None
    recording = read_file(str(path))
    assert [tick.mono for _, tick in recording.walk()] == times(0, 130)
    assert [damage.ticks for damage in recording.damage] == [0]
    disk["room"] = 1 << 40
    taking.start(str(tmp_path / "again"), floor=0)
    assert taking.failure is None


def test_the_end_does_not_fit(tmp_path: Path, disk: dict[str, int]) -> None:
    path = tmp_path / "r"
    taking = recorder()
    taking.start(str(path), floor=0)
    taking.take(TICKS[0])
    disk["room"] = path.stat().st_size
    trouble = taking.stop()
    assert trouble is not None
    assert trouble.startswith("No space left on device: the last ")
    assert [tick.mono for _, tick in read_file(str(path)).walk()] == times(0, 1)


def test_a_floor_of_free_space(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "r"
    with pytest.raises(OSError, match="are free there") as raised:
        recorder().start(str(path), floor=1 << 60)
    assert raised.value.errno == errno.ENOSPC
    assert not path.exists()
    free = [1 << 30]
    monkeypatch.setattr(file_module, "_free", lambda _: free[0])
    taking = recorder()
    taking.start(str(path), floor=1 << 20)
    taking.take(TICKS[0])
    free[0] = (1 << 20) - 1
    before = path.stat().st_size
    taking.take(TICKS[1])
    assert path.stat().st_size == before
    assert taking.status is not None
    assert taking.status.trouble == "less than 1.00M are free on the disk"
    assert taking.stop() is None  # the few bytes of the end may go below the floor
    assert seen(path) == times(0, 2)


@NEEDS_ROOT
def test_a_disk_that_is_really_full(tmp_path: Path) -> None:
    mounted = tmp_path / "small"
    mounted.mkdir()
    mount = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "small", str(mounted)], check=False)
    if mount.returncode:
        pytest.skip("nothing may be mounted here")
    try:
        path = mounted / "r"
        taking = recorder()
        taking.start(str(path), floor=0)
        for at in range(40):
            taking.take(tick(100.0 + at, meminfo=os.urandom(4000)))
        assert taking.status is not None
        assert taking.status.trouble == "No space left on device"
        early = len(list(read_file(str(path)).walk()))
        assert 3 <= early < 40
        subprocess.run(["mount", "-o", "remount,size=8m", str(mounted)], check=True)
        assert taking.stop() is None
        recording = read_file(str(path))
        assert recording.verify() == []
        assert len(list(recording.walk())) == 40
    finally:
        subprocess.run(["umount", "-l", str(mounted)], check=True)


def test_removed_while_recording(tmp_path: Path) -> None:
    """A new file begins, whole in itself; that the old one is lost stays said."""
    path = tmp_path / "r"
    taking = recorder()
    taking.start(str(path), floor=0)
    for each in TICKS[:5]:
        taking.take(each)
    path.unlink()
    for each in TICKS[5:15]:
        taking.take(each)
    assert taking.status is not None
    assert taking.status.trouble == "the file was removed, and what it held is lost; a new one has begun"
    taking.stop()
    assert seen(path) == times(6, 15)
    assert taking.failure is None


def test_its_directory_removed(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    taking = recorder()
    taking.start(str(tmp_path / "d" / "r"), floor=0)
    (tmp_path / "d" / "r").unlink()
    (tmp_path / "d").rmdir()
    taking.take(TICKS[0])
    assert taking.failure is not None
    assert taking.failure.endswith("no new file could be begun: No such file or directory")
    taking.take(TICKS[1])
    assert taking.stop() is None


def test_something_else_in_its_place(tmp_path: Path) -> None:
    path = tmp_path / "r"
    taking = recorder()
    taking.start(str(path), floor=0)
    path.unlink()
    path.write_bytes(b"somebody else's")
    taking.take(TICKS[0])
    assert taking.failure is not None
    assert taking.failure.endswith("no new file could be begun: File exists")
    assert path.read_bytes() == b"somebody else's"


def test_by_size(tmp_path: Path) -> None:
    path = tmp_path / "r"
    taking = recorder()
    taking.start(str(path), Limits(size=2000, keep=2), floor=0)
    for each in TICKS:
        taking.take(each)
    total = taking.status.size if taking.status else 0
    taking.stop()
    names = sorted(p.name for p in tmp_path.iterdir())
    assert names == ["r", "r.1", "r.2"]
    found = [*seen(tmp_path / "r.2"), *seen(tmp_path / "r.1"), *seen(path)]
    assert found == times(len(TICKS) - len(found), len(TICKS))
    assert total > sum(p.stat().st_size for p in tmp_path.iterdir()) - 200


@pytest.mark.parametrize(("keep", "names"), [(0, ["r"]), (1, ["r", "r.1"]), (3, ["r", "r.1", "r.2", "r.3"])])
def test_by_age(tmp_path: Path, keep: int, names: list[str]) -> None:
    taking = recorder()
    taking.start(str(tmp_path / "r"), Limits(age=0.0, keep=keep), floor=0)
    for each in TICKS[:6]:
        taking.take(each)
    taking.stop()
    assert sorted(p.name for p in tmp_path.iterdir()) == names
    assert [seen(tmp_path / name) for name in names[1:]] == [times(5 - n, 6 - n) for n in range(1, keep + 1)]
    assert seen(tmp_path / "r") == times(5, 6)


def test_a_full_disk_is_not_rotated(tmp_path: Path, disk: dict[str, int]) -> None:
    """What waits belongs to the file that it was begun in."""
    path = tmp_path / "r"
    taking = recorder()
    taking.start(str(path), Limits(size=2000, keep=2), floor=0)
    disk["room"] = 1500
    for each in TICKS[:60]:
        taking.take(each)
    assert not (tmp_path / "r.1").exists()
    disk["room"] = 1 << 40
    taking.take(TICKS[60])
    taking.take(TICKS[61])
    taking.stop()
    assert seen(tmp_path / "r.1") + seen(path) == times(0, 62)


def test_rotation_moves_links_and_does_not_follow_them(tmp_path: Path) -> None:
    (tmp_path / "precious").write_bytes(b"precious")
    (tmp_path / "r.1").symlink_to("precious")
    (tmp_path / "r").write_bytes(b"new")
    rotate(str(tmp_path / "r"), 1)
    assert (tmp_path / "precious").read_bytes() == b"precious"
    assert (tmp_path / "r.1").read_bytes() == b"new"
    (tmp_path / "r").write_bytes(b"newer")
    (tmp_path / "r.2").mkdir()
    taking = recorder()
    taking.start(str(tmp_path / "x"), Limits(age=0.0, keep=1), floor=0)
    (tmp_path / "x.1").mkdir()
    taking.take(TICKS[0])
    taking.take(TICKS[1])
    assert taking.failure is not None
    assert "no new file could be begun" in taking.failure
    assert seen(tmp_path / "x") == times(0, 1)


def test_rotation_leaves_what_is_no_recording(tmp_path: Path) -> None:
    (tmp_path / "r").write_bytes(b"new")
    (tmp_path / "r.1").write_bytes(b"precious")
    with pytest.raises(FileExistsError, match="is no recording"):
        rotate(str(tmp_path / "r"), 1)
    assert (tmp_path / "r.1").read_bytes() == b"precious"
    (tmp_path / "r.1").write_bytes(b"")  # of a recorder that was killed before its first tick
    rotate(str(tmp_path / "r"), 1)
    assert (tmp_path / "r.1").read_bytes() == b"new"


def test_a_file_that_was_moved_away_is_not_rotated(tmp_path: Path) -> None:
    path = tmp_path / "r"
    taking = recorder()
    taking.start(str(path), Limits(size=1, keep=2), floor=0)
    taking.take(TICKS[0])
    path.rename(tmp_path / "moved")
    taking.take(TICKS[1])
    assert seen(tmp_path / "moved") == times(0, 1)
    path.rename(tmp_path / "moved2")
    path.write_bytes(b"precious")
    taking.take(TICKS[2])
    assert taking.failure is not None
    assert path.read_bytes() == b"precious"
    assert not (tmp_path / "r.1").exists()
    assert seen(tmp_path / "moved2") == times(1, 2)


@pytest.mark.parametrize("error", [MemoryError(), ZstdError("Allocation error")])
@pytest.mark.parametrize("at", [0, 3, 130])
def test_want_of_memory_costs_a_tick_and_not_the_recorder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int, error: Exception
) -> None:
    def fail(*_: object) -> None:
        raise error

    path, tape = tmp_path / "r", Tape()
    taking = recorder(tape)
    taking.start(str(path), floor=0)
    for each in TICKS[:at]:
        taking.take(each)
    with monkeypatch.context() as patch:
        patch.setattr(Encoder, "_write", fail)
        taking.take(TICKS[at])
        assert taking.status is not None
        assert taking.status.trouble == "not enough memory to record"
    for each in TICKS[at + 1 : at + 140]:
        taking.take(each)
    assert taking.status is not None
    assert taking.status.trouble is None
    assert taking.stop() is None
    wanted = [*times(0, at), *times(at + 1, at + 140)]
    assert [found.mono for _, found in read_file(str(path)).walk()] == wanted
    assert [found.mono for _, found in Recording(TapedChapters(tape)).walk()][-139:] == wanted[-139:]


def test_other_sinks() -> None:
    """Standard output gets whole chapters from its beginning on."""
    tape = Tape()
    taking = recorder()
    taking.take(TICKS[0])
    taking.write_to(tape)
    taking.take(TICKS[1])
    taking.stop()
    closed, _, under_way = tape.contents()
    assert [chapter.signpost.ticks for _, chapter in closed] == [1]
    assert under_way == b""


@pytest.fixture
def hanging(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """A disk that answers while the event is set."""
    answers = threading.Event()
    answers.set()
    real: Callable[[int, bytes, int], int] = os.pwrite

    def pwrite(descriptor: int, content: bytes, offset: int) -> int:
        answers.wait()
        return real(descriptor, content, offset)

    monkeypatch.setattr(os, "pwrite", pwrite)
    yield answers
    answers.set()


def test_a_disk_that_hangs_holds_nobody_up_and_gets_everything_when_it_answers(
    tmp_path: Path, hanging: threading.Event
) -> None:
    path = tmp_path / "r"
    taking = recorder()
    taking.start(str(path), floor=0)
    for each in TICKS[:10]:
        taking.take(each)
    hanging.clear()
    for each in TICKS[10:30]:
        taking.take(each)
        assert taking.status is not None
        assert taking.status.trouble == "the disk does not answer"
    assert [tick.mono for _, tick in read_file(str(path)).walk()] == times(0, 10)
    hanging.set()
    end = time.monotonic() + 20
    while taking.status is not None and taking.status.trouble and time.monotonic() < end:
        time.sleep(0.01)
    taking.take(TICKS[30])
    assert taking.status is not None
    assert taking.status.trouble is None
    assert taking.stop() is None
    assert path.read_bytes() == encode([list(TICKS[:31])])


def test_the_end_of_a_file_does_not_wait_for_a_disk_that_hangs_for_ever(
    tmp_path: Path, hanging: threading.Event
) -> None:
    path = tmp_path / "r"
    taking = recorder()
    taking.start(str(path), floor=0)
    taking.take(TICKS[0])
    hanging.clear()
    taking.take(TICKS[1])
    trouble = taking.stop(0.1)
    assert trouble is not None
    assert trouble.startswith("the disk does not answer: the last ")
    assert [tick.mono for _, tick in read_file(str(path)).walk()] == times(0, 1)
    taking.start(str(tmp_path / "again"), floor=0)  # another disk may well do
    hanging.set()
    taking.take(TICKS[2])
    assert taking.stop() is None
    assert seen(tmp_path / "again") == times(2, 3)


def test_where_no_thread_can_be_started_the_disk_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def start(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)
    taking = recorder()
    taking.start(str(tmp_path / "r"), floor=0)
    taking.take(TICKS[0])
    assert taking.stop() is None
    assert seen(tmp_path / "r") == times(0, 1)
