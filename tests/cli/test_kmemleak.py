"""`leaktop kmemleak` and `leaktop check --kmemleak`: what they do to the kernel, what they say, how they end."""

from __future__ import annotations

import errno
import json
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from leaktop.cli import kmemleak as verb
from leaktop.cli import kmemleak_driving, kmemleak_trial, main, trial
from leaktop.control import kmemleak
from leaktop.control.kmemleak import KmemleakError
from leaktop.engine.kmemleak import confirming
from leaktop.engine.kmemleak.suppressions import Suppressions, put_in_force
from leaktop.model.sample import Fault, Machine, Probe, RawSample
from tests.cli.test_check import Kernel as GrowingKernel

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

DATA = Path(__file__).parents[1] / "data/kmemleak"
CAPTURE = DATA / "vm-6.12b-newline.txt"


def record(address: int, function: str, module: str = " [leaky]", comm: str = "insmod") -> str:
    return (
        f'unreferenced object 0x{address:x} (size 64):\n  comm "{comm}", pid 7, jiffies 5\n  backtrace (crc 0):\n'
        f"    __kmalloc_noprof+0x1/0x9\n    {function}+0x1/0x9{module}\n    probe+0x2/0x9 [other]\n"
    )


class Detector:
    """What kmemleak does: a leak is listed after two scans, and no more after a clear.

    Attributes:
        written: the commands that came.
        refusal: what every write fails with.
        fault: why the report cannot be read.
        lost: what leaks; one more scan finds it.
    """

    machine = Machine("6.12.0", "host", 4096, None, "x86_64", None, None, is_live=True)

    def __init__(self) -> None:
        self.written: list[str] = []
        self.refusal: str | None = None
        self.fault: Fault | None = None
        self.lost: list[str] = []
        self._young: list[str] = []
        self._listed: list[str] = []

    def scan(self) -> float:
        self.take("scan")
        self._listed += self._young
        self._young, self.lost[:] = self.lost[:], []
        return 1.5

    def clear(self) -> None:
        self.take("clear")
        self._listed = []

    def take(self, command: str) -> None:
        if self.refusal:
            raise KmemleakError(self.refusal)
        self.written.append(command)

    def source(self, *_arguments: object, **_options: object) -> Detector:
        self.probes: tuple[Probe, ...] = (Probe("kmemleak", "kmemleak", None, "sys/kernel/debug/kmemleak"),)
        return self

    def read(self, probe: Probe, _wanted: object = None) -> RawSample:
        content = None if self.fault else "".join(self._listed).encode()
        return RawSample(probe.name, content, self.fault, 1.0 + len(self.written), 1000.0)

    def close(self) -> None:
        """Nothing is open."""


@pytest.fixture(autouse=True)
def detector(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Detector]:
    mine = Detector()
    for name in ("scan", "clear"):
        monkeypatch.setattr(kmemleak, name, getattr(mine, name))
    monkeypatch.setattr(kmemleak, "set_stack_scans", lambda is_on: mine.take(f"stack={is_on}"))
    monkeypatch.setattr(kmemleak, "set_automatic_scans", lambda when: mine.take(f"scan={when}"))
    monkeypatch.setattr(kmemleak, "switch_off", lambda: mine.take("off"))
    monkeypatch.setattr(kmemleak, "is_enabled", lambda: True)
    monkeypatch.setattr(kmemleak_driving, "FileSystemSource", mine.source)
    monkeypatch.setattr(confirming, "WAIT", 0.0)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("SUDO_UID", raising=False)
    monkeypatch.chdir(tmp_path)
    yield mine
    put_in_force(Suppressions())


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    status = main(["kmemleak", *arguments])
    said = capsys.readouterr()
    return status, said.out, said.err


def answer(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, Any]:
    status, out, _ = run(capsys, *arguments, "--json")
    return status, json.loads(out)


def named(document: Any) -> list[str]:
    return [group["backtrace"][1] for group in document["groups"]]


