"""`leaktop export`: every table against the parsers' own records."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from leaktop.engine.sections import SECTIONS
from leaktop.parsers.slabinfo import parse_slabinfo
from leaktop.recording.reader import read_file
from tests.cli.recorded import HEADER, capture, growing, leaktop, slabinfo, tick, tick_of, write, write_growing

NAMES = [rule.name for rule in SECTIONS]


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_growing(tmp_path_factory.mktemp("export") / "a.leaktop", 40)


def exported(*arguments: str | Path, **more: str) -> bytes:
    done = leaktop("export", *arguments, **more)
    assert (done.returncode, done.stderr) == (0, b"")
    return done.stdout


def json_rows(*arguments: str | Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in exported(*arguments).splitlines()]


def csv_rows(*arguments: str | Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(exported(*arguments, "--format", "csv").decode(), newline="")))


def test_json_lines_hold_all_sections_as_they_were_read(recording: Path) -> None:
    rows = json_rows(recording)
    per_tick = Counter((row["section"], row["mono"]) for row in rows)
    assert {mono for section, mono in per_tick if section == "slab"} == {100.0 + i for i in range(40)}
    assert {mono for section, mono in per_tick if section == "tmpfs"} == {100.0 + i for i in range(0, 40, 2)}
    assert {mono for section, mono in per_tick if section == "processes"} == {100.0 + i for i in range(0, 40, 10)}
    assert {mono for section, mono in per_tick if section == "vmalloc"} == {100.0}
    assert not any(section == "kmemleak" for section, _ in per_tick)
    assert rows[0]["time"] == "2026-11-21T11:20:00.000+00:00"
    caches = [row for row in rows if row["section"] == "slab" and row["mono"] == 107.0]
    records = parse_slabinfo(slabinfo(7))
    assert [tuple(row[name] for name in record._fields) for row, record in zip(caches, records, strict=True)] == [
        tuple(record) for record in records
    ]
    assert all(row["bytes"] == row["num_slabs"] * row["pagesperslab"] * 4096 for row in caches)
    assert all(isinstance(row["aliases"], list) for row in caches)
    assert {row["name"] for row in rows if row["section"] == "memory"} >= {"MemTotal", "MemFree", "HugePages_Total"}
    assert "residual" not in {row["name"] for row in rows if row["section"] == "memory"}


def test_csv_is_the_same_table(recording: Path) -> None:
    for section in NAMES:
        rows, wanted = csv_rows(recording, "--section", section), json_rows(recording, "--section", section)
        assert len(rows) == len(wanted)
        for row, want in zip(rows, wanted, strict=True):
            assert list(row) == [name for name in want if name != "section"]
            for name, cell in row.items():
                value = want[name]
                words = {True: "true", False: "false"}
                text = words[value] if isinstance(value, bool) else "" if value is None else str(value)
                assert cell == (json.dumps(value, separators=(",", ":")) if isinstance(value, list) else text)


def test_a_span(recording: Path) -> None:
    rows = json_rows(recording, "--section", "slab", "--from", "+10s", "--to=-9s")
    assert {row["mono"] for row in rows} == {100.0 + i for i in range(10, 31)}
    done = leaktop("export", recording, "--from", "11:50")
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"no tick lies between" in done.stderr


def test_joined_probes_come_from_before_the_span(tmp_path: Path) -> None:
    links = b"# leaktop slab_links 1\n:0000064\tdir\t-\nkmalloc-64\tlink\t:0000064\nvmap_area\tlink\t:0000064\n"
    path = write(tmp_path / "a.leaktop", (HEADER, [tick(0, slab_links=links), *growing(9)[1:]]))
    rows = json_rows(path, "--section", "slab", "--from", "+5s")
    assert {tuple(row["aliases"]) for row in rows if row["name"] == "kmalloc-64"} == {("vmap_area",)}
    assert {row["mono"] for row in rows} == {105.0, 106.0, 107.0, 108.0}


def test_rows_of_a_section_keep_the_pace_of_their_own_probe(tmp_path: Path) -> None:
    mounts = b"# leaktop tmpfs 1\n/run\ttmpfs\t1\t2\t0:25\n"
    files = b"# leaktop open_files 1\nmemfd\t/memfd:x\t1\t2\t7\tsh\t3\t1\n"
    path = write(tmp_path / "a.leaktop", (HEADER, [tick(0, tmpfs=mounts, open_files=files), tick(2, tmpfs=mounts)]))
    rows = json_rows(path)
    assert [(row["mono"], row["kind"]) for row in rows] == [(100.0, "tmpfs"), (100.0, "memfd"), (102.0, "tmpfs")]


def test_a_spreadsheet_runs_nothing(tmp_path: Path) -> None:
    names = [
        "=cmd()",
        "+1",
        "-1",
        "@x",
        "\\tx",
        "\\rx",
        "plain",
        'quote"comma,',
        "line\\nbreak",
        "\udcff\x1b",
        "a;=1",
        "＝1",
        "a-b=c",
    ]
    lines = "".join(f"{i}\t1\t{name}\t0\t0\t0\t0\t0\t1\t0\n" for i, name in enumerate(names))
    listed = f"# leaktop processes 1\n{lines}".encode("utf-8", "surrogateescape")
    path = write(tmp_path / "a.leaktop", (HEADER, [tick(0, processes=listed)]))
    found = [row["comm"] for row in csv_rows(path, "--section", "processes")]
    assert found == [
        "'=cmd()",
        "'+1",
        "'-1",
        "'@x",
        "\\tx",
        "\\rx",
        "plain",
        'quote"comma,',
        "line\\nbreak",
        "\\udcff\\x1b",
        "a;'=1",
        "'＝1",
        "a-b=c",
    ]
    assert [row["comm"] for row in json_rows(path)][:4] == ["=cmd()", "+1", "-1", "@x"]


def test_kmemleak_and_sockets(tmp_path: Path) -> None:
    given = {"kmemleak": capture("kmemleak/vm-7.2b-2scan.txt"), "net__tcp": capture("net/net_tcp__vm-6.1b.txt")}
    owners = b"# leaktop socket_owners 1\n10089\t7\t3\tsh\n"
    path = write(tmp_path / "a.leaktop", (HEADER, [tick_of(0, {"socket_owners": owners, **given})]))
    rows = json_rows(path)
    groups = [row for row in rows if row["section"] == "kmemleak"]
    assert all(row["count"] == len(row["objects"]) for row in groups)
    assert sum(row["count"] for row in groups) == given["kmemleak"].count(b"unreferenced object")
    sockets = [row for row in rows if row["section"] == "sockets"]
    assert [row["inode"] for row in sockets] == [10087, 10089, 10088]
    assert sockets[1]["owners"] == [{"pid": 7, "comm": "sh", "fd": 3}]
    cells = csv_rows(path, "--section", "sockets")
    assert json.loads(cells[1]["owners"]) == sockets[1]["owners"]


def test_where_it_goes(recording: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    assert exported(recording, "--section", "memory", "-o", out) == b""
    assert out.read_bytes() == exported(recording, "--section", "memory", "-o", "-")
    assert out.stat().st_mode & 0o777 == 0o600
    done = leaktop("export", recording, "-o", out)
    assert done.returncode == 2
    assert b"is left alone" in done.stderr
    assert leaktop("export", recording, "-o", tmp_path / "no" / "where").returncode == 2


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_one_table_a_file(recording: Path, form: str) -> None:
    done = leaktop("export", recording, "--format", form)
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"say --section" in done.stderr


def test_without_pyarrow_it_says_what_to_install(recording: Path, tmp_path: Path) -> None:
    (tmp_path / "pyarrow.py").write_text("raise ImportError('not here')\n")
    paths = f"{tmp_path}:{Path(__file__).parents[2]}"
    done = leaktop("export", recording, "--format", "parquet", "--section", "slab", PYTHONPATH=paths)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr == b"leaktop: Parquet takes pyarrow, which is not installed: pip install pyarrow\n"


def test_parquet_is_the_same_table(recording: Path, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow, which Parquet takes, is not installed")
    for section in NAMES:
        out = tmp_path / f"{section}.parquet"
        assert exported(recording, "--format", "parquet", "--section", section, "-o", out) == b""
        piped = exported(recording, "--format", "parquet", "--section", section)
        table = parquet.read_table(out)
        assert out.read_bytes() == piped
        assert str(table.schema.field("time").type) == "timestamp[ms, tz=UTC]"
        wanted = json_rows(recording, "--section", section)
        rows = table.to_pylist()
        assert len(rows) == len(wanted)
        for row, want in zip(rows, wanted, strict=True):
            assert row.pop("time").isoformat(timespec="milliseconds") == want["time"]
            assert {n: v if not isinstance(want[n], list) else json.loads(v) for n, v in row.items()} == {
                name: value for name, value in want.items() if name not in {"time", "section"}
            }


def test_figures_that_no_column_holds_are_unknown(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow, which Parquet takes, is not installed")
    large = b"MemTotal: 99999999999999999999 kB\nMemFree: 1 kB\n"
    path = write(tmp_path / "a.leaktop", (HEADER, [tick(0, meminfo=large)]))
    out = tmp_path / "out"
    exported(path, "--format", "parquet", "--section", "memory", "-o", out)
    assert [row["bytes"] for row in parquet.read_table(out).to_pylist()][:2] == [None, 1024]


def test_a_strange_kernel_ends_no_export(tmp_path: Path) -> None:
    path = write(tmp_path / "a.leaktop", (HEADER, [tick(0, slabinfo=b"junk", meminfo=b"\xff"), *growing(3)[1:]]))
    assert {row["mono"] for row in json_rows(path, "--section", "slab")} == {101.0, 102.0}
    assert read_file(str(path)).ticks == 3
