"""`leaktop info`: the counts against a walk over every tick, and what it says of files that are none."""

from __future__ import annotations

import json
import os
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from leaktop.model.sample import Event, Tick
from leaktop.recording.lines import header_line
from leaktop.recording.reader import read_file
from leaktop.recording.tally import tally
from leaktop.zstd import CompressionParameter, ZstdCompressor
from tests.cli.recorded import HEADER, MACHINE, START, growing, leaktop, tick, write, write_growing

KEYS = ["ticks", "duration_s", "bytes", "bytes_per_tick", "probes", "gaps", "damage", "header"]


def document(path: Path) -> dict[str, Any]:
    done = leaktop("info", path, "--json")
    assert (done.returncode, done.stderr) == (0, b"")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_the_document(tmp_path: Path) -> None:
    path = write_growing(tmp_path / "a.leaktop")
    found = document(path)
    assert list(found)[: len(KEYS)] == KEYS
    assert (found["ticks"], found["duration_s"], found["bytes"]) == (300, 299.0, path.stat().st_size)
    assert found["bytes_per_tick"] == round(path.stat().st_size / 300, 1)
    assert (found["gaps"], found["damage"], found["chapters"]) == ([], [], 3)
    assert found["events"] == [
        {"at": "2026-11-21T11:22:30.000+00:00", "kind": "mark", "text": "load on db01 begins"}
    ]  # fmt: skip
    assert found["header"]["hostname"] == "db01.corp.example"
    assert (found["header"]["interval_s"], found["header"]["redacted"]) == (1.0, False)


def test_the_counts_are_those_of_a_walk(tmp_path: Path) -> None:
    entries = growing(130)
    odd = 'back\\slash "quote" \udcff \x00 é","ms":7,"text":"x\n'.encode("utf-8", "surrogateescape")
    entries += [tick(130 + i, slabinfo=odd, net__unix=odd * 2, meminfo=b"") for i in range(5)]
    path = write(tmp_path / "a.leaktop", (HEADER, entries))
    samples: dict[str, list[tuple[int, bool, float]]] = {}
    for _, read in read_file(str(path)).walk():
        for sample in read.samples:
            size = len(sample.content or b"")
            samples.setdefault(sample.probe, []).append((size, sample.content is None, sample.cost * 1000))
    found = document(path)["probes"]
    cadences = {probe.name: probe.cadence for probe in HEADER.probes}
    assert found == {
        name: {
            "samples": len(reads),
            "bytes": sum(size for size, *_ in reads),
            "faults": sum(fault for _, fault, _ in reads),
            "cadence_s": cadences[name],
            "median_ms": round(median(cost for *_, cost in reads), 3),
        }
        for name, reads in samples.items()
    }
    assert found["kmemleak"]["faults"] == 1


def test_lines_of_another_hand_are_counted_alike(tmp_path: Path) -> None:
    path = write_growing(tmp_path / "a.leaktop", 20)
    recording = read_file(str(path))
    own = tally(recording)
    lines: list[bytes] = []
    for line in recording.chapter(0).lines():
        body = json.loads(line)
        del body["crc"]
        lines.append(json.dumps(dict(reversed(body.items())) if len(lines) % 2 else body).encode())
    text = header_line(HEADER) + b"\n".join(lines) + b"\n"
    packer = ZstdCompressor(options={CompressionParameter.checksum_flag: 1})
    other = tmp_path / "b.leaktop"
    other.write_bytes(packer.compress(text, ZstdCompressor.FLUSH_FRAME))
    foreign = tally(read_file(str(other)))
    assert (foreign.ticks, foreign.seconds) == (own.ticks, own.seconds) == (20, 19.0)
    assert {name: (p.samples, p.bytes, p.faults) for name, p in foreign.probes.items()} == {
        name: (p.samples, p.bytes, p.faults) for name, p in own.probes.items()
    }


def test_gaps_and_boots(tmp_path: Path) -> None:
    again = HEADER._replace(machine=MACHINE.__class__(**{**_facts(), "boot_id": "another"}))
    first: list[Tick | Event] = [
        tick(0, meminfo=b"a"),
        Event(150.0, START + 50, "gap", "", 50.0),
        tick(50, meminfo=b"b"),
    ]
    second = [tick(200, -190.0, meminfo=b"c"), tick(210, -190.0, meminfo=b"d")]
    found = document(write(tmp_path / "a.leaktop", (HEADER, first), (again, second)))
    assert (found["ticks"], found["duration_s"]) == (4, 60.0)
    assert found["gaps"][0] == {"at": "2026-11-21T11:20:50.000+00:00", "seconds": 50.0, "kind": "gap"}
    assert "reboot" in [gap["kind"] for gap in found["gaps"]]


def _facts() -> dict[str, Any]:
    return {name: getattr(MACHINE, name) for name in MACHINE.__dataclass_fields__}


def test_the_text_fits_a_terminal_and_obeys_nothing(tmp_path: Path) -> None:
    evil = HEADER._replace(machine=MACHINE.__class__(**{**_facts(), "hostname": "\x1b[2Jh", "cmdline": "a=b " * 90}))
    path = write(tmp_path / "a.leaktop", (evil, growing(60)))
    done = leaktop("info", path)
    lines = done.stdout.decode().splitlines()
    assert (done.returncode, done.stderr) == (0, b"")
    assert max(map(len, lines)) <= 80
    assert all(line.isprintable() for line in lines)
    assert any(line.split()[:3] == ["slabinfo", "60", "0"] for line in lines)
    assert b"\\x1b[2Jh" in done.stdout


@pytest.mark.parametrize("how", ["cut", "damaged"])
def test_what_is_damaged_is_listed(tmp_path: Path, how: str) -> None:
    path = write_growing(tmp_path / "a.leaktop")
    content = bytearray(path.read_bytes())
    length = read_file(str(path)).stretches[0].length
    if how == "cut":
        del content[length + 1000 :]
    else:
        content[length // 2 : length // 2 + 64] = os.urandom(64)
    path.write_bytes(content)
    found = document(path)
    assert 0 < found["ticks"] < 300
    assert found["damage"]
    assert set(found["damage"][0]) == {"offset", "bytes", "reason", "from", "to", "ticks"}
    walked = sum(1 for _, read in read_file(str(path)).walk() if read.samples)
    assert found["ticks"] == walked
    assert b"damage: 1" in leaktop("info", path).stdout


def test_what_is_no_recording_is_refused_in_a_sentence(tmp_path: Path) -> None:
    text, packed, empty = tmp_path / "text", tmp_path / "other.zst", tmp_path / "empty"
    text.write_text("lorem ipsum\n" * 100)
    packed.write_bytes(ZstdCompressor().compress(b"lorem ipsum\n" * 100, ZstdCompressor.FLUSH_FRAME))
    empty.write_bytes(b"")
    (tmp_path / "directory").mkdir()
    for path in (text, packed, empty, tmp_path / "directory", tmp_path / "missing", "/dev/null", "/bin/sh"):
        for more in ([], ["--json"]):
            done = leaktop("info", path, *more)
            assert (done.returncode, done.stdout) == (2, b""), path
            assert done.stderr.startswith(b"leaktop: ")
            assert len(done.stderr.splitlines()) == 1
            assert b"Traceback" not in done.stderr
