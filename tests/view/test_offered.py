"""What few kernels have is named where it is there, and missed nowhere else."""

from __future__ import annotations

import pytest

from leaktop.engine.engine import Engine
from leaktop.model.frame import Frame, Section
from leaktop.model.sample import Fault, FaultKind, Machine, RawSample, Tick
from leaktop.sources.probes import PROBES
from leaktop.view.headline import growth_line
from leaktop.view.pane import is_offered
from leaktop.view.panes import PANES, pane_named
from leaktop.view.report.facts import is_missed

MACHINE = Machine("6.12.0", "host", 4096, None, "x86_64", None, None, is_live=False)
PROFILED = b"allocinfo - version: 1.0\n         64        1 a.c:1 func:f \n"


def fed(given: dict[str, bytes | Fault]) -> Frame:
    samples = []
    for name, found in given.items():
        content, fault = (None, found) if isinstance(found, Fault) else (found, None)
        samples.append(RawSample(name, content, fault, 1.0, 1e9))
    return Engine(MACHINE).feed(Tick(1.0, 1e9, tuple(samples)))


@pytest.mark.parametrize(("kind", "is_there"), [("missing", False), ("denied", True), ("disabled", True)])
def test_a_pane_of_few_kernels_is_named_unless_this_one_lacks_it(kind: FaultKind, is_there: bool) -> None:
    pane = pane_named("allocinfo")
    frame = fed({"allocinfo": Fault(kind, "why")})
    assert is_offered(pane, frame) is is_there
    assert is_missed(frame.sections["allocinfo"]) is is_there
    assert is_offered(pane, fed({"allocinfo": PROFILED}))
    assert not is_offered(pane, fed({}))
    assert not is_offered(pane, None)
    assert all(is_offered(other, None) for other in PANES if other is not pane)
    assert is_missed(Section("slab", fault=Fault("missing", "why")))


def test_that_nothing_can_be_told_does_not_depend_on_it() -> None:
    denied: dict[str, bytes | Fault] = {probe.name: Fault("denied", "needs root") for probe in PROBES}
    for allocinfo in (Fault("missing", "why"), PROFILED, Fault("denied", "needs root")):
        assert growth_line(fed({**denied, "allocinfo": allocinfo})) == ("Nothing can be told: needs root", "fault")
    del denied["allocinfo"]
    assert growth_line(fed(denied)) == ("Nothing can be told: needs root", "fault")
