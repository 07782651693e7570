"""A report about a machine on which everything that could be named is named by an enemy."""

from __future__ import annotations

from dataclasses import replace

from leaktop.engine.digest import Digest
from leaktop.engine.engine import Engine
from leaktop.model.diagnosis import Case, Diagnosis, Member, Rise, Unit, Verdict
from leaktop.model.sample import Event
from leaktop.recording.layout import Moment
from leaktop.view.report import Report
from tests.cli.recorded import HEADER, MACHINE, meminfo, slabinfo, tick

EVIL = "x</script><b onload=a>|`y`\x1b]0;t\x07 [a](http://evil.example/) \u202e'\"&amp; \udc9b"
"""Ends elements and titles, parts tables, moves the cursor, turns the line around, and is no UTF-8."""
START = 1795260000.0


def hostile(name: str = EVIL, leaks: int = 2) -> Report:
    """The report, with so many suspects."""
    engine = Engine(replace(MACHINE, hostname=name, cmdline=name, release=name, boot_id=name))
    for second in range(40):
        frame = engine.feed(tick(second, slabinfo=slabinfo(second), meminfo=meminfo(9000000 - second)))
    key = frame.suspects[0].key
    rise = Rise(100.0, 39.0, 40, 39 * 4096.0, 4096.0, 4000.0, 4200.0, 1.0, 1e-9, 1.0, 0.1, 1.0, is_steady=True)
    case = Case(
        "slab", "slab", key, name, (name,) * 6, name, 39 * 4096, 39, 4096.0, 4000.0, 4200.0, rise, 0.5, 1e6, 0.97,
        is_leak=True, is_cache=False, explained="", evidence=(f"{name} rises.",), next=(f"grep {name} /proc/slabinfo",),
    )  # fmt: skip
    other = case._replace(is_leak=False, explained=name, is_cache=True)
    unit = Unit((Member(name, name, 1.0, 64), Member("b", "b", 1.5, 192)), 2.5, 100, 352)
    step = frame.diagnosis.triage[0]._replace(step=name, value=name, finding="suspect", detail=name)
    diagnosis = Diagnosis(
        Verdict("kernel-leak", f"{name} leaks."), (case,) * leaks + (other,), (unit,), (step,), 39.0, 4096.0
    )
    header = HEADER._replace(machine=frame.machine, origin=name)
    event = Event(110.0, START + 10, "mark", name)
    digest = Digest(
        frame, header, Moment(100.0, START), Moment(139.0, START + 39), 40, 40, (event,), (name,), (f"note {name}",)
    )
    return Report(digest, diagnosis, name, "0.1")
