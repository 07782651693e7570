"""The section allocinfo: which lines have a row, whatever comes, goes or stands still between two reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaktop.engine.between import compare
from leaktop.engine.engine import Engine
from leaktop.model.records import AllocTag
from leaktop.model.sample import Fault, Machine, RawSample, Tick
from leaktop.parsers.allocinfo import parse_allocinfo
from tests.corpus import DATA, captures, content

if TYPE_CHECKING:
    from pathlib import Path

    from leaktop.model.frame import Frame, Key, Section

MACHINE = Machine("6.12.0", "host", 4096, None, "x86_64", None, None, is_live=False)
HEADING = b"allocinfo - version: 1.0\n#     <size>  <calls> <tag info>\n"
CAPTURE = (DATA / "allocinfo" / "vm-6.12b.txt").read_bytes()
Lines = tuple[tuple[str, int, int], ...]


def feed(engine: Engine, mono: float, given: bytes | Fault) -> Frame:
    text, fault = (None, given) if isinstance(given, Fault) else (given, None)
    return engine.feed(Tick(mono, 1e9 + mono, (RawSample("allocinfo", text, fault, mono, 1e9 + mono),)))


def printed(lines: Lines) -> bytes:
    return HEADING + b"".join(f"{size:12} {calls:8} {tag} \n".encode() for tag, size, calls in lines)


def section(lines: bytes | Fault) -> Section:
    return feed(Engine(MACHINE), 1.0, lines).sections["allocinfo"]


@pytest.mark.parametrize("path", captures("allocinfo"), ids=lambda path: path.stem)
def test_a_row_for_every_line_that_holds_something(path: Path) -> None:
    text = content(path)
    if b"pages in swap cache" in text:
        return
    expected = {tag[:3]: tag for tag in parse_allocinfo(text) if tag.bytes or tag.calls}
    found = section(text)
    assert {row.key: row.record for row in found.rows} == expected
    assert all(row.size.value == row.record.bytes for row in found.rows)
    assert all(row.number is not None and row.number.value == row.record.calls for row in found.rows)
    assert found.fault is None


def test_growth_is_the_line_s_own() -> None:
    engine = Engine(MACHINE)
    feed(engine, 1.0, CAPTURE)
    grown = CAPTURE.replace(b"     5242880     1280 mm/page_ext.c:271", b"     5246976     1281 mm/page_ext.c:271")
    assert grown != CAPTURE
    frame = feed(engine, 6.0, grown)
    moved = [row for row in frame.sections["allocinfo"].rows if row.size.growth]
    assert [(row.record.function, row.size.growth, row.number and row.number.growth) for row in moved] == [
        ("alloc_page_ext", 4096, 1)
    ]
    assert frame.history.points("allocinfo", moved[0].key, "size", 6.0)[1] == [5242880, 5246976]


def test_a_line_that_freed_all_keeps_its_row() -> None:
    engine = Engine(MACHINE)
    feed(engine, 1.0, printed((("a.c:1 func:f", 64, 1), ("b.c:1 func:g", 64, 1))))
    rows = feed(engine, 6.0, printed((("a.c:1 func:f", 0, 0), ("b.c:1 func:g", 64, 1)))).sections["allocinfo"].rows
    assert [(row.record[:1], row.size.value, row.size.growth) for row in rows] == [
        (("a.c:1",), 0, -64),
        (("b.c:1",), 64, 0),
    ]


def test_profiling_that_is_off_says_how_to_switch_it_on() -> None:
    fault = section(printed((("a.c:1 func:f", 0, 0),))).fault
    assert fault is not None
    assert (fault.kind, fault.remedy is not None and fault.remedy.startswith("sysctl vm.mem_profiling=1")) == (
        "disabled",
        True,
    )


def test_what_is_inaccurate_is_said() -> None:
    found = section(printed((("a.c:1 func:f accurate:no", 64, 1), ("b.c:1 func:g", 64, 1))))
    assert found.notes == ("inaccurate, says the kernel: 1 of 2 lines, some of whose objects it could not account for",)


def test_its_lines_are_no_suspects_and_in_no_ranking_that_did_not_ask() -> None:
    engine = Engine(MACHINE)
    before = feed(engine, 1.0, printed((("a.c:1 [m] func:f", 1 << 20, 1),)))
    after = feed(engine, 60.0, printed((("a.c:1 [m] func:f", 1 << 30, 9),)))
    assert after.suspects == ()
    assert after.diagnosis.cases == ()
    assert compare(before, after, 59.0) == ()
    [change] = compare(before, after, 59.0, "allocinfo")
    assert (change.name, change.note, change.bytes) == ("a.c:1 f", "module m", (1 << 30) - (1 << 20))


TAGS = [f"{path}:{line}{module} func:f" for path in ("a.c", "inline.h") for line in (1, 2) for module in ("", " [m]")]
LINES = st.lists(
    st.tuples(st.sampled_from(TAGS), st.sampled_from([0, 0, 64, 128, -64]), st.integers(0, 3)), max_size=12
).map(tuple)


@given(st.lists(LINES, min_size=1, max_size=6))
def test_rows_are_the_same_however_they_came_about(reads: list[Lines]) -> None:
    """Read by read only what changed is parsed; the figures are those of a parser that remembers nothing."""
    engine = Engine(MACHINE)
    used: set[Key] = set()
    for at, lines in enumerate(reads):
        found = feed(engine, 5.0 * at, printed(lines)).sections["allocinfo"]
        tags: dict[Key, AllocTag] = {tag[:3]: tag for tag in parse_allocinfo(printed(lines))}
        rows = {row.key: row.record for row in found.rows}
        held = {key for key, tag in tags.items() if tag.bytes or tag.calls}
        assert held <= set(rows) <= (used | held | _in_parts(lines)) & set(tags)
        assert {key: rows[key][3:5] for key in rows} == {key: tags[key][3:5] for key in rows}
        used |= set(rows)
        assert {row.key: row.size.value for row in found.rows} == {key: tags[key].bytes for key in rows}


def _in_parts(lines: Lines) -> set[Key]:
    """Tags of which an instance holds something, though all together may be zero."""
    return {tag[:3] for line in lines for tag in parse_allocinfo(printed((line,))) if tag.bytes or tag.calls}


def test_a_fault_and_a_return() -> None:
    engine = Engine(MACHINE)
    feed(engine, 1.0, CAPTURE)
    frame = feed(engine, 6.0, Fault("denied", "/proc/allocinfo needs root"))
    assert (frame.sections["allocinfo"].rows, frame.sections["allocinfo"].fault) == (
        (),
        Fault("denied", "/proc/allocinfo needs root"),
    )
    again = feed(engine, 11.0, CAPTURE).sections["allocinfo"]
    assert again.fault is None
    assert AllocTag("mm/page_ext.c:271", None, "alloc_page_ext", 5242880, 1280) in [row.record for row in again.rows]
