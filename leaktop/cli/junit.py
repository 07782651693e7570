"""The result of `leaktop check` as JUnit XML, which continuous integration reads."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from leaktop.cli.outcome import loss
from leaktop.view.cells import sanitise

if TYPE_CHECKING:
    from collections.abc import Sequence

    from leaktop.cli.outcome import Outcome

_JUDGED = {"slab": "slab caches", "vmalloc": "vmalloc callers", "memory": "kernel counters"}


def junit(outcome: Outcome, seconds: float) -> bytes:
    """A document with a test for each kind of memory that was judged, and one for each thing that grew.

    Leaks are failures; that it cannot be told is an error.

    Args:
        outcome: the result.
        seconds: how long it took to find.
    """
    suite = ET.Element("testsuite", name="leaktop check", time=f"{seconds:.3f}")
    if outcome.verdict == "unknown":
        _put(_case(suite, "command", shlex.join(outcome.command)), "error", outcome.reason)
    else:
        for section, subject in _JUDGED.items():
            case = _case(suite, "judged", subject)
            if section in outcome.unread:
                _put(case, "skipped", outcome.unread[section])
    for finding in outcome.findings:
        case = _case(suite, finding.kind, finding.name)
        message = f"each of {outcome.iterations} runs {'lost' if finding.leak else 'added'} {loss(finding)}"
        shared = f"shares its slabs with {', '.join(finding.aliases)}" if finding.aliases else ""
        allowed = "that is allowed" if finding.tolerated else ""
        lines = [message, *(line for line in (allowed, shared, finding.note) if line)]
        if finding.leak:
            _put(case, "failure", message, lines)
        else:
            _write(ET.SubElement(case, "system-out"), lines)
    suite.set("tests", str(len(suite)))
    for tag, name in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
        suite.set(name, str(len(suite.findall(f"testcase/{tag}"))))
    root = ET.Element("testsuites")
    root.append(suite)
    ET.indent(root)
    whole: bytes = ET.tostring(root, "utf-8", xml_declaration=True)
    return whole + b"\n"


def _case(suite: ET.Element, subject: str, name: str) -> ET.Element:
    return ET.SubElement(suite, "testcase", classname=f"leaktop.check.{subject}", name=sanitise(name))


def _put(case: ET.Element, tag: str, message: str, lines: Sequence[str] = ()) -> None:
    _write(ET.SubElement(case, tag, message=sanitise(message)), lines or [message])


def _write(element: ET.Element, lines: Sequence[str]) -> None:
    element.text = "\n".join(map(sanitise, lines))  # nothing is left of what XML cannot hold
