"""One line of a recording, written and read: a JSON object that ends with the CRC-32 of what stands before it.

A recording is a series of chapters, each readable alone. The lines of a chapter, told apart by their first key:

    {"leaktop": "recording", "format": 1, "version": ..., "interval": ..., "machine": {...}, "probes": {...}}
    {"state": {PROBE: SAMPLE, ...}, "mono": ..., "wall": ...}     what earlier chapters last said of slower probes
    {"tick": 0, "mono": ..., "wall": ..., "samples": {PROBE: SAMPLE, ...}}
    {"event": KIND, "mono": ..., "wall": ..., "text": ..., "seconds": ...}

SAMPLE is {"text": ...}, the bytes as UTF-8 with every odd byte as a lone surrogate (PEP 383), so that any byte
survives; or {"same": N}: the bytes that tick N of this chapter gave, -1 for the state; or {"fault": {...}}. Beside it
"ms", what the read took, and "at", how many seconds before the tick it began, where that is much.
"""

from __future__ import annotations

import json
import re
import zlib
from typing import TYPE_CHECKING, Any, NamedTuple

from leaktop.model.sample import Event, Fault, Machine, Probe, RawSample

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

FORMAT = 1
STATE = -1
"""Where "same" means the state at the chapter's beginning."""
_CRC = re.compile(rb',"crc":"([0-9a-f]{8})"\}\s*\Z')
_EARLY = 0.05
"""Seconds before its tick from which on a sample's own beginning is worth its bytes."""
_KINDS = {"missing", "denied", "disabled", "busy", "empty", "malformed", "unsupported", "failed"}


class LineError(ValueError):
    """A line that is damaged, or of no format that this version knows; the message says which."""


class Header(NamedTuple):
    """What holds for a whole session: the machine, the recorder, what it read and how often."""

    machine: Machine
    interval: float
    """Seconds between ticks, as asked for."""
    probes: tuple[Probe, ...]
    version: str
    """Of the leaktop that wrote it."""
    origin: str = ""
    """What an import was made from; empty for a recorder's own."""
    is_redacted: bool = False


def seal(body: Mapping[str, Any]) -> bytes:
    """The line of an object, its checksum and newline included."""
    text = json.dumps(body, separators=(",", ":")).encode()
    return b'%s,"crc":"%08x"}\n' % (text[:-1], zlib.crc32(text[:-1]))


def unseal(line: bytes) -> dict[str, Any]:
    """The object of a line. One without a checksum is taken as it is: somebody wrote it by hand.

    Raises:
        LineError: the checksum is wrong, or this is no JSON object.
    """
    found = _CRC.search(line)
    if found and zlib.crc32(memoryview(line)[: found.start()]) != int(found[1], 16):
        raise LineError("its checksum is wrong")
    try:
        body = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise LineError("it is no JSON") from error
    if not isinstance(body, dict):
        raise LineError("it is no JSON object")
    return body


def is_sealed(line: bytes) -> bool:
    """Whether the line carries its checksum, and it is right."""
    found = _CRC.search(line)
    return found is not None and zlib.crc32(memoryview(line)[: found.start()]) == int(found[1], 16)


def header_line(header: Header) -> bytes:
    """The line that a chapter begins with."""
    machine = header.machine
    return seal(
        {
            "leaktop": "recording",
            "format": FORMAT,
            "version": header.version,
            "interval": header.interval,
            "origin": header.origin,
            "redacted": header.is_redacted,
            "machine": {name: getattr(machine, name) for name in _MACHINE},
            "probes": {p.name: {"lane": p.lane, "cadence": p.cadence, "path": p.path} for p in header.probes},
        }
    )


_MACHINE: dict[str, tuple[type, ...]] = {
    "release": (str,),
    "hostname": (str,),
    "page_size": (int,),
    "boot_id": (str,),
    "architecture": (str,),
    "cmdline": (str,),
    "vmap_stack": (bool,),
    "reader_pid": (int,),
}
"""The facts of a machine that are recorded, and their types."""


