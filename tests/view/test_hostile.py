"""Every text that a view makes of a hostile machine is safe to show: rows, drill-downs, the verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from leaktop.engine.engine import Engine
from leaktop.model.sample import Fault, RawSample, Tick
from leaktop.sources.probes import PROBES
from leaktop.view.arranging import arrange
from leaktop.view.headline import growth_line, memory_segments, verdict_line
from leaktop.view.pane import Choice
from leaktop.view.panes import PANES
from tests import hostile
from tests.hostile import check_harmless

if TYPE_CHECKING:
    from leaktop.model.frame import Frame
    from leaktop.view.pane import PaneView

SWITCHES = [
    frozenset[str](),
    frozenset({"all"}),
    frozenset({switch.name for pane in PANES for switch in pane.switches}),
]


@pytest.fixture(scope="module")
def frame() -> Frame:
    engine = Engine(hostile.MACHINE)
    for entry in hostile.entries(25):
        if isinstance(entry, Tick):
            frame = engine.feed(entry)
    return frame


@pytest.mark.parametrize("pane", PANES, ids=lambda pane: pane.name)
def test_a_pane(pane: PaneView, frame: Frame) -> None:
    check_harmless(pane.headline(frame))
    seen = 0
    for switches in SWITCHES:
        for row in arrange(pane, frame, Choice(sort=pane.sort, switches=switches)):
            seen += 1
            for column in pane.columns:
                check_harmless(column.cell(row, frame).text)
            detail = pane.detail(frame, row)
            words = [detail.title, *detail.paragraphs, detail.inspect_label, *(chart.title for chart in detail.charts)]
            words += [word for fact in detail.facts for word in fact]
            for listing in detail.listings:
                words += [listing.title, *listing.header, *(cell for line in listing.rows for cell in line)]
            for word in words:
                check_harmless(word)
                assert len(word) < 10_000
    assert seen > 5 or pane.name == "hugepages"


def test_the_headline(frame: Frame) -> None:
    assert frame.diagnosis.cases
    for words in (verdict_line(frame)[0], growth_line(frame)[0], *(part.name for part in memory_segments(frame))):
        check_harmless(words)


def test_a_fault(frame: Frame) -> None:
    fault = Fault("failed", hostile.ALL, hostile.ALL)
    engine = Engine(hostile.MACHINE)
    samples = tuple(RawSample(probe.name, None, fault, 1.0, 1.0) for probe in PROBES)
    broken = engine.feed(Tick(1.0, 1.0, samples))
    for pane in PANES:
        check_harmless(pane.headline(broken))
        arrange(pane, broken, Choice())
