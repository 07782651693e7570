from __future__ import annotations

import errno
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from leaktop.parsers.processes import parse_processes
from leaktop.sources import processes
from leaktop.sources.processes import ProcessLister, list_processes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from leaktop.model.records import Process

MIB = 1 << 20
CHILD = """
import ctypes, os, sys, threading
for line in sys.stdin:
    if line.startswith("name"):
        ctypes.CDLL(None).prctl(15, bytes.fromhex(line.split()[1]), 0, 0, 0)
    elif line.startswith("grow"):
        kept = bytearray(os.urandom(1 << 20) * 32)
        files = [open("/dev/null") for _ in range(10)]
        threads = [threading.Thread(target=threading.Event().wait, daemon=True) for _ in range(3)]
        for thread in threads:
            thread.start()
    print("done", flush=True)
"""
STATUS_4_18 = b"""\
Name:\tmy\\\\n\\nprog
Umask:\t0022
State:\tS (sleeping)
Pid:\t41
FDSize:\t64
Groups:\t0 1 2
VmPeak:\t  300000 kB
VmHWM:\t   20000 kB
VmRSS:\t   10000 kB
RssAnon:\t    6000 kB
RssFile:\t    3000 kB
RssShmem:\t    1000 kB
VmSwap:\t       8 kB
Threads:\t4
"""
STATUS_3_10 = b"""\
Name:\tmysqld
State:\tS (sleeping)
Pid:\t42
FDSize:\t8192
VmHWM:\t   20000 kB
VmRSS:\t   10000 kB
VmSwap:\t       0 kB
Threads:\t29
"""
STATUS_KTHREAD = b"Name:\tkthreadd\nState:\tS (sleeping)\nPid:\t2\nFDSize:\t64\nThreads:\t1\nSigQ:\t0/1\n"


class Child:
    """A Python of our own that does what it is told."""

    def __init__(self) -> None:
        self.process = subprocess.Popen([sys.executable, "-c", CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def tell(self, order: str) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(order.encode() + b"\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == b"done\n"

    def end(self) -> None:
        with self.process as process:
            process.kill()


@pytest.fixture
def child() -> Iterator[Child]:
    started = Child()
    started.tell("start")
    yield started
    started.end()


def row(content: bytes, pid: int) -> Process:
    return next(process for process in parse_processes(content).processes if process.pid == pid)


def tree(root: Path, pid: int, **files: bytes) -> Path:
    directory = root / "proc" / str(pid)
    directory.mkdir(parents=True)
    for name, content in files.items():
        (directory / name).write_bytes(content)
    return directory


def test_a_process_that_grew(child: Child) -> None:
    lister = ProcessLister("/")
    before = row(lister.list(), child.process.pid)
    child.tell("grow")
    after = row(lister.list(), child.process.pid)
    seen = psutil.Process(child.process.pid)
    memory = seen.memory_info()
    assert after.rss == pytest.approx(memory.rss, abs=MIB)
    assert after.file is not None
    assert after.shmem is not None
    assert after.file + after.shmem == pytest.approx(memory.shared, abs=MIB)
    assert after.anon is not None
    assert before.anon is not None
    assert 32 * MIB <= after.anon - before.anon < 36 * MIB
    assert (after.threads, after.fds) == (seen.num_threads(), seen.num_fds())
    assert after.fds == (before.fds or 0) + 10
    assert after.threads == 4
    ticks = os.sysconf("SC_CLK_TCK")
    assert after.starttime == before.starttime
    assert after.starttime / ticks == pytest.approx(seen.create_time() - psutil.boot_time(), abs=1.1)


@pytest.mark.parametrize("comm", [b'a\nb"c', b"\x1b[31m\ttab", b"back\\slash\\n", b"\xff\xfe\x80", b") S 1 (x"])
def test_odd_names(child: Child, comm: bytes) -> None:
    child.tell(f"name {comm.hex()}")
    assert row(list_processes("/"), child.process.pid).comm.encode("utf-8", "surrogateescape") == comm


def test_kernel_threads_own_no_memory() -> None:
    if not Path("/proc/2/comm").exists() or Path("/proc/2/comm").read_bytes() != b"kthreadd\n":
        pytest.skip("no kernel threads in this pid namespace")
    kthreadd = row(list_processes("/"), 2)
    assert kthreadd.comm == "kthreadd"
    assert kthreadd[3:] == (0, 0, 0, 0, 0, 1, 0)


def test_a_zombie_owns_no_memory() -> None:
    child = Child()
    child.process.kill()
    os.waitid(os.P_PID, child.process.pid, os.WEXITED | os.WNOWAIT)
    zombie = row(list_processes("/"), child.process.pid)
    assert (zombie.rss, zombie.anon, zombie.swap) == (0, 0, 0)
    child.end()


def test_a_used_pid_is_another_process() -> None:
    lister = ProcessLister("/")
    first = Child()
    pid = first.process.pid
    before = row(lister.list(), pid)
    first.end()
    time.sleep(0.03)  # more than a clock tick
    try:
        Path("/proc/sys/kernel/ns_last_pid").write_text(str(pid - 1))
    except OSError:
        pytest.skip("pids cannot be chosen here")
    second = Child()
    try:
        if second.process.pid != pid:
            pytest.skip("another process took the pid")
        assert row(lister.list(), pid).starttime > before.starttime
    finally:
        second.end()


def test_out_of_descriptors_is_an_error_not_an_empty_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: str) -> bytes:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE), path)

    monkeypatch.setattr(processes, "read_small", refuse)
    with pytest.raises(OSError, match="Too many open files"):
        list_processes("/")


