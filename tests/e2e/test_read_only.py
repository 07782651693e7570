"""With --read-only nothing is written to the kernel, whatever is pressed: as strace sees it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.terminal import LEAKTOP, REPO, Terminal

STRACE = shutil.which("strace")
CALLS = "%file,%network,init_module,finit_module,delete_module,bpf,ptrace,ioctl,kexec_load,settimeofday,swapon"
_OPENED = re.compile(r'open(?:at|at2)?\((?:[^,"]+, )?"(?P<path>[^"]*)"(?P<rest>.*)')
_WRITES = ("O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC")
_TERMINALS = re.compile(r"/dev/(?:tty|pts/\d+|null|ptmx)")
_FORBIDDEN = re.compile(
    r"(?:mount|umount2|init_module|finit_module|delete_module|bpf|ptrace|pivot_root|fsopen|move_mount|chroot|"
    r"kexec_load|settimeofday|swapon)\("
)
_CHANGES = re.compile(
    r'(?:mkdir|rmdir|unlink|rename|symlink|link|chmod|chown|mknod|truncate)(?:at2?)?\(.*"/(?:proc|sys|dev)/'
)


@pytest.fixture(scope="module", autouse=True)
def traces() -> None:
    """strace is there, and may trace."""
    if STRACE is None:
        pytest.skip("STRACE IS NOT INSTALLED: that --read-only writes nothing to the kernel stays unseen")
    done = subprocess.run([STRACE, "-qq", "-o", "/dev/null", "true"], capture_output=True, check=False)
    if done.returncode:
        pytest.skip(f"STRACE MAY NOT TRACE HERE: {done.stderr.decode(errors='replace')[:100]}")


def traced(log: Path, *command: str) -> tuple[str, ...]:
    """The command under strace."""
    return (STRACE or "strace", "-f", "-qq", "-o", str(log), "-e", f"trace={CALLS}", *command)


def writes(log: Path) -> list[str]:
    """The calls of a log that changed the kernel's state, or could have."""
    found = []
    for line in log.read_text(errors="replace").splitlines():
        call = line.partition(" ")[2].lstrip()
        opened = _OPENED.match(call)
        if opened is not None:
            is_kernels = opened["path"].startswith(("/proc", "/sys", "/dev")) and not _TERMINALS.fullmatch(
                opened["path"]
            )
            if is_kernels and any(flag in opened["rest"] for flag in _WRITES):
                found.append(line)
        elif _FORBIDDEN.match(call) or _CHANGES.match(call) or "NETLINK" in call:
            found.append(line)
    return found


def test_the_trace_shows_what_is_forbidden(tmp_path: Path) -> None:
    """Else the other tests would prove nothing: without --read-only it asks for sockets by netlink."""
    log = tmp_path / "log"
    subprocess.run(traced(log, *LEAKTOP, "show", "sockets"), cwd=REPO, stdout=subprocess.DEVNULL, check=True)
    assert any("NETLINK_SOCK_DIAG" in line for line in writes(log))
    program = "import os\nfor name in ('/proc/self/comm', '/dev/kmsg'):\n try: os.close(os.open(name, os.O_WRONLY))\n"
    subprocess.run(traced(log, sys.executable, "-c", program + " except OSError: pass"), check=True)
    assert len(writes(log)) == 2


KEYS = [
    *"123456789", "enter", "escape", "z", "K", "escape", "m", "R", "D", "I", "p", "2", "enter", "p", "escape", "8",
    "enter", "enter", "escape", "escape", "5", "enter", "escape", "y", "?", "escape", "+", "-",
]  # fmt: skip


def test_the_live_screen(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with Terminal(traced(log, *LEAKTOP, "--read-only", "-d", "0.5"), cwd=str(tmp_path)) as terminal:
        terminal.wait_for("MemAvailable", timeout=30)
        terminal.press(*KEYS)
        for letter in "ascdlxo":  # whatever K offers
            terminal.press("K", letter, "y", "escape", "escape")
        terminal.press("escape", "q")
        assert terminal.exit_status(20) == 0
    assert "slabinfo" in log.read_text(errors="replace")
    assert writes(log) == []


@pytest.mark.parametrize(
    "command",
    ["show all", "record FILE --for 1s", "record FILE --for 1s -- true", "doctor", "kmemleak status", "kmemleak show",
     "kmemleak scan", "kmemleak clear", "kmemleak set off", "trace kmalloc-64 --for 1s", "report --live 2s",
     "check --drop-caches -- true"],
)  # fmt: skip
def test_a_verb(command: str, tmp_path: Path) -> None:
    log = tmp_path / "log"
    verb, *words = command.replace("FILE", str(tmp_path / "r")).split()
    at = words.index("--") if "--" in words else len(words)
    done = subprocess.run(
        traced(log, *LEAKTOP, verb, *words[:at], "--read-only", *words[at:]),
        cwd=REPO, capture_output=True, check=False, timeout=60, env={**os.environ, "PYTHONPATH": str(REPO)},
    )  # fmt: skip
    assert b"Traceback" not in done.stderr
    assert writes(log) == []
