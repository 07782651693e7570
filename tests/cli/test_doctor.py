from __future__ import annotations

import json
import os
import subprocess
import sys
import warnings
from contextlib import redirect_stdout
from typing import TYPE_CHECKING, Any

import pytest

from leaktop.cli import main
from leaktop.control import kmemleak
from leaktop.sources.facilities import FACILITIES

if TYPE_CHECKING:
    from pathlib import Path

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become nobody")


def document(capsys: pytest.CaptureFixture[str], *options: str) -> dict[str, Any]:
    assert main(["doctor", "--json", *options]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def check_schema(found: dict[str, Any]) -> None:
    assert found.keys() == {"leaktop", "time", "kernel", "root", "uid", "probes", "facilities"}
    for probe in found["probes"]:
        assert probe.keys() == {"name", "path", "status", "reason", "remedy", "seconds", "bytes"}
        assert probe["status"] in {"ok", "unavailable"}
        assert (probe["status"] == "ok") or (probe["reason"] and probe["bytes"] is None)
    for facility in found["facilities"]:
        assert facility.keys() == {"name", "available", "detail", "remedy"}
        assert facility["available"] in {True, False, None}
        assert facility["detail"]
    assert [facility["name"] for facility in found["facilities"]] == list(FACILITIES)


def by_name(rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in rows}


def test_this_machine(capsys: pytest.CaptureFixture[str]) -> None:
    found = document(capsys)
    check_schema(found)
    assert found["kernel"] == os.uname().release
    assert found["uid"] == os.geteuid()
    probes = by_name(found["probes"])
    assert probes["meminfo"]["status"] == "ok"
    assert probes["meminfo"]["bytes"] > 500
    assert probes["meminfo"]["seconds"] > 0
    assert not [row for row in [*found["probes"], *found["facilities"]] if row["remedy"] == "report it"]


def test_text(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"{os.uname().nodename}, kernel {os.uname().release}, {os.uname().machine}, pages of ")
    assert lines[0].endswith(f"uid {os.geteuid()}")
    probes, facilities = lines[lines.index("Probes") :], lines[lines.index("Facilities") + 1 :]
    assert any(line.startswith("  ✓ yes  meminfo ") for line in probes)
    rows = [line for line in facilities if not line.lstrip().startswith("->")]
    assert [line[8:].strip().split()[0] for line in rows] == list(FACILITIES)
    details = {line.index(line[9:].split(maxsplit=1)[1]) for line in rows}
    assert len(details) == 1  # one column


@needs_root
def test_nobody(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # 3.12+ dislikes fork beside xdist's threads
        child = os.fork()
    if child == 0:
        status = 1
        try:
            with out.open("w") as file, redirect_stdout(file):
                os.setgroups([])
                os.setgid(65534)
                os.setuid(65534)
                status = main(["doctor", "--json"])
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    found = json.loads(out.read_text())
    check_schema(found)
    assert found["uid"] == 65534
    probes = by_name(found["probes"])
    for name in ("slabinfo", "vmallocinfo"):
        if os.path.exists(f"/proc/{name}"):
            assert probes[name]["status"] == "unavailable"
            assert probes[name]["remedy"] == "sudo leaktop"
    assert probes["meminfo"]["status"] == "ok"
    facilities = by_name(found["facilities"])
    for name in ("root", "CAP_SYS_ADMIN", "CAP_SYSLOG"):
        assert facilities[name]["available"] is False
        assert facilities[name]["remedy"] == "sudo leaktop doctor"


def test_read_only_asks_nothing(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def write() -> bool:
        raise AssertionError("wrote to the kernel")

    monkeypatch.setattr(kmemleak, "is_enabled", write)
    found = document(capsys, "--read-only")
    check_schema(found)
    assert "sock_diag" not in by_name(found["probes"])
    assert by_name(found["probes"])["net/tcp"]["bytes"] > 0
    assert by_name(found["facilities"])["tcp_diag"] == {
        "name": "tcp_diag",
        "available": None,
        "detail": "not asked: asking can load a module",
        "remedy": "leave out --read-only",
    }


def test_a_capture(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kmemleak, "is_enabled", lambda: pytest.fail("asked this machine"))
    (tmp_path / "proc/sys/kernel").mkdir(parents=True)
    (tmp_path / "proc/meminfo").write_text("MemTotal: 1024 kB\n")
    (tmp_path / "proc/sys/kernel/osrelease").write_text("5.4.0-x\n")
    (tmp_path / "proc/sys/kernel/hostname").write_text("\x1b[31mred\n")
    (tmp_path / "sys/kernel/debug").mkdir(parents=True)
    (tmp_path / "sys/kernel/debug/kmemleak").write_text("")
    found = document(capsys, "--root", str(tmp_path))
    check_schema(found)
    assert found["kernel"] == "5.4.0-x"
    assert found["root"] == str(tmp_path)
    probes = by_name(found["probes"])
    assert probes["meminfo"]["bytes"] == 18
    assert probes["slabinfo"]["reason"] == "/proc/slabinfo is not in this capture"
    assert by_name(found["facilities"])["kmemleak"]["available"] is True
    assert main(["doctor", "--root", str(tmp_path)]) == 0
    text = capsys.readouterr().out
    assert "\x1b" not in text
    assert text.startswith("\\x1b[31mred, kernel 5.4.0-x, unknown architecture, pages of 4.00K, captured in ")


def test_an_empty_tree(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    check_schema(document(capsys, "--root", str(tmp_path)))


@pytest.mark.parametrize("root", ["/nowhere", "/proc/version"])
def test_a_bad_root(capsys: pytest.CaptureFixture[str], root: str) -> None:
    assert main(["doctor", "--root", root]) == 2
    assert capsys.readouterr().err == f"leaktop: {root}: no such directory\n"


def test_a_terminal_without_unicode(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "leaktop", "doctor", "--root", str(tmp_path)],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"},
        check=True,
    )
    assert done.stderr == b""
    assert b"  - no   meminfo" in done.stdout
