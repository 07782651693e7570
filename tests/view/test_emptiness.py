"""A pane without rows says why, and what would help."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import pytest

from leaktop.engine.engine import Engine
from leaktop.model.frame import Frame, ProbeState
from leaktop.model.sample import Fault, FaultKind, Machine, RawSample, Tick
from leaktop.sources.probes import PROBES
from leaktop.sources.text_form import encode
from leaktop.view.emptiness import why_empty
from leaktop.view.pane import Choice, PaneView
from leaktop.view.panes import PANES, pane_named

MACHINE = Machine("6.18", "lab", 4096, None, "x86_64", None, None, is_live=True)
RECORDED = replace(MACHINE, is_live=False)
STATES = {probe.name: ProbeState(probe.name, None, probe.cadence, False, False, None) for probe in PROBES}
EMPTY = {
    "meminfo": b"Odd: 1 kB\n",
    "slabinfo": b"slabinfo - version: 2.1\n# name            <active_objs>\n",
    "vmallocinfo": b"",
    "sock_diag": encode("sock_diag", [f"=\t{proto}\t0" for proto in ("tcp", "udp")]),
    "tmpfs": encode("tmpfs", []),
    "kmemleak": b"",
    "processes": encode("processes", []),
    "allocinfo": b"allocinfo - version: 1.0\n",
}
"""Probes that answer, and have nothing to tell."""
each_pane = pytest.mark.parametrize("pane", PANES, ids=lambda pane: pane.name)


def fed(given: dict[str, bytes | Fault], machine: Machine = MACHINE, states: dict[str, ProbeState] = STATES) -> Frame:
    samples = []
    for name, found in given.items():
        content, fault = (None, found) if isinstance(found, Fault) else (found, None)
        samples.append(RawSample(name, content, fault, 1.0, 1e9))
    return Engine(machine).feed(Tick(1.0, 1e9, tuple(samples)), states)


def words(name: str, frame: Frame, choice: Choice | None = None) -> str:
    return " ".join(text for text, _ in why_empty(pane_named(name), frame, choice or Choice()))


@each_pane
def test_where_all_is_denied_each_pane_says_so_and_how_to_get_it(pane: PaneView) -> None:
    frame = fed({probe.name: Fault("denied", f"/{probe.path} needs root", "sudo leaktop") for probe in PROBES})
    said = words(pane.name, frame)
    if pane.name == "triage":
        assert all(row.record.finding == "unknown" for row in pane.rows(frame, frozenset()))
    else:
        assert "needs root" in said
        assert pane.name == "suspects" or said.endswith("What helps: sudo leaktop")


@each_pane
def test_while_nothing_came_it_says_what_is_being_read(pane: PaneView) -> None:
    said = words(pane.name, fed({}))
    if pane.section in {"suspects", "triage"}:
        assert said[0].isupper()
    else:
        assert said == f"Reading {pane.source} ..."
        states = {name: state._replace(is_waiting=True) for name, state in STATES.items()}
        assert "takes its time" in words(pane.name, fed({}, states=states))


@each_pane
def test_in_a_recording_it_says_that_this_was_not_recorded(pane: PaneView) -> None:
    frame = fed({}, RECORDED, {})
    if pane.section not in {"suspects", "triage"}:
        said = words(pane.name, frame)
        assert said.startswith("Nothing of this was recorded up to this moment.")
        assert "$ to the end" in said


@each_pane
def test_where_there_is_nothing_of_that_kind_a_sentence_says_what_it_means(pane: PaneView) -> None:
    said = words(pane.name, fed(dict(EMPTY)))
    assert said.endswith(".")
    assert len(said.split()) > 6


def test_a_filter_and_switches_say_how_much_they_hide_and_how_to_undo_it() -> None:
    slabs = b"slabinfo - version: 2.1\n# name\n" + b"".join(
        b"cache-%d 1 2 64 64 1 : tunables 0 0 0 : slabdata 1 1 0\n" % n for n in range(3)
    )
    links = encode("slab_links", [f"cache-{n}\tdir\t1" for n in range(3)])
    frame = fed({"slabinfo": slabs, "slab_links": links})
    hidden = Choice(switches=frozenset({"unreclaimable"}))
    assert (
        words("slab", frame, Choice(pattern="nope"))
        == "3 rows here, of which the filter nope leaves none. Esc clears the filter."
    )
    assert words("slab", frame, hidden) == (
        "3 rows here, of which 'unreclaimable only' leaves none. U switches 'unreclaimable only' off."
    )
    both = words("slab", frame, Choice(pattern="\x1b[31m", switches=hidden.switches))
    assert "leave none" in both
    assert "Esc clears the filter; U switches" in both
    assert "\x1b" not in both


def test_a_fault_in_a_recording_is_told_as_of_then() -> None:
    frame = fed({"slabinfo": Fault("denied", "/proc/slabinfo needs root", "sudo leaktop")}, RECORDED)
    assert words("slab", frame) == "/proc/slabinfo needs root What would have helped: sudo leaktop"


@pytest.mark.parametrize("kind", get_args(FaultKind))
def test_a_fault_that_names_no_remedy_is_not_the_last_word(kind: FaultKind) -> None:
    (_, tone), (helps, _) = why_empty(pane_named("slab"), fed({"slabinfo": Fault(kind, "why")}), Choice())
    assert tone == "fault"
    assert helps.endswith(".")


def test_suppressions_that_hide_all_of_kmemleak_are_named() -> None:
    frame = fed({"kmemleak": b""})
    section = replace(frame.sections["kmemleak"], extras={"suppressed_groups": 3})
    hidden = replace(frame, sections={**frame.sections, "kmemleak": section})
    assert "All 3 groups" in words("kmemleak", hidden)
    assert "leaktop kmemleak show --all" in words("kmemleak", hidden)
