"""Order and filter of every pane, over real rows."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import pytest

from leaktop.engine.engine import Engine
from leaktop.model.sample import Tick
from leaktop.sources.filesystem import FileSystemSource
from leaktop.sources.text_form import encode
from leaktop.view.arranging import PatternError, arrange, matcher
from leaktop.view.cells import sanitise
from leaktop.view.pane import Choice
from leaktop.view.panes import PANES, pane_named
from tests.corpus import DATA
from tests.trees import plant, plant_rest, put, tick_of

if TYPE_CHECKING:
    from pathlib import Path

    from leaktop.model.frame import Frame, Row
    from leaktop.view.columns import Column
    from leaktop.view.pane import PaneView

EVERY_COLUMN = [
    pytest.param(pane, column, id=f"{pane.name}-{column.name}") for pane in PANES for column in pane.columns
]
LINK = "0x1-0x2 8192 {} pages=1 vmalloc\n"


@pytest.fixture(scope="module")
def frame(tmp_path_factory: pytest.TempPathFactory) -> Frame:
    """Two ticks of a tree with rows in every section; in the second, much has moved."""
    root: Path = tmp_path_factory.mktemp("tree")
    plant_rest(plant(root, "live-6.18"))
    put(root, "proc/vmallocinfo", (DATA / "vmallocinfo" / "vm-7.2b.txt").read_bytes() + b"".join(
        LINK.format(caller).encode() for caller in ("a+0x1/0x2 [mod_a]", "b+0x1/0x2 [mod_b]", "c+0x1/0x2 [mod_b]")
    ))  # fmt: skip
    put(root, "sys/kernel/debug/kmemleak", (DATA / "kmemleak" / "vm-6.1b-2scan.txt").read_bytes())
    profiled = (DATA / "allocinfo" / "vm-6.12b.txt").read_bytes() + b"4096 1 a.c:1 [mod_a] func:f \n"
    put(root, "proc/allocinfo", profiled)
    for table in ("tcp", "udp", "netlink"):
        put(root, f"proc/net/{table}", (DATA / "net" / f"net_{table}__vm-6.1b.txt").read_bytes())
    first = tick_of(root)
    put(root, "proc/slabinfo", (root / "proc/slabinfo").read_text().replace(" 64 ", " 65 ").replace("   21 ", "   23 "))
    put(root, "proc/vmallocinfo", (root / "proc/vmallocinfo").read_bytes() + LINK.format("a+0x1/0x2 [mod_a]").encode())
    put(root, "sys/kernel/debug/kmemleak", (DATA / "kmemleak" / "vm-6.1b-newline.txt").read_bytes())
    put(root, "proc/allocinfo", profiled.replace(b"4096 1 a.c:1", b"12288 3 a.c:1"))
    second = tick_of(root)
    engine = Engine(FileSystemSource(str(root)).machine)
    engine.feed(first)
    found = engine.feed(Tick(first.mono + 1, first.wall + 1, second.samples))
    assert {name for name, section in found.sections.items() if not section.rows} == set()
    assert found.suspects
    return found


def values(pane: PaneView, frame: Frame, column: Column, **choice: Any) -> list[Any]:
    return [column.value(row) for row in arrange(pane, frame, Choice(sort=column.name, **choice))]


@pytest.mark.parametrize(("pane", "column"), EVERY_COLUMN)
@pytest.mark.parametrize("is_reversed", [False, True])
def test_every_column_sorts_both_ways_and_unknown_is_last(
    frame: Frame, pane: PaneView, column: Column, is_reversed: bool
) -> None:
    found = values(pane, frame, column, is_reversed=is_reversed, switches=frozenset({"all"}))
    known = [value for value in found if value is not None]
    assert found == known + [None] * (len(found) - len(known))
    assert known == sorted(known, reverse=column.ascending == is_reversed)
    assert len(found) == len(pane.rows(frame, frozenset({"all"}))) > 0


@pytest.mark.parametrize(("pane", "column"), EVERY_COLUMN)
def test_every_cell_is_safe_to_show(frame: Frame, pane: PaneView, column: Column) -> None:
    for row in pane.rows(frame, frozenset({"all"})):
        assert column.cell(row, frame).text.isprintable()


@pytest.mark.parametrize("pane", PANES, ids=lambda pane: pane.name)
def test_equal_rows_stand_by_size_then_by_name_whatever_the_kernel_prints_first(frame: Frame, pane: PaneView) -> None:
    import dataclasses

    named = next(column for column in pane.columns if column.is_flexible)
    shuffled = dataclasses.replace(
        frame,
        sections={n: dataclasses.replace(s, rows=tuple(reversed(s.rows))) for n, s in frame.sections.items()},
        rank=lambda _: tuple(reversed(frame.suspects)),
    )
    for column in pane.columns:
        found = [arrange(pane, given, Choice(sort=column.name)) for given in (frame, shuffled)]

        def order(row: Row, column: Column = column) -> tuple[Any, Any, Any]:
            return column.value(row), row.size.value, named.value(row)

        assert [order(row) for row in found[0]] == [order(row) for row in found[1]]
        for above, below in zip(found[0], found[0][1:], strict=False):
            if column.value(above) == column.value(below):
                assert (-(above.size.value or 0), named.value(above)) <= (-(below.size.value or 0), named.value(below))


@pytest.mark.parametrize("pane", PANES, ids=lambda pane: pane.name)
def test_every_row_opens_and_has_a_record(frame: Frame, pane: PaneView) -> None:
    import json

    assert pane.headline(frame).isprintable()
    for row in pane.rows(frame, frozenset({"all"})):
        detail = pane.detail(frame, row)
        texts = [detail.title, *(t for fact in detail.facts for t in fact), *detail.paragraphs]
        texts += [cell for listing in detail.listings for line in listing.rows for cell in line]
        assert all(text.isprintable() for text in texts)
        assert detail.title
        json.dumps(pane.record(row))


def test_an_unknown_column_sorts_by_the_first() -> None:
    engine = Engine(FileSystemSource("/").machine)
    samples = tick_of_text(
        processes=encode("processes", ["1\t7\tb\t5\t0\t0\t0\t0\t1\t9", "2\t7\ta\t5\t0\t0\t0\t0\t1\t9"])
    )
    rows = arrange(pane_named("processes"), engine.feed(samples), Choice(sort="nonsense"))
    assert [row.record.comm for row in rows] == ["a", "b"]


def tick_of_text(**probes: bytes) -> Tick:
    from leaktop.model.sample import RawSample

    return Tick(1.0, 1.0, tuple(RawSample(name, content, None, 1.0, 1.0) for name, content in probes.items()))


def test_filters(frame: Frame) -> None:
    pane = pane_named("slab")

    def names(pattern: str) -> set[str]:
        return {row.record.name for row in arrange(pane, frame, Choice(sort="name", pattern=pattern))}

    everything = names("")
    assert {"dentry", "kmalloc-64", "TCP"} <= everything
    assert all("kmalloc" in sanitise(pane.haystack(row)) for row in arrange(pane, frame, Choice(pattern="kmalloc")))
    assert "TCP" in names("tcp")
    assert "TCP" in names("TCP")
    assert "TCP" not in names("Tcp")
    assert names("!kmalloc") == everything - names("kmalloc")
    assert names("^dentry") == {"dentry"}
    assert "dentry" in names(r"^\Sentry")
    assert names("no such cache") == set()


def test_a_filter_finds_a_cache_by_its_other_names(frame: Frame) -> None:
    pane = pane_named("slab")
    merged = next(row for row in frame.sections["slab"].rows if row.record.aliases)
    alias = merged.record.aliases[-1]
    assert merged in arrange(pane, frame, Choice(pattern=f"(?:^| ){alias}(?:$| )"))


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        ("foo", "a FOO b", True),
        ("Foo", "a FOO b", False),
        ("!foo", "a FOO b", False),
        ("!Foo", "a FOO b", True),
        ("!", "x", False),
        (r"\S\W", "a ", True),
        (r"\Dq", "aQ", True),
        (r"\DQ", "aq", False),
        ("[[a]", "[", True),
        ("^$", "", True),
    ],
)
def test_the_matcher(pattern: str, text: str, found: bool) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert matcher(pattern)(text) is found


@pytest.mark.parametrize(
    "pattern", ["(", "[", "*", "a**", "(?P<", "!(", "\\", "a{99999999999}", "(" * 5000 + ")" * 5000]
)
def test_a_bad_pattern_says_so(pattern: str) -> None:
    with pytest.raises(PatternError, match=r"^not a regular expression: "):
        matcher(pattern)


def test_a_pattern_that_would_run_for_years_is_given_up() -> None:
    with pytest.raises(PatternError, match="takes too long"):
        matcher(r"^(a|a|aa)+(b|b)*(a|aa)+(?<!a)$")("a" * 5000)


def test_the_switches(frame: Frame) -> None:
    slab, vmalloc, memory, sockets = (pane_named(name) for name in ("slab", "vmalloc", "memory", "sockets"))
    switches = {(pane.name, switch.key): switch.name for pane in PANES for switch in pane.switches}
    assert switches == {
        ("slab", "U"): "unreclaimable",
        ("vmalloc", "M"): "module",
        ("memory", "A"): "all",
        ("sockets", "B"): "backlog",
        ("kmemleak", "N"): "new",
        ("allocinfo", "M"): "module",
    }

    kept = arrange(slab, frame, Choice(switches=frozenset({"unreclaimable"})))
    assert {bool(row.record.reclaimable) for row in kept} == {False}
    assert len(kept) == sum(not row.record.reclaimable for row in frame.sections["slab"].rows)
    assert len(kept) < len(arrange(slab, frame, Choice()))

    callers = frame.sections["vmalloc"].rows
    modules = {row.record.module: row for row in arrange(vmalloc, frame, Choice(switches=frozenset({"module"})))}
    assert set(modules) == {row.record.module or "(kernel)" for row in callers}
    assert sum(row.size.value or 0 for row in modules.values()) == sum(row.size.value or 0 for row in callers)
    assert sum(row.record.areas for row in modules.values()) == sum(row.record.areas for row in callers)
    assert (modules["mod_b"].record.caller, modules["mod_b"].record.areas, modules["mod_b"].record.pages) == (
        "2 callers",
        2,
        2,
    )
    assert (modules["mod_a"].size.growth, modules["mod_a"].size.delta) == (4096, 4096)
    assert modules["mod_a"].number is not None
    assert modules["mod_a"].number.growth == 1

    lines = frame.sections["allocinfo"].rows
    owners = {
        row.record.module: row
        for row in arrange(pane_named("allocinfo"), frame, Choice(switches=frozenset({"module"})))
    }
    assert set(owners) == {row.record.module or "(kernel)" for row in lines} == {"(kernel)", "mod_a"}
    assert owners["mod_a"].record[:5] == ("1 line", "mod_a", "", 12288, 3)
    assert owners["mod_a"].size.growth == 8192
    assert owners["(kernel)"].size.growth == 0
    assert owners["(kernel)"].size.value == sum(row.size.value or 0 for row in lines if row.record.module is None)

    gauges, every_line = arrange(memory, frame, Choice()), arrange(memory, frame, Choice(switches=frozenset({"all"})))
    assert {row.key for row in gauges} < {row.key for row in every_line}
    assert len(every_line) == len(frame.sections["memory"].rows)
    assert ("residual",) in {row.key for row in gauges}

    queued = arrange(sockets, frame, Choice(switches=frozenset({"backlog"})))
    assert all(row.size.value for row in queued)
    assert len(queued) == sum(bool(row.size.value) for row in frame.sections["sockets"].rows)


def test_a_pane_by_its_name() -> None:
    assert [pane_named(pane.name) for pane in PANES] == list(PANES)
    with pytest.raises(KeyError):
        pane_named("nonsense")
