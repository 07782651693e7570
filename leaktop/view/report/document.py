"""The report for programs: names as the kernel gave them, figures as numbers, null where unknown."""

from __future__ import annotations

import json
from math import isfinite
from typing import TYPE_CHECKING, Any

from leaktop.view.report.facts import amount, is_missed, uptime, utc, watched

if TYPE_CHECKING:
    from leaktop.model.diagnosis import Case, Unit
    from leaktop.view.report import Report


def render(report: Report) -> str:
    """JSON, in ASCII."""
    return json.dumps(_finite(document(report)), indent=1, ensure_ascii=True, allow_nan=False) + "\n"


def document(report: Report) -> dict[str, Any]:
    """The report as a dictionary."""
    digest, diagnosis = report.digest, report.diagnosis
    return {
        "verdict": {"class": diagnosis.verdict.name, "summary": diagnosis.verdict.summary},
        "suspects": [_suspect(case) for case in diagnosis.cases],
        "lockstep": [_unit(unit) for unit in diagnosis.units],
        "triage": [
            {"step": step.step, "finding": step.finding, "value": step.value, "detail": step.detail}
            for step in diagnosis.triage
        ],
        "machine": _machine(report),
        "watched_s": _rounded(watched(report)),
        "loss_bytes_per_s": _rounded(diagnosis.loss),
        "from": utc(digest.first.wall),
        "to": utc(digest.last.wall),
        "ticks": digest.ticks,
        "ticks_looked_at": digest.fed,
        "source": {
            "file": report.source or None,
            "origin": digest.header.origin or None,
            "interval_s": digest.header.interval,
            "recorded_by": digest.header.version,
            "redacted": digest.header.is_redacted,
        },
        "unavailable": {
            name: {"reason": section.fault.reason, "remedy": section.fault.remedy}
            for name, section in digest.frame.sections.items()
            if section.fault is not None and is_missed(section)
        },
        "events": [
            {"at": utc(event.wall), "kind": event.kind, "text": event.text, "seconds": event.seconds}
            for event in digest.events
        ],
        "damage": list(digest.damage),
        "notes": list(digest.notes),
        "leaktop": report.version,
    }


def _suspect(case: Case) -> dict[str, Any]:
    rise = case.rise
    return {
        "kind": case.kind,
        "name": case.name,
        "aliases": list(case.aliases),
        "bytes_per_s": _rounded(case.rate),
        "bytes": case.bytes,
        "confidence": case.confidence,
        "leak": case.is_leak,
        "evidence": list(case.evidence),
        "next": list(case.next),
        "low": _rounded(case.low),
        "high": _rounded(case.high),
        "seconds": _rounded(rise.seconds if rise else None),
        "objects": case.objects,
        "share": None if case.share is None else round(case.share, 4),
        "eta_s": _rounded(case.eta),
        "cache": case.is_cache,
        "explained": case.explained,
        "section": case.section,
        "note": case.note,
    }


def _unit(unit: Unit) -> dict[str, Any]:
    return {
        "members": [member.name for member in unit.members],
        "ratio": [int(m.ratio) if m.ratio == int(m.ratio) else m.ratio for m in unit.members],
        "units_per_s": None if unit.per_second is None else round(unit.per_second, 6),
        "bytes_per_unit": unit.bytes,
        "units": unit.count,
        "labels": [member.label for member in unit.members],
        "bytes": [member.bytes for member in unit.members],
    }


def _machine(report: Report) -> dict[str, Any]:
    machine = report.digest.frame.machine
    return {
        "release": machine.release,
        "hostname": machine.hostname,
        "architecture": machine.architecture,
        "memory_bytes": amount(report, "MemTotal"),
        "page_size": machine.page_size,
        "cmdline": machine.cmdline,
        "boot_id": machine.boot_id,
        "uptime_s": _rounded(uptime(report)),
        "vmap_stack": machine.vmap_stack,
    }


def _rounded(number: float | None) -> float | None:
    return None if number is None else round(number, 3)


def _finite(value: Any) -> Any:
    """The same without infinity and NaN, which JSON has no words for."""
    if isinstance(value, float):
        return value if isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_finite(inner) for inner in value]
    return value