def test_scan_scans_twice_and_tells_what_is_new(detector: Detector, capsys: pytest.CaptureFixture[str]) -> None:
    detector.lost += [record(1, "a")]
    assert run(capsys, "scan") == (
        1,
        (
            "kmemleak: 1 object in 1 group, two scans in 3s\n\n1 object of 64 bytes, 64, 1 new; by insmod\n"
            "    __kmalloc_noprof+0x1/0x9\n    a+0x1/0x9 [leaky]\n    probe+0x2/0x9 [other]\n"
            "  lines of source: /lib/modules/6.12.0/build/scripts/faddr2line leaky.ko a+0x1/0x9\n"
        ),
        "",
    )
    assert detector.written == ["scan", "scan"]
    detector.lost += [record(2, "a"), record(3, "b")]
    status, document = answer(capsys, "scan")
    assert (status, document["objects"], document["bytes"], document["scan_seconds"]) == (1, 3, 192, 3.0)
    assert [(name, group["new"]) for name, group in zip(named(document), document["groups"], strict=True)] == [
        ("a [leaky]", 1),
        ("b [leaky]", 1),
    ]
    assert document["groups"][0]["frames"][1] == "a+0x1/0x9 [leaky]"


def test_one_scan_does_not_find_what_just_leaked(detector: Detector, capsys: pytest.CaptureFixture[str]) -> None:
    detector.lost += [record(1, "a")]
    assert run(capsys, "scan", "--once")[:2] == (0, "kmemleak: no leaks, one scan in 1s\n")
    assert detector.written == ["scan"]


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ([], ["a [leaky]", "b"]),
        (["--module", "leaky"], ["a [leaky]"]),
        (["--module", "other"], ["a [leaky]", "b"]),
        (["--module", "leak"], []),
        (["--comm", "modprobe"], ["b"]),
        (["--comm", "mod"], []),
        (["--min-size", "128"], ["a [leaky]"]),
        (["--limit", "1"], ["a [leaky]"]),
    ],
)
def test_groups_are_filtered(
    detector: Detector, capsys: pytest.CaptureFixture[str], options: Sequence[str], names: list[str]
) -> None:
    detector.lost += [record(1, "a"), record(2, "a"), record(3, "b", "", "modprobe")]
    status, document = answer(capsys, "scan", *options)
    assert (named(document), status) == (names, 1 if names else 0)


