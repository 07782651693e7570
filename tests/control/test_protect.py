"""Protection of this process, each in a process of its own: what the kernel denies, gives, and is given back."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

import leaktop

REPO = Path(leaktop.__file__).parents[1]
NOBODY = 65534
BEGIN = """
import ctypes, os, resource, sys, time
sys.path.insert(0, {repo!r})
from leaktop import children
from leaktop.control import protect
from leaktop.sources.own_memory import resident_bytes
def status(field):
    return next(line.split()[1] for line in open("/proc/self/status") if line.startswith(field))
{before}
protection = protect.Protection(resident_bytes)
protection.begin()
"""


def printed(after: str, before: str = "") -> list[str]:
    """What a program prints that protected itself."""
    code = BEGIN.format(repo=str(REPO), before=before) + after
    command = [sys.executable, "-B", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become nobody")
def test_each_part_that_is_denied_says_so_and_the_program_goes_on() -> None:
    lines = printed(
        "print(protection.parts, protection.is_whole); print(*protection.take_troubles(), sep='\\n')",
        f"resource.setrlimit(resource.RLIMIT_MEMLOCK, (0, 0)); os.setresuid({NOBODY}, {NOBODY}, {NOBODY})",
    )
    assert lines[0] == "() False"
    assert [line.partition(":")[0] for line in lines[1:]] == ["--protect"] * 3
    for line, remedy in zip(lines[1:], ("CAP_SYS_RESOURCE", "LimitMEMLOCK=", "Nice=-5"), strict=True):
        assert remedy in line


@pytest.mark.skipif(os.geteuid() != 0, reason="takes root")
def test_root_gets_the_lock_and_the_priority_and_what_is_there_is_not_read_in_for_it() -> None:
    lines = printed("print(protection.parts); print(status('VmRSS'), status('VmLck')); print(os.nice(0))")
    assert "code locked in memory" in lines[0]
    assert int(lines[1].split()[0]) < 40 << 10
    assert int(lines[1].split()[1]) > 0
    assert lines[2] == "-5"


@pytest.mark.skipif(os.geteuid() != 0, reason="takes root")
def test_where_the_kernel_lets_it_nothing_is_lacking(tmp_path: Path) -> None:
    score = tmp_path / "oom_score_adj"  # not every root may lower the kernel's own
    score.write_text("0\n")
    lines = printed(
        "print(protection.is_whole, list(protection.take_troubles())); print(', '.join(protection.parts))",
        f"protect.SCORE = {str(score)!r}",
    )
    assert lines == ["True []", "never the kernel's victim, code locked in memory, priority -5"]
    assert score.read_text() == "-1000"


@pytest.mark.skipif(os.geteuid() != 0, reason="takes root")
def test_what_grows_beyond_the_limit_gives_everything_back() -> None:
    after = """
children.start(["/bin/true"]).wait()
protect.LIMIT = 1
end = time.monotonic() + 8
while protection.parts and time.monotonic() < end:
    time.sleep(0.01)
print(protection.parts, status("VmLck"), os.nice(0))
print(open("/proc/self/oom_score_adj").read().strip())
print(list(protection.take_troubles())[-1])
"""
    lines = printed(after, "open('/proc/self/oom_score_adj', 'w').write('300'); protect._EVERY = 0.05")
    assert lines[:2] == [f"() 0 {os.nice(0)}", "300"]
    assert "no longer protected" in lines[2]


@pytest.mark.skipif(os.geteuid() != 0, reason="takes root")
def test_children_are_started_as_if_it_were_not_there_and_threads_keep_the_priority() -> None:
    after = """
import threading
def child():
    return children.output_of(["/bin/sh", "-c", "cat /proc/self/oom_score_adj; nice"], 9, {}).split()
told = []
thread = threading.Thread(target=lambda: told.append((child(), os.getpriority(os.PRIO_PROCESS, 0))))
thread.start()
thread.join()
print(child(), *told[0], os.getpriority(os.PRIO_PROCESS, 0))
print(open("/proc/self/oom_score_adj").read().strip() != "300")
"""
    lines = printed(after, "open('/proc/self/oom_score_adj', 'w').write('300')")
    nice = str(os.nice(0)).encode()
    assert lines == [f"[b'300', {nice!r}] [b'300', {nice!r}] -5 -5", "True"]


def test_an_old_kernel_that_cannot_lock_what_comes_later_is_told_from_a_denial() -> None:
    before = """
class Old:
    def mlockall(self, flags):
        ctypes.set_errno(22)
        return -1
protect.ctypes.CDLL = lambda *_a, **_k: Old()
"""
    lines = printed("print(*protection.take_troubles(), sep='\\n')", before)
    assert any("Linux 4.4" in line for line in lines)


def test_every_program_is_started_in_the_one_place_that_puts_protection_off() -> None:
    starters = set()
    for path in Path(leaktop.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                words = ast.unparse(node.func)
                if words.startswith(("subprocess.", "os.exec", "os.spawn", "os.posix_spawn", "os.fork", "os.system")):
                    starters.add(path.name)
    assert starters - {"children.py"} == set()
