"""What a reader has to know about the machine and about how it was watched, as pairs and sentences that are safe."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from leaktop.engine.suspects import COUNTED_ELSEWHERE
from leaktop.units import human_bytes, human_duration
from leaktop.view.cells import safe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from leaktop.model.frame import Section
    from leaktop.model.sample import Event
    from leaktop.view.report import Report

UNKNOWN = "unknown"
GAPS = {"gap", "suspend", "clock", "reboot"}
"""Events that are no deed of the user."""
_MOST = 20
"""Gaps, events and damages that are listed; of more, how many there are."""


def machine_facts(report: Report) -> list[tuple[str, str]]:
    """The machine, as (what, value)."""
    machine = report.digest.frame.machine
    up = uptime(report)
    pairs = [
        ("kernel", machine.release),
        ("architecture", machine.architecture),
        ("host", machine.hostname),
        ("memory", human_bytes(total) if (total := amount(report, "MemTotal")) else None),
        ("page size", f"{machine.page_size} bytes"),
        ("up", None if up is None else human_duration(up)),
        ("boot id", machine.boot_id),
        ("boot parameters", machine.cmdline),
    ]
    return [(name, safe(value) if value else UNKNOWN) for name, value in pairs]


def watch_facts(report: Report) -> list[tuple[str, str]]:
    """What was watched, when and by whom, as (what, value)."""
    digest = report.digest
    first, last = digest.first, digest.last
    looked = f", of which {digest.fed:,} were looked at" if digest.fed < digest.ticks else ""
    origin = digest.header.origin
    is_converted = bool(origin) and report.source.rstrip("/").rpartition("/")[2] == origin
    made = f", made from {origin}" if origin and not is_converted else ""
    redacted = ", redacted: names and addresses are stand-ins" if digest.header.is_redacted else ""
    pairs = [
        ("watched", human_duration(watched(report))),
        ("from", utc(first.wall)),
        ("to", utc(last.wall)),
        ("ticks", f"{digest.ticks:,}, one every {digest.header.interval:g} s{looked}"),
        ("source", f"{report.source or 'this machine, live'}{made}{redacted}"),
        ("recorded by", f"leaktop {digest.header.version}" if report.source and not is_converted else ""),
        ("reported by", f"leaktop {report.version}"),
    ]
    return [(name, safe(value)) for name, value in pairs if value]


def is_missed(section: Section) -> bool:
    """Whether a section without rows leaves something untold: what few kernels have, and others tell too, does not."""
    is_missing = section.fault is not None and section.fault.kind == "missing"
    return not (is_missing and section.name in COUNTED_ELSEWHERE)


def remarks(report: Report) -> list[str]:
    """Gaps, damage, what could not be read, and what else happened meanwhile."""
    digest = report.digest
    found = [safe(note) for note in digest.notes]
    for section in digest.frame.sections.values():
        if section.fault is not None and is_missed(section):
            remedy = f" ({section.fault.remedy})" if section.fault.remedy else ""
            found.append(safe(f"{section.name} could not be read: {section.fault.reason}{remedy}"))
        found += [safe(f"{section.name}: {note}") for note in section.notes]
    found += _few("gap", [_event_words(event) for event in digest.events if event.kind in GAPS])
    found += _few("event", [_event_words(event) for event in digest.events if event.kind not in GAPS])
    found += _few("damage", [f"damage {safe(damage)}" for damage in digest.damage])
    return found


def watched(report: Report) -> float:
    """Seconds from the first tick that is judged to the last."""
    return max(report.digest.last.mono - report.digest.first.mono, 0.0)


def uptime(report: Report) -> float | None:
    """Seconds that the machine was up at the end, without suspends; None where captures do not tell."""
    return None if report.digest.header.origin else report.digest.last.mono


def amount(report: Report, name: str) -> int | None:
    """Bytes of a line of the memory section at the end."""
    rows = report.digest.frame.sections["memory"].rows
    return next((row.size.value for row in rows if row.record.name == name), None)


def utc(wall: float) -> str:
    """To the second, in UTC, since a report is read anywhere; "-" for a time that no calendar reaches."""
    try:
        return datetime.fromtimestamp(wall, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (ValueError, OverflowError, OSError):
        return "-"


def _few(noun: str, items: list[str]) -> Iterator[str]:
    yield from items[:_MOST]
    if len(items) > _MOST:
        yield f"and {len(items) - _MOST} more of {noun}"


def _event_words(event: Event) -> str:
    length = "" if event.seconds is None else f"of {event.seconds:g} s"
    parts = (event.kind, length, f"at {utc(event.wall)}", f": {event.text}" if event.text else "")
    return safe(" ".join(part for part in parts if part).replace(" : ", ": "))
