from __future__ import annotations

import io
import json
import os
import sys
from pathlib import Path

import pytest

from leaktop.cli import main, oom

DATA = Path(__file__).parents[1] / "data" / "oom"
EXPECTED = """\
At an unknown time: helper asked for one page, 0x140dca(GFP_HIGHUSER_MOVABLE|__GFP_ZERO|__GFP_COMP)
  killing helper (7982) freed 417M of the 464M in use: so it was that process

    bytes share  of 464M in use
     418M   90%  anonymous memory, page tables, stacks
    4.59M    1%  tmpfs, shared memory
    2.60M    1%  pages of files, reclaimable slab
    12.2M    3%  slab that cannot be reclaimed
    27.0M    6%  in no counter: drivers, vmalloc, pipes, balloons

  Allocations by line of code, the largest 2 of 10
    bytes   calls  line
     415M    106k  mm/memory.c:1207 func:folio_prealloc
    13.3M    1934  mm/slub.c:3282 func:alloc_slab_page

  Processes
      rss    swap    adj     uid      pid  name
     416M       0    500       0     7982  helper  killed
    1.41M       0  -1000       0     7983  sleep

  Killed
     anon    file   shmem  tables      pid  name
     415M   4.00K    628K    868K     7982  helper
"""


def test_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["oom", str(DATA / "vm-7.2b-oom_user.txt"), "--limit", "2"]) == 0
    assert capsys.readouterr().out == EXPECTED


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["oom", "--json", str(DATA / "vm-7.2b-oom_slab.txt")]) == 0
    document = json.loads(capsys.readouterr().out)
    [report] = document["reports"]
    assert document["notes"] == []
    assert (report["blame"], report["freed"], report["in_use"]) == ("held", 733184, 479322112)
    assert report["held"]["slab"] == report["memory"]["slab_unreclaimable"] == 104112 * 4096
    assert len(report["slab"]) == 90
    assert report["slab"][0] == {"name": "kmalloc-cg-1k", "used": 317022208, "total": 317046784}
    assert [task["name"] for task in report["tasks"]] == ["helper", "helper", "helper", "sleep"]
    assert report["killed"][0]["pid"] == 7977
    assert sum(report["held"].values()) == report["in_use"]


def test_standard_input_and_a_last_line_without_its_end(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    log = b"[5.0] Out of memory: Killed process 7 (\x1b[2Jx) total-vm:9kB, anon-rss:8kB, file-rss:0kB"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(log)))
    assert main(["oom", "-"]) == 0
    out = capsys.readouterr().out
    assert out.splitlines()[:2] == [
        "5s after boot: memory ran out; the beginning of the report is lost",
        "  killing \\x1b[2Jx (7) freed 8.00K: the report is cut, so whose memory it was is not known",
    ]
    assert "\x1b" not in out


def test_a_log_without_a_report(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    log = tmp_path / "dmesg"
    log.write_text("[0.0] Linux version 6.12\n")
    assert main(["oom", str(log)]) == 1
    assert capsys.readouterr() == ("", "No report of the OOM killer in it.\n")
    assert main(["oom", "--json", str(log)]) == 1
    assert json.loads(capsys.readouterr().out) == {"reports": [], "notes": []}


def test_a_file_that_is_not_there(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["oom", str(tmp_path / "gone")]) == 2
    assert capsys.readouterr().err == f"leaktop: cannot read {tmp_path / 'gone'}: No such file or directory\n"


def test_without_permission_it_says_what_helps(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*, from_start: bool) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(oom, "KernelLog", refuse)
    assert main(["oom"]) == 2
    assert "sudo leaktop oom, or journalctl -k | leaktop oom -" in capsys.readouterr().err


@pytest.mark.skipif(not os.access("/dev/kmsg", os.R_OK), reason="no /dev/kmsg that we may read")
def test_this_machine(capsys: pytest.CaptureFixture[str]) -> None:
    status = main(["oom", "--json"])
    assert status == (0 if json.loads(capsys.readouterr().out)["reports"] else 1)