def test_captured_tree(tmp_path: Path) -> None:
    stat = b"41 (my) prog) S " + b" ".join(b"%d" % field for field in range(4, 53))
    directory = tree(tmp_path, 41, status=STATUS_4_18, stat=stat)
    (directory / "fd").mkdir()
    (directory / "fd" / "0").symlink_to("/dev/null")
    (directory / "fd" / "1").symlink_to("/nowhere")
    (process,) = parse_processes(list_processes(str(tmp_path))).processes
    assert process == (41, 22, "my\\n\nprog", 10000 << 10, 6000 << 10, 3000 << 10, 1000 << 10, 8 << 10, 4, 2)


def test_kernel_before_4_5(tmp_path: Path) -> None:
    tree(tmp_path, 42, status=STATUS_3_10, statm=b"90000 160 40 200 0 5000 0\n")
    tree(tmp_path, 2, status=STATUS_KTHREAD)
    kthread, process = parse_processes(list_processes(str(tmp_path), page_size=65536)).processes
    assert process == (42, 0, "mysqld", 10000 << 10, 120 << 16, 40 << 16, None, 0, 29, None)
    assert kthread == (2, 0, "kthreadd", 0, 0, 0, 0, 0, 1, None)


def test_many_groups_do_not_hide_the_memory(tmp_path: Path) -> None:
    groups = b" ".join(b"%d" % group for group in range(70000, 72000))
    tree(tmp_path, 41, status=STATUS_4_18.replace(b"0 1 2", groups))
    (process,) = parse_processes(list_processes(str(tmp_path))).processes
    assert (process.rss, process.threads) == (10000 << 10, 4)


def test_torn_and_missing_files(tmp_path: Path) -> None:
    tree(tmp_path, 41, status=STATUS_4_18[:40])
    tree(tmp_path, 42, status=STATUS_3_10)
    tree(tmp_path, 43)
    (tmp_path / "proc" / "44").symlink_to("/proc/self")
    os.mkfifo(tree(tmp_path, 45) / "status")
    torn, no_statm, empty = parse_processes(list_processes(str(tmp_path))).processes
    assert torn[3:] == (None,) * 7
    assert no_statm[3:] == (10000 << 10, None, None, None, 0, 29, None)
    assert (empty.pid, empty.rss) == (45, None)


def test_no_proc(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        list_processes(str(tmp_path))
