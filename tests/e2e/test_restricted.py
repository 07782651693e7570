"""Where leaktop may not see everything: it shows what it can, and says what it cannot, and why."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e import seccomp
from tests.e2e.terminal import LEAKTOP, REPO, Terminal
from tests.e2e.test_lifecycle import NOBODY, _python_of

if TYPE_CHECKING:
    from pathlib import Path

ROOT = os.geteuid() == 0
IN_CONTAINER = ("unshare", "--mount", "--pid", "--cgroup", "--net", "--fork", "--mount-proc", "--kill-child")
IN_USER_NAMESPACE = ("unshare", "--user", "--map-root-user")

pytestmark = pytest.mark.skipif(not ROOT or shutil.which("unshare") is None, reason="root and unshare make namespaces")


def mounted(script: str, *command: str) -> tuple[str, ...]:
    """A command in a mount namespace in which this was done first."""
    return "unshare", "--mount", "sh", "-e", "-c", f'{script}\nexec "$@"', "sh", *command


def run(*command: str) -> str:
    """What it prints, having ended well, soon, and without a traceback."""
    environment = {**os.environ, "PYTHONPATH": str(REPO)}
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False, env=environment, cwd="/")
    assert done.returncode == 0, (done.stdout, done.stderr)
    assert "Traceback" not in done.stdout + done.stderr
    return done.stdout


def doctor(*prefix: str) -> dict[str, dict[str, Any]]:
    """The probes and facilities, by name."""
    found = json.loads(run(*prefix, *LEAKTOP, "doctor", "--json"))
    return {one["name"]: one for one in (*found["probes"], *found["facilities"])}


def test_in_a_container_it_says_whose_memory_and_whose_processes_these_are() -> None:
    answer = doctor(*IN_CONTAINER)["no_container"]
    assert answer["available"] is False
    assert "the kernel and its memory are the host's, processes and sockets those inside" in answer["detail"]
    assert answer["remedy"] == "run leaktop on the host"
    shown = run(*IN_CONTAINER, *LEAKTOP, "show", "all", "--limit", "2")
    for words in (
        "the memory of the whole machine, not of the container",
        "only processes of the container",
        "only sockets of the network namespace of the container",
    ):
        assert words in shown
    with Terminal((*IN_CONTAINER, *LEAKTOP), size=(160, 48)) as terminal:
        terminal.wait_for("MemAvailable")
        assert "inside a container" in terminal.screen.display[0]
        terminal.press("6")
        terminal.wait_for("only processes of the container")
        terminal.press("q")
        assert terminal.exit_status() == 0
        terminal.check_restored()


def test_a_recording_from_a_container_tells_so_afterwards(tmp_path: Path) -> None:
    file = str(tmp_path / "inside.ltr")
    run(*IN_CONTAINER, *LEAKTOP, "record", file, "--for", "1s", "-d", "0.5")
    assert "only processes of the container" in run(*LEAKTOP, "report", file)


def test_in_a_user_namespace_root_is_nobody() -> None:
    answers = doctor(*IN_USER_NAMESPACE)
    assert "a user namespace" in answers["no_container"]["detail"]
    assert answers["CAP_SYS_ADMIN"]["available"] is False
    assert "does not count" in answers["CAP_SYS_ADMIN"]["detail"]
    run(*IN_USER_NAMESPACE, *LEAKTOP, "show", "all", "--limit", "1")


@pytest.mark.parametrize("hidepid", [1, 2, 4])
def test_hidepid_is_not_a_machine_with_few_processes(hidepid: int) -> None:
    python = _python_of(NOBODY)
    if python is None or shutil.which("setpriv") is None:
        pytest.skip("neither this python nor /usr/bin/python3 can run leaktop as nobody")
    path = f"export PYTHONPATH={REPO}:{sysconfig.get_path('purelib')} HOME=/"
    prefix = mounted(
        f"mount -t proc -o hidepid={hidepid} proc /proc\n{path}",
        *("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", python, "-m", "leaktop"),
    )
    shown = run(*prefix, "show", "processes", "--limit", "2")
    assert "processes of others are missing: /proc has hidepid=" in shown


def test_hidepid_hides_nothing_from_root() -> None:
    answers = doctor(*mounted("mount -t proc -o hidepid=2 proc /proc"))
    assert answers["every_process"]["available"] is True


@pytest.mark.skipif(not seccomp.is_possible(), reason="system calls are not numbered here for this architecture")
@pytest.mark.parametrize("code", ["EPERM", "ENOSYS"])
def test_seccomp_that_denies_netlink_and_ptrace(code: str) -> None:
    prefix = (sys.executable, str(REPO / "tests/e2e/seccomp.py"), code, "netlink,ptrace,process_vm_readv")
    answers = doctor(*prefix)
    assert answers["sock_diag"]["status"] == "unavailable"
    assert "seccomp" in answers["sock_diag"]["reason"]
    assert answers["net/tcp"]["status"] == "ok"
    shown = run(*prefix, *LEAKTOP, "show", "sockets", "--limit", "1")
    assert "/proc/net is read instead" in shown
    with Terminal((*prefix, *LEAKTOP), size=(100, 24)) as terminal:
        terminal.wait_for("MemAvail")
        terminal.press("4")
        terminal.wait_for("proto")
        terminal.press("q")
        assert terminal.exit_status() == 0


MASKS = {
    "empty": ": > /tmp/leaktop-empty-$$\nhide() { mount --bind /tmp/leaktop-empty-$$ $1; }",
    "device": "hide() { mount --bind /dev/null $1; }",
}


@pytest.mark.parametrize(("mask", "words"), [("empty", "is empty, which no kernel prints"), ("device", "is masked")])
def test_half_of_proc_bound_over(mask: str, words: str, tmp_path: Path) -> None:
    names = ("meminfo", "slabinfo", "vmallocinfo", "zoneinfo", "vmstat", "self/mountinfo", "net/unix")
    script = MASKS[mask].replace("/tmp/leaktop-empty-$$", str(tmp_path / "empty"))
    script += "".join(f"\nhide /proc/{name}" for name in names if "self" not in name and "net" not in name)
    prefix = mounted(script)
    answers = doctor(*prefix)
    for name in ("meminfo", "slabinfo", "vmallocinfo", "zoneinfo", "vmstat"):
        assert answers[name]["status"] == "unavailable", name
        assert words in answers[name]["reason"]
        assert answers[name]["remedy"] == "run leaktop on the host"
    shown = run(*prefix, *LEAKTOP, "show", "memory")
    assert words in shown
    assert "0 kB" not in shown
    with Terminal((*prefix, *LEAKTOP), size=(160, 48)) as terminal:
        terminal.wait_for("/proc/slabinfo", "is")
        terminal.wait_for("RSS")
        terminal.press("q")
        assert terminal.exit_status() == 0
        terminal.check_restored()


def test_without_sys() -> None:
    prefix = mounted("mount -t tmpfs none /sys")
    answers = doctor(*prefix)
    for name in ("slab_links", "hugepages"):
        assert "no sysfs is mounted on /sys" in answers[name]["reason"]
        assert answers[name]["remedy"] == "mount -t sysfs none /sys"
    assert "merged names are not known" in run(*prefix, *LEAKTOP, "show", "slab", "--limit", "1")
    with Terminal((*prefix, *LEAKTOP), size=(160, 48)) as terminal:
        terminal.wait_for("MemAvailable")
        terminal.wait_for(" caches ")
        terminal.press("q")
        assert terminal.exit_status() == 0


def test_without_processes() -> None:
    """An empty directory over every process but ours: they are there, and nothing of them can be read."""
    script = "for p in /proc/[0-9]*; do [ $p = /proc/$$ ] || mount -t tmpfs none $p 2>/dev/null || true; done"
    assert "Processes" in run(*mounted(script, *LEAKTOP, "show", "processes", "--limit", "3"))
