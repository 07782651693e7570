"""`leaktop report`: the verdict and what it rests on, in four formats, of recordings, captures and this machine."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from leaktop.cli.watching import Watch
from tests.cli.recorded import HEADER, MACHINE, REPOSITORY, leaktop, meminfo, slabinfo, tick, write, write_growing
from tests.corpus import DATA, TESTS
from tests.view.test_report_formats import Page

DEMO = REPOSITORY / "leaktop/cli/demo.leaktop"
REAL = [DEMO, *sorted((DATA / "recordings").glob("*.leaktop")), *sorted((TESTS / "scenarios").glob("*-udp.leaktop"))]
TSPACKET = Path(os.environ.get("LEAKTOP_REFERENCE", TESTS.parents[1] / "shared/reference")) / "tspacket"
CLASSES = {
    "kernel-leak", "user-leak", "fd-leak", "socket-backlog", "tmpfs-growth", "cache-growth", "balloon", "hugepages",
    "none", "insufficient",
}  # fmt: skip
FORMATS = ("text", "markdown", "html", "json")


def report(*arguments: str | Path, **more: str) -> dict[str, Any]:
    done = leaktop("report", *arguments, "--format", "json", **more)
    assert (done.returncode, done.stderr) == (0, b"")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_growing(tmp_path_factory.mktemp("report") / "a.leaktop")


@pytest.mark.parametrize("path", REAL, ids=lambda path: path.stem)
def test_json_has_its_keys_and_types(path: Path) -> None:
    found = report(path)
    assert found["verdict"]["class"] in CLASSES
    assert found["verdict"]["summary"]
    assert found["watched_s"] > 20
    for suspect in found["suspects"]:
        assert isinstance(suspect["name"], str)
        assert isinstance(suspect["kind"], str)
        assert isinstance(suspect["bytes"], int)
        assert isinstance(suspect["leak"], bool)
        assert 0 <= suspect["confidence"] <= 1
        assert all(isinstance(text, str) for key in ("aliases", "evidence", "next") for text in suspect[key])
        for key in ("bytes_per_s", "low", "high", "seconds", "share", "eta_s"):
            assert suspect[key] is None or isinstance(suspect[key], int | float)
    assert found["triage"]
    for step in found["triage"]:
        assert step["finding"] in {"fine", "suspect", "unknown"}
        assert all(isinstance(step[key], str) for key in ("step", "value", "detail"))
    for key in ("release", "hostname", "cmdline", "boot_id", "page_size", "architecture", "uptime_s", "memory_bytes"):
        assert found["machine"][key]
    assert found["ticks"] == found["ticks_looked_at"] > 20
    assert found["leaktop"]


def test_a_leak_is_named_first(recording: Path) -> None:
    found = report(recording)
    assert found["verdict"]["class"] == "kernel-leak"
    first = found["suspects"][0]
    assert (first["kind"], first["name"], first["leak"]) == ("slab", "kmalloc-64", True)
    assert first["bytes_per_s"] == pytest.approx(4096, rel=0.02)
    assert first["bytes"] == 299 * 4096
    assert found["machine"]["hostname"] == MACHINE.hostname
    assert (found["from"], found["to"]) == ("2026-11-21 11:20:00 UTC", "2026-11-21 11:24:59 UTC")
    assert [event["text"] for event in found["events"]] == ["load on db01 begins"]
    assert "kmemleak" in found["unavailable"]


def test_text_says_the_same(recording: Path) -> None:
    done = leaktop("report", recording)
    assert (done.returncode, done.stderr) == (0, b"")
    text = done.stdout.decode()
    assert text.startswith("Kernel memory leak (kernel-leak)\n")
    for words in ("kmalloc-64", "▁▁", "Triage", "6.18.44", "db01.corp.example", "4096 bytes", "load on db01 begins",
                  "16e9c81f-90e0-4a11-8af6-de8ad5eed555", "x86_64", "4m59s", "300, one every 1 s"):  # fmt: skip
        assert words in text, words


def test_a_terminal_without_unicode_is_drawn_on_in_ascii(recording: Path) -> None:
    done = leaktop("report", recording, LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
    assert done.returncode == 0
    assert done.stdout.isascii()
    assert b"_." in done.stdout
    assert b"..::" in done.stdout
    assert b"\\u2581" not in done.stdout


@pytest.mark.parametrize("path", REAL, ids=lambda path: path.stem)
def test_html_of_real_recordings(path: Path, tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    done = leaktop("report", path, "-o", out)
    assert (done.returncode, done.stdout) == (0, b"")
    page = out.read_text()
    assert not Page(page).tags & {"script", "link", "img", "a"}
    assert page.count("<svg") >= 2
    assert stat.S_IMODE(out.stat().st_mode) == 0o600


def test_the_format_is_what_the_name_ends_with_unless_said(recording: Path, tmp_path: Path) -> None:
    for name, start in (("a.md", b"## leaktop"), ("a.json", b"{"), ("a.html", b"<!DOCTYPE"), ("a.txt", b"Kernel")):
        assert leaktop("report", recording, "-o", tmp_path / name).returncode == 0
        assert (tmp_path / name).read_bytes().startswith(start)
    assert leaktop("report", recording, "-o", tmp_path / "b.html", "--format", "text").returncode == 0
    assert (tmp_path / "b.html").read_bytes().startswith(b"Kernel")


def test_a_report_is_the_same_every_time(recording: Path) -> None:
    for form in FORMATS:
        first, second = (leaktop("report", recording, "--format", form).stdout for _ in range(2))
        assert first == second


def test_nothing_is_written_over_and_no_link_is_followed(recording: Path, tmp_path: Path) -> None:
    there = tmp_path / "there"
    there.write_text("mine")
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "elsewhere")
    for out in (there, link):
        done = leaktop("report", recording, "-o", out)
        assert (done.returncode, done.stdout) == (2, b"")
        assert b"left alone" in done.stderr
    assert there.read_text() == "mine"
    assert not (tmp_path / "elsewhere").exists()
    assert b"No such file" in leaktop("report", recording, "-o", tmp_path / "no/where").stderr


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("nowhere.leaktop",),
        ("empty",),
        ("a.leaktop", "--live", "1s"),
        ("--live", "soon"),
        ("a.leaktop", "--from", "x"),
    ],
)
def test_what_cannot_be_read_is_said_and_leaves_nothing_behind(
    arguments: tuple[str, ...], recording: Path, tmp_path: Path
) -> None:
    (tmp_path / "empty").write_bytes(b"")
    given = [recording if word == "a.leaktop" else tmp_path / word if word == "empty" else word for word in arguments]
    done = leaktop("report", *given, "-o", tmp_path / "out.html")
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"leaktop" in done.stderr
    assert b"Traceback" not in done.stderr
    assert not (tmp_path / "out.html").exists()


def test_a_part_of_it(recording: Path) -> None:
    found = report(recording, "--from", "+100s", "--to", "-100s")
    assert found["ticks"] == 100
    assert found["suspects"][0]["bytes"] == 99 * 4096


def test_the_last_of_two_boots_is_judged(tmp_path: Path) -> None:
    later = HEADER._replace(machine=MACHINE)
    again = [tick(i, 5.0, slabinfo=slabinfo(i), meminfo=meminfo(9000000)) for i in range(10)]
    before = [tick(i, slabinfo=slabinfo(i), meminfo=meminfo(9000000)) for i in range(40)]
    found = report(write(tmp_path / "a", (HEADER, before), (later, again)))
    assert (found["ticks"], found["verdict"]["class"]) == (10, "insufficient")
    assert any("2 sessions" in note for note in found["notes"])


def test_a_damaged_recording_is_judged_by_what_is_left(tmp_path: Path) -> None:
    entries = [tick(i, slabinfo=slabinfo(i), meminfo=meminfo(9000000)) for i in range(40)]
    path = write(
        tmp_path / "a", (HEADER, entries), (HEADER, [tick(60 + i, slabinfo=slabinfo(60 + i)) for i in range(40)])
    )
    content = bytearray(path.read_bytes())
    content[len(content) // 4] ^= 0xFF
    path.write_bytes(content)
    found = report(path)
    assert found["damage"]
    assert found["suspects"]


def test_the_packet_that_was_never_freed(tmp_path: Path) -> None:
    if not TSPACKET.is_dir():
        pytest.skip(f"no reference capture: {TSPACKET} is absent")
    done = leaktop("report", TSPACKET, "--format", "json")
    found = json.loads(done.stdout)
    assert found["verdict"]["class"] == "insufficient"
    assert "TSPacket" in found["verdict"]["summary"]
    assert "skbuff_head_cache" in found["verdict"]["summary"]
    (unit,) = found["lockstep"]
    assert sorted(unit["members"]) == ["Acpi-ParseExt", "kmalloc-2048", "kmalloc-256"]
    assert (unit["ratio"], unit["bytes_per_unit"], unit["units_per_s"]) == ([1, 1, 1], 2376, None)


def test_loose_listings(tmp_path: Path) -> None:
    """The same kind of case, made up: a driver's objects hide in a merged cache, and each holds a buffer."""
    columns = ": tunables    0    0    0 : slabdata  {0}  {0}      0\n"
    (tmp_path / "slabinfo.txt").write_text(
        "slabinfo - version: 2.1\n"
        f"Acpi-State        900100 900200     80   51    1 {columns.format(17651)}"
        f"kmalloc-1024      900000 900100   1024   16    4 {columns.format(56257)}"
        f"dentry            123456 123460    192   21    1 {columns.format(5879)}"
    )
    (tmp_path / "ls-l_sys_kernel_slab").write_text(
        "lrwxrwxrwx 1 root root 0 Nov 27 15:20 Acpi-State -> :t-0000080\n"
        "lrwxrwxrwx 1 root root 0 Nov 27 15:20 RFPacket -> :t-0000080\n"
        "drwxr-xr-x 2 root root 0 Nov 27 15:20 :t-0000080\n"
    )
    found = json.loads(leaktop("report", tmp_path, "--format", "json").stdout)
    (unit,) = found["lockstep"]
    assert (unit["members"], unit["ratio"], unit["bytes_per_unit"]) == (["kmalloc-1024", "Acpi-State"], [1, 1], 1104)
    assert "RFPacket" in found["verdict"]["summary"]


