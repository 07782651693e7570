"""`leaktop cut`: the piece against the recording that it was cut from."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from leaktop.engine.engine import Engine
from leaktop.model.sample import Event, Tick
from leaktop.recording.reader import Recording, read_file
from tests.cli.recorded import HEADER, MACHINE, START, growing, leaktop, tick, write, write_growing


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_growing(tmp_path_factory.mktemp("cut") / "a.leaktop")


def cut(path: Path, out: Path, *arguments: str) -> Recording:
    done = leaktop("cut", path, "-o", out, *arguments)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.startswith(str(out).encode())
    piece = read_file(str(out))
    assert piece.verify() == []
    return piece


def contents(recording: Recording) -> dict[float, dict[str, Any]]:
    return {t.mono: {s.probe: (s.content, s.fault) for s in t.samples} for _, t in recording.walk()}


def test_a_piece_is_what_was_there(recording: Path, tmp_path: Path) -> None:
    whole = read_file(str(recording))
    piece = cut(recording, tmp_path / "b.leaktop", "--from", "+100s", "--to=-50s")
    was, now = contents(whole), contents(piece)
    assert list(now) == [200.0 + i for i in range(150)]
    assert {mono: samples for mono, samples in now.items() if mono != 200.0} == {
        mono: was[mono] for mono in now if mono != 200.0
    }
    assert piece.header == whole.header
    assert [(e.kind, e.mono, e.text) for e in piece.events()] == [("mark", 250.0, "load on db01 begins")]
    assert (tmp_path / "b.leaktop").stat().st_mode & 0o777 == 0o600


def test_the_first_tick_holds_what_was_known(recording: Path, tmp_path: Path) -> None:
    whole, piece = read_file(str(recording)), cut(recording, tmp_path / "b.leaktop", "--from", "+95s")
    place = whole.at(START + 95)
    first = piece.first()
    assert place is not None
    assert first is not None
    known = {s.probe: (s.content, s.fault, round(s.mono, 1)) for s in whole.state(place).samples}
    assert {s.probe: (s.content, s.fault, round(s.mono, 1)) for s in piece.tick(first).samples} == known
    assert {"vmallocinfo", "processes", "kmemleak"} <= known.keys()
    frames = [Engine(MACHINE).feed(state) for state in (whole.state(place), piece.tick(first))]
    for name, section in frames[0].sections.items():
        assert [(row.key, row.size.value) for row in section.rows] == [
            (row.key, row.size.value) for row in frames[1].sections[name].rows
        ]


def test_all_of_it_is_the_default(recording: Path, tmp_path: Path) -> None:
    assert contents(cut(recording, tmp_path / "b.leaktop")) == contents(read_file(str(recording)))


def test_sessions_stay_apart(tmp_path: Path) -> None:
    again = HEADER._replace(machine=replace(MACHINE, boot_id="another"))
    later = [tick(400 + i, -390.0, meminfo=b"%d" % i) for i in range(9)]
    path = write(tmp_path / "a.leaktop", (HEADER, growing(20)), (again, later))
    piece = cut(path, tmp_path / "b.leaktop", "--from", "+10s", "--to", "+405s")
    assert [piece.header_at(place).machine.boot_id for place, _ in piece.walk()] == [MACHINE.boot_id] * 10 + [
        "another"
    ] * 6
    assert [event.kind for event in piece.events()] == ["reboot"]
    assert b"in 2 sessions" in leaktop("cut", path, "-o", tmp_path / "c.leaktop").stdout


def test_gaps_stay(tmp_path: Path) -> None:
    told: list[Tick | Event] = [
        tick(0, meminfo=b"a"),
        Event(200.0, START + 100, "suspend", "", 99.0),
        tick(100, meminfo=b"b"),
    ]
    path = write(tmp_path / "a.leaktop", (HEADER, told), (HEADER, [tick(200, meminfo=b"c"), tick(201, meminfo=b"d")]))
    was = [(event.kind, event.mono) for event in read_file(str(path)).events()]
    piece = cut(path, tmp_path / "b.leaktop")
    assert len(piece.stretches) == 1
    assert [(event.kind, event.mono) for event in piece.events()] == was == [("suspend", 200.0), ("gap", 300.0)]


def test_damage_is_left_out_and_said(recording: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.leaktop"
    content = bytearray(recording.read_bytes())
    stretch = read_file(str(recording)).stretches[1]
    content[stretch.offset + 30 : stretch.offset + stretch.length - 30] = os.urandom(stretch.length - 60)
    path.write_bytes(content)
    done = leaktop("cut", path, "-o", tmp_path / "b.leaktop")
    assert done.returncode == 0
    assert b"180 ticks" in done.stdout
    assert b"120 damaged ticks left out" in done.stdout
    piece = read_file(str(tmp_path / "b.leaktop"))
    assert piece.verify() == []
    monos = list(contents(piece))
    assert monos == [*(100.0 + i for i in range(120)), *(340.0 + i for i in range(60))]
    assert "gap" in [event.kind for event in piece.events()]
    # What the lost ticks last said of the slower probes is not lost with them.
    assert b"901" in (contents(piece)[340.0]["processes"][0] or b"")


def test_what_is_refused(recording: Path, tmp_path: Path) -> None:
    taken = tmp_path / "taken"
    taken.write_text("mine")
    done = leaktop("cut", recording, "-o", taken)
    assert (done.returncode, done.stdout, taken.read_text()) == (2, b"", "mine")
    assert b"is left alone" in done.stderr
    for arguments in (["--from", "end", "--to", "start"], ["--from", "x"], ["--from", "2030-01-01T00:00"]):
        done = leaktop("cut", recording, "-o", tmp_path / "none", *arguments)
        assert (done.returncode, done.stdout) == (2, b"")
        assert not (tmp_path / "none").exists()
    assert leaktop("cut", recording).returncode == 2


def test_redacted(recording: Path, tmp_path: Path) -> None:
    piece = cut(recording, tmp_path / "b.leaktop", "--redact")
    assert piece.header is not None
    assert piece.header.is_redacted
    text = b"".join(line for s in piece.stretches for line in piece.chapter(s.number).lines())
    document = leaktop("info", tmp_path / "b.leaktop", "--json").stdout
    for secret in (b"db01", b"corp.example", b"postgres", b"16e9c81f", b"UUID=5d1c", b"load on"):
        assert secret not in text + document
    changes = [
        json.loads(leaktop("diff", p, "start", "end", "--json").stdout) for p in (recording, tmp_path / "b.leaktop")
    ]
    figures = [[(c["kind"], c["bytes"], c["objects"]) for c in found["grown"]] for found in changes]
    assert figures[0] == figures[1]
