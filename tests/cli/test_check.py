"""`leaktop check`: what it runs, what it says, how it ends. The kernel is one that the command itself makes grow."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest

from leaktop import children
from leaktop.cli import main, trial
from leaktop.cli.foreground import run_command
from leaktop.control.reclaim import ReclaimError
from leaktop.model.sample import Fault, Machine, Probe, RawSample
from leaktop.sources.text_form import encode
from tests.e2e.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

REPO = Path(__file__).parents[2]
NAME = "kmalloc-64"
MEMINFO = (
    b"MemTotal: 1000000 kB\nMemFree: 400000 kB\nActive: 1000 kB\nInactive: 0 kB\nUnevictable: 0 kB\n"
    b"Slab: 4000 kB\nPageTables: 20 kB\nVmallocUsed: 100 kB\n"
)
LINKS = encode("slab_links", [":0000064\tdir\t-", f"{NAME}\tlink\t:0000064", "dmaengine\tlink\t:0000064"])


class Kernel:
    """A source whose one cache has as many objects as a file has bytes.

    Attributes:
        grown: the file.
        faults: what cannot be read, by probe.
        links: what /sys/kernel/slab holds.
    """

    machine = Machine("6.12.0", "host", 4096, None, "x86_64", None, None, is_live=True)
    grown = Path("grown")
    faults: dict[str, Fault] = {}  # noqa: RUF012  # a test puts another in its place
    links = LINKS

    def __init__(self, **_options: object) -> None:
        lanes = {"slabinfo": "slab", "slab_links": "slab", "meminfo": "memory", "vmallocinfo": "vmalloc"}
        self.probes = tuple(Probe(name, lane, 1, name) for name, lane in lanes.items())

    def read(self, probe: Probe, _wanted: object = None) -> RawSample:
        objects = 100 + (self.grown.stat().st_size if self.grown.exists() else 0)
        content = {
            "slabinfo": b"slabinfo - version: 2.1\n"
            + f"{NAME} {objects} 640 64 64 1 : tunables 0 0 0 : slabdata 10 10 0\n".encode(),
            "slab_links": self.links,
            "meminfo": MEMINFO,
            "vmallocinfo": b"0xffffc90000000000-0xffffc90000002000 8192 f+0x1/0x2 pages=1 vmalloc\n",
        }[probe.name]
        fault = self.faults.get(probe.name)
        return RawSample(probe.name, None if fault else content, fault, time.monotonic(), time.time())

    def close(self) -> None:
        """Nothing was opened."""


@pytest.fixture(autouse=True)
def kernel(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[type[Kernel]]:
    """The kernel that is read; the handlers of pytest come back."""
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]
    mine = type("Mine", (Kernel,), {"grown": tmp_path / "grown", "faults": {}})
    monkeypatch.setattr(trial, "FileSystemSource", mine)
    monkeypatch.setattr(trial, "LAST_REST", 0.01)
    monkeypatch.setattr(trial, "drop_caches", lambda: None)
    monkeypatch.setattr(trial, "shrink_all", lambda: 0)
    monkeypatch.chdir(tmp_path)
    yield mine
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


LEAK = ("sh", "-c", "printf x >> grown")
QUICK = ("--settle", "0", "--iterations", "6")


def check(*options: str, command: tuple[str, ...] = LEAK) -> int:
    return main(["check", *QUICK, *options, "--", *command])


def document(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert found.keys() == {
        *("leaktop", "kernel", "verdict", "reason", "command", "command_status", "iterations", "max_growth"),
        *("drop_caches", "not_judged", "per_iteration", "kmemleak"),
    }
    return found


# What it says


def test_a_leak(capsys: pytest.CaptureFixture[str], kernel: type[Kernel]) -> None:
    assert check() == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"Leak: each of 6 runs lost 64 in {NAME}, 1 object"
    assert lines[2].split() == ["bytes/run", "low", "high", "objs/run", "kind", "name"]
    assert lines[3].split()[:7] == ["leak", "+64", "+64", "+64", "1", "slab", NAME]
    assert lines[3].endswith("shares its slabs with dmaengine")
    assert lines[-1].startswith("Next: leaktop trace, or check --kmemleak")
    assert kernel.grown.stat().st_size == 7  # one run to warm up


def test_a_leak_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    assert check("--json") == 1
    found = document(capsys)
    assert (found["verdict"], found["iterations"], found["command"]) == ("leak", 6, list(LEAK))
    assert found["command_status"] == 0
    assert found["per_iteration"] == [
        {
            "kind": "slab", "name": NAME, "aliases": ["dmaengine"], "objects_per_iter": 1.0, "bytes_per_iter": 64.0,
            "low": 64.0, "high": 64.0, "tolerated": False, "leak": True, "note": "",
        }
    ]  # fmt: skip


def test_no_leak(capsys: pytest.CaptureFixture[str]) -> None:
    assert check(command=("true",)) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "No leak: nothing grew with each of 6 runs and stayed"
    assert lines[-1].startswith("Next: as root, --drop-caches")
    assert check("--json", command=("true",)) == 0
    found = document(capsys)
    assert (found["verdict"], found["per_iteration"], found["not_judged"]) == ("none", [], {})


def test_what_is_given_back_is_no_leak() -> None:
    assert check(command=("sh", "-c", "printf x >> grown; rm grown")) == 0


@pytest.mark.parametrize(("allowed", "status"), [("64", 0), ("64K", 0), ("64K/iter", 0), ("63", 1), ("63/iter", 1)])
def test_growth_that_is_allowed(allowed: str, status: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert check("--json", "--max-growth", allowed) == status
    (row,) = document(capsys)["per_iteration"]
    assert (row["leak"], row["tolerated"]) == (status == 1, status == 0)


def test_names_cannot_move_the_cursor(kernel: type[Kernel], capsys: pytest.CaptureFixture[str]) -> None:
    kernel.links = LINKS.replace(b"dmaengine", b"a\x1b[2Jb")
    assert check() == 1
    said = capsys.readouterr().out
    assert "\x1b" not in said
    assert "a\\x1b[2Jb" in said


# When it cannot tell


@pytest.mark.parametrize(
    ("options", "command", "reason"),
    [
        (("--iterations", "4"), LEAK, "4 iterations cannot tell"),
        (("--read-only", "--drop-caches"), LEAK, "which --read-only forbids"),
        ((), ("false",), "false failed with status 1 while it warmed up"),
        ((), ("sh", "-c", "kill -9 $$"), "sh failed with status 137 while it warmed up"),
        ((), ("/nonexistent/x",), "/nonexistent/x: No such file or directory"),
        ((), ("/dev/null",), "/dev/null: Permission denied"),
        ((), ("sh", "-c", "printf x >> n; test $(wc -c < n) -lt 4"), "status 1 in iteration 3"),
        ((), (), "no command"),
    ],
)
def test_it_cannot_be_told(
    options: tuple[str, ...], command: tuple[str, ...], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check("--json", *options, command=command) == 2
    found = document(capsys)
    assert found["verdict"] == "unknown"
    assert reason in found["reason"]
    assert found["per_iteration"] == []
    assert check(*options, command=command) == 2
    assert capsys.readouterr().out.startswith("Cannot tell: ")


def test_the_status_of_a_command_that_fails(capsys: pytest.CaptureFixture[str]) -> None:
    assert check("--json", command=("sh", "-c", "exit 7")) == 2
    assert document(capsys)["command_status"] == 7


def test_a_tree_is_no_machine(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--root", str(tmp_path), "check", "--json", "--", "true"]) == 2
    assert "captured tree" in document(capsys)["reason"]


@pytest.mark.parametrize("probe", ["slabinfo", "meminfo"])
def test_without_slabinfo_nothing_is_run(probe: str, kernel: type[Kernel], capsys: pytest.CaptureFixture[str]) -> None:
    kernel.faults = {probe: Fault("denied", f"/proc/{probe}: permission denied", "sudo leaktop")}
    assert check("--json") == 2
    assert document(capsys)["reason"] == f"/proc/{probe}: permission denied (sudo leaktop)"
    assert not kernel.grown.exists()


def test_without_vmallocinfo_the_rest_is_judged(kernel: type[Kernel], capsys: pytest.CaptureFixture[str]) -> None:
    kernel.faults = {"vmallocinfo": Fault("missing", "/proc/vmallocinfo: not there")}
    assert check("--json") == 1
    assert document(capsys)["not_judged"] == {"vmalloc": "/proc/vmallocinfo: not there"}
    assert check("--junit", "x.xml") == 1
    assert "not judged: vmalloc: /proc/vmallocinfo: not there" in capsys.readouterr().out
    assert ET.parse("x.xml").getroot()[0].get("skipped") == "1"


def test_what_cannot_be_read_any_more(
    kernel: type[Kernel], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Fading(kernel):  # type: ignore[valid-type, misc]  # the fixture made it
        def read(self, probe: Probe, wanted: object = None) -> RawSample:
            if self.grown.exists() and self.grown.stat().st_size > 2:
                self.faults["vmallocinfo"] = Fault("failed", "gone away")
            sample: RawSample = super().read(probe, wanted)
            return sample

    monkeypatch.setattr(trial, "FileSystemSource", Fading)
    assert check("--json") == 2
    assert document(capsys)["reason"] == "gone away"


def test_unknown_caches_are_not_taken_for_leaks(kernel: type[Kernel], capsys: pytest.CaptureFixture[str]) -> None:
    kernel.faults = {"slab_links": Fault("missing", "no /sys/kernel/slab")}
    assert check("--json") == 2
    assert "use --drop-caches" in document(capsys)["reason"]
    assert check("--drop-caches") == 1


def test_a_failure_of_our_own_is_no_leak(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(trial, "measure", lambda *_, **__: 1 // 0)
    assert check("--json") == 2
    assert "ZeroDivisionError" in document(capsys)["reason"]


# What it writes to the kernel


def test_caches_are_dropped_only_where_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    monkeypatch.setattr(trial, "drop_caches", lambda: done.append("drop"))
    monkeypatch.setattr(trial, "shrink_all", lambda: done.append("shrink"))
    assert check() == 1
    assert not done
    assert check("--drop-caches") == 1
    assert done[:3] == ["drop", "shrink", "shrink"]
    assert done.count("drop") == 1 + 2 + 2 * 6 + 1  # a trial of reading, the warm-up, the iterations, the rest


def test_a_refusal_to_drop_caches(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def refuse() -> None:
        raise ReclaimError("'3' to /proc/sys/vm/drop_caches: needs root")

    monkeypatch.setattr(trial, "drop_caches", refuse)
    assert check("--json", "--drop-caches") == 2
    assert document(capsys)["reason"] == "'3' to /proc/sys/vm/drop_caches: needs root"


# JUnit


def suite_of(path: str) -> ET.Element:
    assert stat.S_IMODE(Path(path).stat().st_mode) == 0o600
    root = ET.parse(path).getroot()
    assert root.tag == "testsuites"
    (suite,) = root
    assert suite.get("tests") == str(len(suite.findall("testcase")))
    return suite


def test_junit_of_a_leak(kernel: type[Kernel]) -> None:
    kernel.links = LINKS.replace(b"dmaengine", b"<a & \x01\x1b\xff b>")
    assert check("--junit", "x.xml") == 1
    assert b"\x1b" not in Path("x.xml").read_bytes()
    suite = suite_of("x.xml")
    assert (suite.get("failures"), suite.get("errors"), suite.get("tests")) == ("1", "0", "4")
    (failure,) = suite.findall("testcase/failure")
    assert failure.get("message") == f"each of 6 runs lost 64 in {NAME}, 1 object"
    assert "<a & \\x01\\x1b\\xff b>" in (failure.text or "")
    assert suite[-1].get("name") == NAME
    assert suite[-1].get("classname") == "leaktop.check.slab"


def test_junit_of_what_is_allowed_or_unknown() -> None:
    assert check("--junit", "allowed.xml", "--max-growth", "1K") == 0
    suite = suite_of("allowed.xml")
    assert suite.get("failures") == "0"
    assert "that is allowed" in (suite[-1].findtext("system-out") or "")
    assert check("--junit", "unknown.xml", command=("false",)) == 2
    (case,) = suite_of("unknown.xml")
    assert case.get("name") == "false"
    assert case.find("error") is not None


@pytest.mark.parametrize("obstacle", ["file", "link", "directory"])
def test_junit_writes_over_nothing(
    obstacle: str, tmp_path: Path, kernel: type[Kernel], capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "x.xml"
    match obstacle:
        case "file":
            path.write_text("precious")
        case "link":
            path.symlink_to(tmp_path / "elsewhere")
        case _:
            path = tmp_path / "gone" / "x.xml"
    assert check("--junit", str(path)) == 2
    assert capsys.readouterr().err.startswith(f"leaktop: {path}: ")
    assert not kernel.grown.exists()
    assert not (tmp_path / "elsewhere").exists()
    assert obstacle != "file" or path.read_text() == "precious"


def test_junit_is_not_left_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(trial, "run_command", interrupt)
    assert check("--junit", "x.xml") == 130
    assert not Path("x.xml").exists()


def test_a_full_disk_is_no_leak(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    with open("/dev/full", "w", encoding="ascii") as full:
        monkeypatch.setattr(sys, "stdout", full)
        assert check("--json") == 2
    assert "cannot write: No space left" in capsys.readouterr().err


# What it runs


def test_warm_up_takes_its_time(kernel: type[Kernel]) -> None:
    began = time.monotonic()
    assert check("--warmup", "0.5s", command=("sh", "-c", "printf x >> n; sleep 0.1")) == 0
    assert time.monotonic() - began > 0.5
    assert kernel.grown.with_name("n").stat().st_size > 7
    assert check("--warmup", "0", command=("true",)) == 0


def test_without_a_shell(capfd: pytest.CaptureFixture[str]) -> None:
    assert check(command=("echo", "$HOME; false")) == 0
    assert capfd.readouterr().out.startswith("$HOME; false\n" * 7 + "No leak")


def test_the_output_of_the_command_stays_out_of_the_json(capfd: pytest.CaptureFixture[str]) -> None:
    assert check("--json", command=("echo", "noise")) == 0
    said = capfd.readouterr()
    assert json.loads(said.out)["verdict"] == "none"
    assert said.err == "noise\n" * 7


def test_the_status_of_a_command() -> None:
    assert run_command(["sh", "-c", "exit 3"]) == 3
    assert run_command(["sh", "-c", "kill -TERM $$"]) == 128 + signal.SIGTERM
    with pytest.raises(FileNotFoundError):
        run_command(["/nonexistent/x"])
    with pytest.raises(KeyboardInterrupt):
        run_command(["sh", "-c", "kill -INT $$"])


# How it ends early

DRIVER = """
import sys
from pathlib import Path
from leaktop.cli import main, trial
from tests.cli.test_check import Kernel
Kernel.grown = Path("grown")
trial.FileSystemSource = Kernel
sys.exit(main(["check", "--settle", "0", "--iterations", "5", "--", *sys.argv[1:]]))
"""


def started(*command: str) -> list[str]:
    return [sys.executable, "-c", DRIVER, *command]


def wait_for(path: Path) -> str:
    end = time.monotonic() + 30
    while time.monotonic() < end:
        if path.exists() and (text := path.read_text()).endswith("\n"):
            return text.strip()
        time.sleep(0.02)
    raise AssertionError(f"no {path}")


def is_gone(group: int) -> bool:
    end = time.monotonic() + 10
    while time.monotonic() < end:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.02)
    return False


def test_a_signal_while_the_command_is_being_started_ends_it_too(monkeypatch: pytest.MonkeyPatch) -> None:
    groups: list[int] = []

    def slowly(command: Sequence[str], **options: Any) -> subprocess.Popen[bytes]:
        child = start(command, **options)
        groups.append(child.pid)
        signal.raise_signal(signal.SIGINT)
        return child

    start = children.start
    monkeypatch.setattr(children, "start", slowly)
    with pytest.raises(KeyboardInterrupt):
        run_command(["sleep", "99"])
    assert is_gone(*groups)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 128 + 15), (signal.SIGHUP, 128 + 1)]
)
def test_a_signal_ends_the_whole_group(number: int, status: int, tmp_path: Path) -> None:
    command = ("sh", "-c", "trap '' INT; (trap '' TERM; sleep 99) & echo $$ > group; sleep 99")
    process = subprocess.Popen(started(*command), stdin=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": str(REPO)})
    group = int(wait_for(tmp_path / "group"))
    process.send_signal(number)
    assert process.wait(20) == status
    assert is_gone(group)


def test_the_command_has_the_terminal(tmp_path: Path) -> None:
    command = ("sh", "-c", 'echo > n; read -r line; echo "$line" >> said')
    with Terminal(started(*command), cwd=str(tmp_path)) as terminal:
        for _ in range(6):
            terminal.wait((tmp_path / "n").exists, "a command that reads", 30)
            (tmp_path / "n").unlink()
            terminal.press("x", "enter")
        assert terminal.exit_status(30) == 0
    assert (tmp_path / "said").read_text() == "x\n" * 6


def test_ctrl_c_in_a_terminal(tmp_path: Path) -> None:
    command = ("sh", "-c", "sleep 99 & echo $$ > group; echo ready; sleep 99")
    with Terminal(started(*command), cwd=str(tmp_path)) as terminal:
        terminal.wait_for("ready", timeout=30)
        group = int(wait_for(tmp_path / "group"))
        terminal.press("ctrl+c")
        assert terminal.exit_status(20) == 130
    assert is_gone(group)


def test_ctrl_z_gives_the_shell_its_terminal_back(tmp_path: Path) -> None:
    (tmp_path / "driver.py").write_text(DRIVER)
    (tmp_path / "slow").write_text("echo > n; until test -e go; do sleep 0.05; done\n")
    with Terminal(["bash", "--norc", "--noprofile", "-i"], cwd=str(tmp_path)) as terminal:
        terminal.press(f"{sys.executable} driver.py sh slow; echo status $?", "enter")
        terminal.wait((tmp_path / "n").exists, "a command", 30)
        terminal.press("\x1a")
        terminal.wait_for("Stopped", timeout=30)
        terminal.press("touch go; fg", "enter")
        terminal.wait_for("No leak: ", timeout=30)
        terminal.press("exit", "enter")
