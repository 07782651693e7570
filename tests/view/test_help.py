"""No figure on the screen is without words: what it means, in what it is counted, and where it is read from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from leaktop.engine.engine import Engine
from leaktop.model.sample import Machine, RawSample, Tick
from leaktop.view.headline import memory_segments
from leaktop.view.help import column_words, help_parts, key_names
from leaktop.view.keys import EVERYWHERE, IN_PANES
from leaktop.view.legend import BAR
from leaktop.view.panes import PANES, pane_named
from leaktop.view.panes.memory import GAUGES
from leaktop.view.timeline import EVENT_GLYPHS
from tests.corpus import captures, content

if TYPE_CHECKING:
    from leaktop.view.pane import PaneView

UNITS = {"bytes", "bytes a minute", "count", "share", "time", "-1 to 1"}
NO_FIGURE = {("processes", "pid"), ("triage", "order")}
MACHINE = Machine("6.18", "lab", 4096, None, "x86_64", None, None, is_live=True)
each_pane = pytest.mark.parametrize("pane", PANES, ids=lambda pane: pane.name)


@each_pane
def test_every_column_says_what_it_is_in_what_and_from_where(pane: PaneView) -> None:
    assert pane.source.startswith(("/proc/", "/sys/", "NETLINK_SOCK_DIAG", "leaktop: "))
    assert all(column.hint for column in pane.columns)
    figures = [c for c in pane.columns if c.align == "right" and (pane.name, c.name) not in NO_FIGURE]
    assert all(column.unit in UNITS for column in figures), [c.name for c in figures if c.unit not in UNITS]
    assert all(column.unit in column_words(column) and column.source in column_words(column) for column in figures)


@each_pane
def test_the_words_in_the_border_are_explained(pane: PaneView) -> None:
    assert pane.headline_hint


@each_pane
def test_the_help_has_a_line_for_each_column_switch_and_letter(pane: PaneView) -> None:
    part = help_parts(pane, PANES, {})[1]
    assert part.title == f"{pane.key} {pane.title}: the pane you came from"
    rows = dict(part.rows)
    assert rows["read from"] == pane.source
    assert all(rows[column.title or "(first)"] == column_words(column) for column in pane.columns)
    assert all(switch.label in rows[switch.key] for switch in pane.switches)
    assert all(f"{key} {name}" in rows["sort by"] for key, name in pane.letters.items())


def test_every_gauge_has_a_meaning_and_a_source_of_its_own_where_meminfo_has_no_such_line() -> None:
    told = {meaning.title: meaning for meaning in pane_named("memory").legend}
    assert {gauge.label for gauge in GAUGES.values()} == set(told)
    for name, gauge in GAUGES.items():
        assert gauge.meaning.endswith(".")
        assert name[0].isupper() or "/proc" in gauge.source, name


def test_every_part_of_the_bar_is_explained() -> None:
    seen: set[str] = set()
    for path in captures("meminfo"):
        sample = RawSample("meminfo", content(path), None, 1.0, 1.0)
        seen |= {part.name for part in memory_segments(Engine(MACHINE).feed(Tick(1.0, 1.0, (sample,))))}
    assert {"anon", "free", "slab unrec"} <= seen <= set(BAR)


def test_every_glyph_of_the_timeline_is_explained() -> None:
    signs = " ".join(name for name, _ in help_parts(PANES[0], PANES, {})[4].rows)
    assert set(EVENT_GLYPHS.values()) <= set(signs)
    assert {"▲", "~", "-", "●"} <= set(signs)


def test_the_keys_are_those_of_the_panes_and_those_that_the_user_chose() -> None:
    beside = [pane for pane in PANES if not pane.letter]
    keys = dict(help_parts(PANES[0], beside, {})[0].rows)
    assert keys[f"1 .. {len(beside)}, Tab"].startswith("go to a pane")
    assert "P" not in keys
    moved = dict(help_parts(PANES[0], PANES, {"next_pane": "f6", "mark": "x,X"})[0].rows)
    assert f"1 .. {len(beside)}, f6" in moved
    assert moved["P"] == "go to Allocinfo, which fills the screen"
    assert "mark the baseline" in moved["x"]
    assert "m" not in moved


def test_every_key_with_a_name_is_in_the_help() -> None:
    names = [key.name for key in (*EVERYWHERE, *IN_PANES) if not key.name.startswith("pane_")]
    said = " ".join(f"{keys} {words}" for keys, words in help_parts(PANES[0], PANES, {})[0].rows)
    for name in sorted(set(names) - {"back", "previous_pane"}):
        assert key_names([name], {})[0] in said.split() or key_names([name], {})[0] in said, name