def test_hostile_names_on_standard_output(tmp_path: Path) -> None:
    evil = "</script>\x1b[31m|`x`"
    machine = MACHINE.__class__(evil, evil, 4096, evil, evil, evil, vmap_stack=None, is_live=False)
    entries = [tick(i, slabinfo=slabinfo(i), meminfo=meminfo(9000000)) for i in range(40)]
    path = write(tmp_path / "a", (HEADER._replace(machine=machine), entries))
    for form in FORMATS:
        done = leaktop("report", path, "--format", form)
        assert done.returncode == 0
        assert b"\x1b" not in done.stdout
    Page(leaktop("report", path, "--format", "html").stdout.decode())
    assert report(path)["machine"]["hostname"] == evil


def test_live(tmp_path: Path) -> None:
    found = report("--live", "2s", "--read-only")
    assert found["verdict"]["class"] in CLASSES
    assert 1 <= found["ticks"] <= 4
    assert found["machine"]["release"] == os.uname().release
    assert found["machine"]["uptime_s"] > 0
    assert found["source"]["file"] is None
    done = leaktop("report", "--live", "0.2s", "--read-only", "-o", tmp_path / "live.html")
    assert done.returncode == 0
    Page((tmp_path / "live.html").read_text())


def test_ctrl_c_ends_watching_and_reports_what_was_seen() -> None:
    child = subprocess.Popen(
        [sys.executable, "-m", "leaktop", "report", "--live", "5m", "--read-only", "--format", "json"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=REPOSITORY,
    )  # fmt: skip
    time.sleep(4)
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=20)
    assert (child.returncode, err) == (0, b"")
    assert 1 <= json.loads(out)["ticks"] <= 6


def test_a_signal_leaves_no_half_of_a_report(tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    child = subprocess.Popen(
        [sys.executable, "-m", "leaktop", "report", "--live", "5m", "--read-only", "-o", str(out)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=REPOSITORY,
    )  # fmt: skip
    end = time.monotonic() + 20
    while not out.exists() and time.monotonic() < end:
        time.sleep(0.05)
    child.terminate()
    _, err = child.communicate(timeout=20)
    assert (child.returncode, err) == (128 + signal.SIGTERM, b"")
    assert not out.exists()


def test_where_nothing_is_read_there_is_nothing_to_report(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("leaktop.cli.watching._FIRST_TICK", 0.1)
    monkeypatch.setattr("leaktop.cli.watching.Poller.start", lambda _poller: None)
    assert Watch(0.1, is_read_only=True).run() is None


def test_verbs_that_only_print_load_no_screen() -> None:
    code = "import sys, leaktop.cli.report; print({'textual', 'rich', 'plotext'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=REPOSITORY, check=True)
    assert done.stdout == "set()\n"