def read_header(body: Mapping[str, Any]) -> Header:
    """The header that a line holds.

    Raises:
        LineError: it is none, or of a later format.
    """
    if body.get("leaktop") != "recording":
        raise LineError("it is no header of a leaktop recording")
    version = body.get("format")
    if not isinstance(version, int) or version > FORMAT:
        raise LineError(f"its format is {version!r}, this leaktop reads up to {FORMAT}: a newer leaktop can read it")
    facts = _object(body.get("machine"))
    known = {name: facts.get(name) for name in _MACHINE}
    checked: dict[str, Any] = {
        name: value if isinstance(value, _MACHINE[name]) else None for name, value in known.items()
    }
    if checked["page_size"] not in {1 << bits for bits in range(12, 21)}:
        raise LineError("its header names no page size")
    probes = tuple(
        Probe(
            name,
            str(probe.get("lane") or name),
            _number(probe.get("cadence")),
            str(probe.get("path") or name),
        )
        for name, probe in ((name, _object(probe)) for name, probe in _object(body.get("probes")).items())
    )
    return Header(
        Machine(is_live=False, **checked),
        min(max(_number(body.get("interval")) or 1.0, 0.01), 1e6),
        probes,
        str(body.get("version") or "unknown"),
        str(body.get("origin") or ""),
        bool(body.get("redacted")),
    )


def sample_body(sample: RawSample, mono: float, same: int | None) -> dict[str, Any]:
    """The object of a sample.

    Args:
        sample: what was read.
        mono: the time of its tick.
        same: the tick of this chapter that gave the same bytes; None where they are new.
    """
    body: dict[str, Any]
    if sample.content is None:
        fault = sample.fault or Fault("failed", f"{sample.probe}: nothing was read")
        body = {"fault": {"kind": fault.kind, "reason": fault.reason, "remedy": fault.remedy}}
    elif same is not None:
        body = {"same": same}
    else:
        body = {"text": sample.content.decode("utf-8", "surrogateescape")}
    body["ms"] = float(f"{sample.cost * 1000:.2g}")
    early = mono - sample.mono
    if early > _EARLY:
        body["at"] = -round(early, 2)
    return body


def read_sample(
    probe: str, body: object, mono: float, wall: float, text_of: Callable[[str, int], bytes | None]
) -> RawSample:
    """The sample that a line holds.

    Args:
        probe: its name.
        body: the object.
        mono: the tick's time.
        wall: likewise.
        text_of: gives the bytes of a probe at an earlier tick of the chapter; None where they are lost.
    """
    fields = _object(body)
    content: bytes | None = None
    fault: Fault | None = None
    text, same = fields.get("text"), fields.get("same")
    if isinstance(text, str):
        content = _bytes_of(text)
    elif isinstance(same, int):
        content = text_of(probe, same)
    if content is None:
        given = _object(fields.get("fault"))
        kind = given.get("kind")
        fault = Fault(
            kind if kind in _KINDS else "failed",
            str(given.get("reason") or f"{probe}: the recording lost what was read here"),
            None if given.get("remedy") is None else str(given["remedy"]),
        )
    early = _number(fields.get("at")) or 0.0
    cost = (_number(fields.get("ms")) or 0.0) / 1000
    return RawSample(probe, content, fault, mono + early, wall + early, cost)


def _bytes_of(text: str) -> bytes:
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # surrogates that stand for no byte: no recorder of ours wrote them
        return text.encode("utf-8", "replace")


def event_line(event: Event) -> bytes:
    """The line of an event."""
    return seal(event_body(event))


def event_body(event: Event) -> dict[str, Any]:
    """The object of an event."""
    return {
        "event": event.kind,
        "mono": event.mono,
        "wall": event.wall,
        "text": event.text,
        "seconds": event.seconds,
    }


def read_event(body: Mapping[str, Any]) -> Event:
    """The event that an object holds.

    Raises:
        LineError: it has no time.
    """
    mono, wall = times(body)
    return Event(mono, wall, str(body.get("event")), str(body.get("text") or ""), _number(body.get("seconds")))


def times(body: Mapping[str, Any]) -> tuple[float, float]:
    """The monotonic and the wall time of a line.

    Raises:
        LineError: it has none that a clock could show.
    """
    mono, wall = _number(body.get("mono")), _number(body.get("wall"))
    if mono is None or wall is None:
        raise LineError("it has no time")
    return mono, wall


def _number(value: object) -> float | None:
    """A number that is one: no truth value, no infinity, nothing beyond what a clock counts."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e13:
        return None
    return float(value)


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