def test_suppressed_groups_are_counted_and_are_no_leaks(
    detector: Detector, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    detector.lost += [record(1, "a"), record(2, "b")]
    run(capsys, "scan")
    (tmp_path / "list").write_text("a < probe\nb # the other\n")
    assert run(capsys, "show", "--suppressions", "list")[:2] == (0, "kmemleak: no leaks, 2 groups suppressed\n")
    (tmp_path / "config/leaktop").mkdir(parents=True)
    (tmp_path / "config/leaktop/kmemleak.suppressions").write_text("a\n")
    status, document = answer(capsys, "show")
    assert (status, named(document), document["suppressed"]) == (1, ["b [leaky]"], {"groups": 1, "objects": 1})
    assert named(answer(capsys, "show", "--all")[1]) == ["a [leaky]", "b [leaky]"]
    assert run(capsys, "show", "--suppressions", "gone")[0] == 2


def test_a_file_is_shown_whole(capsys: pytest.CaptureFixture[str]) -> None:
    status, document = answer(capsys, "show", str(CAPTURE), "--release", "6.12.0-lab")
    assert (status, document["kernel"]) == (1, "6.12.0-lab")
    assert document["objects"] == 34
    assert sum(group["count"] for group in document["groups"]) == CAPTURE.read_bytes().count(b"unreferenced object")
    out = run(capsys, "show", str(CAPTURE))[1]
    assert "a\\nb" in out
    assert all(line.isprintable() for line in out.split("\n"))


def test_what_is_no_report_is_no_answer(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "meminfo").write_text("MemTotal: 1 kB\n")
    status, out, err = run(capsys, "show", "meminfo")
    assert (status, out) == (2, "")
    assert "not a report of kmemleak" in err
    assert run(capsys, "show", "gone")[0] == 2


def test_why_nothing_can_be_read_is_said(detector: Detector, capsys: pytest.CaptureFixture[str]) -> None:
    detector.fault = Fault("disabled", "kmemleak is switched off", "boot with kmemleak=on")
    status, document = answer(capsys, "show")
    assert (status, document["status"], document["reason"]) == (2, "unavailable", "kmemleak is switched off")
    assert run(capsys, "show")[2] == "leaktop: kmemleak is switched off (boot with kmemleak=on)\n"


def test_a_refused_scan_is_said(detector: Detector, capsys: pytest.CaptureFixture[str]) -> None:
    detector.refusal = "kmemleak is off: booted with kmemleak=off"
    assert run(capsys, "scan") == (2, "", "leaktop: kmemleak is off: booted with kmemleak=off\n")


def test_clear_saves_first(detector: Detector, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    detector.lost += [record(1, "a")]
    run(capsys, "scan")
    (tmp_path / "saved").mkdir()
    status, document = answer(capsys, "clear", "--directory", "saved")
    path = Path(document["report"])
    assert (status, detector.written[-1], path.parent.name) == (0, "clear", "saved")
    assert path.read_text() == record(1, "a")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert run(capsys, "show")[:2] == (0, "kmemleak: no leaks\n")


def test_what_cannot_be_saved_is_not_cleared(detector: Detector, capsys: pytest.CaptureFixture[str]) -> None:
    status, _, err = run(capsys, "clear", "--directory", "gone")
    assert (status, detector.written) == (2, [])
    assert "nothing was cleared" in err
    detector.fault = Fault("missing", "no kmemleak here")
    assert run(capsys, "clear") == (2, "", "leaktop: nothing was cleared: no kmemleak here\n")


@pytest.mark.parametrize(
    ("words", "written"),
    [
        (["scan=on"], ["scan=True"]),
        (["scan=off", "stack=off"], ["scan=False", "stack=False"]),
        (["scan=600", "stack=on"], ["scan=600", "stack=True"]),
        (["off", "--yes-until-reboot"], ["off"]),
    ],
)
def test_settings_are_written(
    detector: Detector, capsys: pytest.CaptureFixture[str], words: list[str], written: list[str]
) -> None:
    assert run(capsys, "set", *words)[0] == 0
    assert detector.written == written


@pytest.mark.parametrize(
    "words", [["off"], ["scan=on", "off"], ["scan"], ["scan="], ["scan=-1"], ["scan=\N{SUPERSCRIPT TWO}"],
              ["stack=1"], ["scan=on", "bogus"]]
)  # fmt: skip
def test_a_wrong_setting_writes_nothing_at_all(
    detector: Detector, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    status, _, err = run(capsys, "set", *words)
    assert (status, detector.written) == (2, [])
    assert "--yes-until-reboot" in err or "is no setting" in err


@pytest.mark.parametrize("action", [["scan"], ["clear"], ["set", "scan=on"], ["dump", "0x1"]])
def test_read_only_and_a_captured_tree_are_never_written_to(
    detector: Detector, capsys: pytest.CaptureFixture[str], tmp_path: Path, action: list[str]
) -> None:
    assert main(["--read-only", "kmemleak", *action]) == 2
    assert main(["--root", str(tmp_path), "kmemleak", *action]) == 2
    said = capsys.readouterr().err
    assert "--read-only forbids" in said
    assert "captured tree" in said
    assert detector.written == []


@pytest.mark.parametrize(
    ("closed", "is_enabled", "status", "words"),
    [
        (None, True, 0, "kmemleak: on\nautomatic scans: off\n"),
        (None, False, 0, "kmemleak: off: booted with it off\n"),
        ("debugfs is not mounted", None, 2, "kmemleak: debugfs is not mounted\n"),
    ],
)
def test_status(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    closed: str | None,
    is_enabled: bool | None,
    status: int,
    words: str,
) -> None:
    monkeypatch.setattr(kmemleak, "closed", lambda **_: closed)
    monkeypatch.setattr(kmemleak, "is_enabled", lambda: is_enabled)
    monkeypatch.setattr(verb, "why_disabled", lambda: "booted with it off")
    monkeypatch.setattr(verb, "scans_by_itself", lambda: False)
    found, out, _ = run(capsys, "status")
    assert (found, out.startswith(words)) == (status, True)
    assert answer(capsys, "status")[1]["enabled"] is is_enabled


def test_a_dump_is_shown(
    detector: Detector, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kmemleak, "dump", lambda address: (f"Object {address} (size 64):", '  comm "\x1b[2J"'))
    assert run(capsys, "dump", "0x12") == (0, 'Object 0x12 (size 64):\n  comm "\\x1b[2J"\n', "")


# leaktop check --kmemleak


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, detector: Detector) -> Path:
    """A command that loses an object of a() with each run, and one of b() with the third."""
    mine = type("Mine", (GrowingKernel,), {"grown": tmp_path / "grown", "faults": {}})
    monkeypatch.setattr(trial, "FileSystemSource", mine)
    monkeypatch.setattr(trial, "LAST_REST", 0.0)
    monkeypatch.setattr(kmemleak_trial, "LAST_REST", 0.0)
    runs: list[int] = []

    def command(_command: object, _stdout: object) -> int:
        runs.append(1)
        detector.lost.append(record(len(runs), "a"))
        if len(runs) == 3:
            detector.lost.append(record(1000, "b"))
        return 0

    monkeypatch.setattr(trial, "run_command", command)
    return tmp_path


def checked(capsys: pytest.CaptureFixture[str], *options: str) -> tuple[int, Any]:
    status = main(["check", "--kmemleak", "--iterations", "6", "--settle", "0", "--json", *options, "--", "true"])
    return status, json.loads(capsys.readouterr().out)


def test_what_leaks_with_each_run_is_a_leak_and_what_leaked_before_is_not(
    gate: Path, detector: Detector, capsys: pytest.CaptureFixture[str]
) -> None:
    detector.lost += [record(5000 + i, "old") for i in range(20)]
    status, document = checked(capsys)
    assert (status, document["verdict"]) == (1, "leak")
    assert document["reason"].startswith("each of 6 runs lost 64 in a [leaky] < probe [other], 1 object")
    found = {found["name"]: found for found in document["per_iteration"]}
    assert [(name, entry["leak"]) for name, entry in found.items()] == [
        ("a [leaky] < probe [other]", True),
        ("b [leaky] < probe [other]", False),
    ]
    assert found["b [leaky] < probe [other]"]["note"] == "only 1 in 6 runs"
    assert [group["count"] for group in document["kmemleak"]["groups"]] == [6, 1]
    saved = Path(document["kmemleak"]["saved"]).read_text()
    assert saved.count("old+0x1") == 20
    assert detector.written == ["scan", "scan", "clear", "scan", "scan", "scan"]


def test_leaks_that_are_allowed_or_suppressed_are_none(
    gate: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    status, document = checked(capsys, "--max-growth", "64")
    assert (status, document["per_iteration"][0]["tolerated"]) == (0, True)
    (tmp_path / "config/leaktop").mkdir(parents=True)
    (tmp_path / "config/leaktop/kmemleak.suppressions").write_text("module:leaky\n")
    status, document = checked(capsys)
    assert (status, document["per_iteration"], document["kmemleak"]["suppressed_groups"]) == (0, [], 1)


def test_the_text_has_the_backtrace(gate: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--kmemleak", "--iterations", "6", "--settle", "0", "--", "true"]) == 1
    out = capsys.readouterr().out
    assert "6 objects of kmemleak's, 384:\n    __kmalloc_noprof+0x1/0x9\n    a+0x1/0x9 [leaky]\n" in out


@pytest.mark.parametrize("when", ["refused", "unread", "not saved"])
def test_without_kmemleak_there_is_no_answer(
    gate: Path, detector: Detector, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    if when == "refused":
        detector.refusal = "kmemleak is off: for a reason"
    elif when == "unread":
        detector.fault = Fault("missing", "no kmemleak here")
    else:
        detector.lost.append(record(7, "old"))

        def full(_content: bytes, _directory: str) -> str:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(kmemleak, "save_report", full)
    status, document = checked(capsys)
    assert (status, document["verdict"]) == (2, "unknown")
    assert "clear" not in detector.written


def test_read_only_refuses(gate: Path, detector: Detector, capsys: pytest.CaptureFixture[str]) -> None:
    status, document = checked(capsys, "--read-only")
    assert (status, document["reason"]) == (2, "--kmemleak writes to the kernel, which --read-only forbids")
    assert detector.written == []
