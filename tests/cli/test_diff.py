"""`leaktop diff`: growth between two moments against the captures that the recording was made of."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.cli.recorded import HEADER, MACHINE, growing, leaktop, tick, write, write_growing

KEYS = ["kind", "section", "name", "bytes", "from_bytes", "to_bytes", "objects", "bytes_per_s", "is_cache", "note"]


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_growing(tmp_path_factory.mktemp("diff") / "a.leaktop")


def diff(path: Path, *arguments: str) -> dict[str, Any]:
    done = leaktop("diff", path, *arguments, "--json")
    assert (done.returncode, done.stderr) == (0, b"")
    found: dict[str, Any] = json.loads(done.stdout)
    assert set(found) == {"from", "to", "seconds", "grown", "shrunk", "notes"}
    assert all(list(change) == KEYS for change in found["grown"] + found["shrunk"])
    return found


def by_name(changes: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {change["name"]: change for change in changes}


def test_what_grew_and_what_went(recording: Path) -> None:
    found = diff(recording, "start", "end")
    assert (found["from"], found["to"]) == ("2026-11-21T11:20:00.000+00:00", "2026-11-21T11:24:59.000+00:00")
    assert found["seconds"] == 299.0
    grown = by_name(found["grown"])
    slab = grown["kmalloc-64"]
    assert (slab["kind"], slab["section"], slab["bytes"], slab["objects"]) == ("slab", "slab", 299 * 4096, 299 * 64)
    assert slab["to_bytes"] - slab["from_bytes"] == slab["bytes"]
    assert slab["bytes_per_s"] == pytest.approx(4096)
    assert (grown["late (901)"]["from_bytes"], grown["late (901)"]["note"]) == (0, "new")
    assert grown["postgres (812)"]["bytes"] == 4096 * 290
    assert grown["/run"]["bytes"] == 4096 * 298
    gone = by_name(found["shrunk"])["early (900)"]
    assert (gone["bytes"], gone["to_bytes"], gone["note"]) == (-(1 << 22), 0, "gone")
    order = [(change["is_cache"], -change["bytes"]) for change in found["grown"]]
    assert order == sorted(order)
    assert any("kmemleak" in note for note in found["notes"])


@pytest.mark.parametrize(
    ("before", "after", "seconds"),
    [("+10s", "-9s", 280.0), ("11:21", "11:22:30", 90.0), ("2026-11-21T11:21:00", "end", 239.0), ("-1m", "-30s", 30.0)],
)
def test_moments(recording: Path, before: str, after: str, seconds: float) -> None:
    found = diff(recording, before, after)
    assert found["seconds"] == seconds
    assert by_name(found["grown"])["kmalloc-64"]["bytes"] == seconds * 4096


def test_moments_that_are_odd(recording: Path) -> None:
    swapped = diff(recording, "end", "start")
    assert swapped["grown"] == diff(recording, "start", "end")["grown"]
    assert any("swapped" in note for note in swapped["notes"])
    outside = diff(recording, "-2d", "2030-01-01T00:00")
    assert outside["seconds"] == 299.0
    assert sum("lies outside" in note for note in outside["notes"]) == 2
    same = diff(recording, "start", "start")
    assert (same["grown"], same["seconds"]) == ([], 0.0)
    assert any("same tick" in note for note in same["notes"])
    done = leaktop("diff", recording, "yesterday", "end")
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"'yesterday' is no time" in done.stderr


def test_section_and_limit(recording: Path) -> None:
    found = diff(recording, "start", "end", "--section", "slab", "--limit", "1")
    assert [change["name"] for change in found["grown"]] == ["kmalloc-64"]
    assert by_name(diff(recording, "start", "end", "--section", "memory")["shrunk"])["MemFree"]["bytes"] == -299 * 1024
    assert "MemFree" not in by_name(diff(recording, "start", "end")["shrunk"])
    assert leaktop("diff", recording, "start", "end", "--section", "nonsense").returncode == 2


def test_what_can_be_reclaimed_comes_last(tmp_path: Path) -> None:
    links = b"# leaktop slab_links 1\ndentry\tdir\t1\nkmalloc-64\tdir\t0\n"
    entries = growing(9)
    entries.insert(0, tick(-1, slab_links=links))
    path = write(tmp_path / "a.leaktop", (HEADER, entries))
    found = diff(path, "+1s", "end", "--section", "slab")["grown"]
    assert [(change["name"], change["is_cache"]) for change in found] == [("kmalloc-64", False), ("dentry", True)]


def test_another_machine(tmp_path: Path) -> None:
    other = HEADER._replace(machine=replace(MACHINE, boot_id="b", hostname="db02", release="6.12"))
    later = [tick(500, -480.0, slabinfo=b"slabinfo - version: 2.1\nx 1 9 8 1 1 : tunables 0 0 0 : slabdata 9 9 0\n")]
    path = write(tmp_path / "a.leaktop", (HEADER, growing(5)), (other, later))
    found = diff(path, "start", "end")
    assert any("two machines" in note for note in found["notes"])
    assert by_name(found["grown"])["x"]["bytes"] == 9 * 4096
    assert "kmalloc-64" in by_name(found["shrunk"])
    assert found["seconds"] == 500.0


def test_the_text(recording: Path) -> None:
    done = leaktop("diff", recording, "start", "end", "--limit", "3")
    lines = done.stdout.decode().splitlines()
    assert (done.returncode, done.stderr) == (0, b"")
    assert lines[0] == "From 2026-11-21 11:20:00 to 2026-11-21 11:24:59, 4m59s"
    assert any(line.split()[:5] == ["+1.17M", "+240K/m", "1.94M", "+19136", "slab"] for line in lines) or any(
        "kmalloc-64" in line and "+1.17M" in line for line in lines
    )
    assert sum(line.startswith(("Grown", "Shrunk")) for line in lines) == 2
