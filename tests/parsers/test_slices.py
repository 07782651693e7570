"""Large files are parsed in pieces, which must not show in what is found."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaktop.parsers import lines
from leaktop.parsers.kmemleak import parse_kmemleak
from leaktop.parsers.lines import slices
from leaktop.parsers.proc_net import parse_proc_net
from leaktop.parsers.vmallocinfo import sum_vmallocinfo
from tests.bench.big_machine_texts import BigMachine, kmemleak_report
from tests.corpus import captures, content

contents = st.lists(st.sampled_from([b"a", b"\n", b"begins ", b"xyz"]), max_size=60).map(b"".join)


@given(contents, st.integers(1, 20), st.sampled_from([b"", b"begins "]))
def test_pieces_are_whole_lines_and_together_the_content(text: bytes, size: int, begins: bytes) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines, "_SLICE", size)
        pieces = list(slices(text, begins))
    assert b"".join(pieces) == text
    assert all(piece.endswith(b"\n") for piece in pieces[:-1])
    assert all(pieces)


def test_no_record_is_cut() -> None:
    report = "".join(kmemleak_report(20_000, 50)).encode()
    pieces = list(slices(report, b"unreferenced object"))
    assert len(pieces) > 5
    assert all(piece.startswith(b"unreferenced object") for piece in pieces)


@pytest.mark.parametrize("path", captures("kmemleak"), ids=lambda path: path.stem)
def test_a_report_reads_the_same_however_it_is_cut(path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    report = content(path)  # type: ignore[arg-type]  # an id function wants object
    whole = parse_kmemleak(report)
    monkeypatch.setattr(lines, "_SLICE", 700)
    assert parse_kmemleak(report) == whole


def test_tables_read_the_same_however_they_are_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = BigMachine(sockets=4_000, areas=3_000)
    tables = {proto: machine.socket_table(proto, 3) for proto in ("tcp", "udp", "unix")}
    areas = machine.vmallocinfo(3)
    whole = [parse_proc_net(proto, table) for proto, table in tables.items()], sum_vmallocinfo(areas)
    monkeypatch.setattr(lines, "_SLICE", 1000)
    assert ([parse_proc_net(proto, table) for proto, table in tables.items()], sum_vmallocinfo(areas)) == whole
    assert sum(len(table.sockets) for table in whole[0]) == 4_000
