"""One line of a recording, written and read: a JSON object that ends with the CRC-32 of what stands before it.

A recording is a series of chapters, each readable alone. The lines of a chapter, told apart by a key:

    {"leaktop": "recording", "format": 1, "version": ..., "interval": ..., "machine": {...}, "probes": {...}}
    {"mono": ..., "wall": ..., "state": {PROBE: SAMPLE, ...}}     what earlier chapters last said of slower probes
    {"tick": 0, "mono": ..., "wall": ..., "samples": {PROBE: SAMPLE, ...}}
    {"event": KIND, "mono": ..., "wall": ..., "text": ..., "seconds": ...}

SAMPLE is {"text": ...}, the bytes as UTF-8 with every odd byte as a lone surrogate (PEP 383), so that any byte
survives; or {"same": N}: the bytes that tick N of this chapter gave, -1 for the state; or {"fault": {...}}. Beside it
"ms", what the read took, and "at", how many seconds before the tick it began, where that is much.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple, get_args

from leaktop.model.sample import Event, Fault, FaultKind, Machine, Probe, RawSample
from leaktop.recording.sealing import SLICE, as_text, seal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

FORMAT = 1
STATE = -1
"""Where "same" means the state at the chapter's beginning."""
LONGEST_LINE = 96 << 20
"""Bytes; no recorder of ours writes a longer one, and whoever reads it back has to hold it."""
_EARLY = 0.05
"""Seconds before its tick from which on a sample's own beginning is worth its bytes."""
_EARLIEST = 1e8
"""Seconds that a sample may be older than the line that it stands in; more is no age of anything."""
_YEAR_9000 = 2.2e11
"""Seconds since the epoch: later than that, and no calendar can show it."""
_KINDS: tuple[FaultKind, ...] = get_args(FaultKind)
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"')
_LONG = 4 << 20
"""Bytes of a line from which on its shape is looked at before it is parsed."""
_MOST_STRINGS = 1 << 16
_LARGEST_FRAMEWORK = 1 << 20


class LineError(ValueError):
    """A line that is damaged, or no line of a recording; the message says which."""


class FormatError(LineError):
    """The header of a format that this version does not know; the message says what would read it."""


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


def parse(line: bytes) -> dict[str, Any]:
    """The object of a line that a checksum vouches for: its own, or that of the frame around it.

    Raises:
        LineError: this is no JSON object.
    """
    if len(line) > _LONG and not _is_mostly_text(line):
        raise LineError("it is no line of a recording")
    try:
        body = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise LineError("it is no JSON") from error
    if not isinstance(body, dict):
        raise LineError("it is no JSON object")
    return body


def _is_mostly_text(line: bytes) -> bool:
    """Whether a long line is long because of its strings: a million empty lists would take much memory, once parsed."""
    framework = end = 0
    for number, found in enumerate(_STRING.finditer(line)):
        framework += found.start() - end
        end = found.end()
        if number > _MOST_STRINGS or framework > _LARGEST_FRAMEWORK:
            return False
    return framework + len(line) - end <= _LARGEST_FRAMEWORK


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
            "machine": {name: getattr(machine, name) for name in (*_MACHINE, "caveats")},
            "probes": {p.name: {"lane": p.lane, "cadence": p.cadence, "path": p.path} for p in header.probes},
        }
    )


_MACHINE: dict[str, type] = {
    "release": str,
    "hostname": str,
    "page_size": int,
    "boot_id": str,
    "architecture": str,
    "cmdline": str,
    "vmap_stack": bool,
    "reader_pid": int,
    "enclosure": str,
}
"""The facts of a machine that are recorded, and their types."""


def read_header(body: Mapping[str, Any]) -> Header:
    """The header that a line holds.

    Raises:
        FormatError: it is of a later format.
        LineError: it is none.
    """
    if body.get("leaktop") != "recording":
        raise LineError("it is no header of a leaktop recording")
    version = body.get("format")
    if type(version) is not int:
        raise LineError("its header names no format")
    if version > FORMAT:
        raise FormatError(f"its format is {version}, this leaktop reads up to {FORMAT}: a newer leaktop can read it")
    facts = _object(body.get("machine"))
    known = {name: facts.get(name) for name in _MACHINE}
    checked: dict[str, Any] = {name: value if type(value) is _MACHINE[name] else None for name, value in known.items()}
    if checked["page_size"] not in {1 << bits for bits in range(12, 21)}:
        raise LineError("its header names no page size")
    probes = tuple(
        Probe(name, _text(probe.get("lane"), name), _cadence(probe.get("cadence")), _text(probe.get("path"), name))
        for name, probe in ((name, _object(probe)) for name, probe in _object(body.get("probes")).items())
    )
    return Header(
        Machine(is_live=False, caveats=_caveats(facts.get("caveats")), **checked),
        min(max(_number(body.get("interval")) or 1.0, 0.01), 1e6),
        probes,
        _text(body.get("version"), "unknown"),
        _text(body.get("origin"), ""),
        bool(body.get("redacted")),
    )


def _caveats(value: object) -> tuple[tuple[str, str], ...]:
    """What was hidden, by section; recordings made before it was looked for say nothing."""
    found = value if isinstance(value, list) else []
    pairs = [tuple(one) for one in found if isinstance(one, list) and len(one) == 2]
    return tuple((section, words) for section, words in pairs if isinstance(section, str) and isinstance(words, str))


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
        # What is long becomes text by and by, as the line is written.
        body = {"text": sample.content if len(sample.content) > SLICE else as_text(sample.content)}
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
            next((known for known in _KINDS if known == kind), "failed"),
            _text(given.get("reason"), f"{probe}: the recording lost what was read here"),
            _text(given.get("remedy"), "") or None,
        )
    early = max(min(_number(fields.get("at")) or 0.0, 0.0), -_EARLIEST)
    cost = max(_number(fields.get("ms")) or 0.0, 0.0) / 1000
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
    return Event(
        mono, wall, _text(body.get("event"), "unknown"), _text(body.get("text"), ""), _number(body.get("seconds"))
    )


def times(body: Mapping[str, Any]) -> tuple[float, float]:
    """The monotonic and the wall time of a line.

    Raises:
        LineError: it has none that a clock could show.
    """
    mono, wall = _number(body.get("mono")), _number(body.get("wall"))
    if mono is None or wall is None or not 0 <= wall < _YEAR_9000:
        raise LineError("it has no time that a clock could show")
    return mono, wall


def _number(value: object) -> float | None:
    """A number that is one: no truth value, no infinity, nothing beyond what a clock counts."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e13:
        return None
    return float(value)


def _text(value: object, instead: str) -> str:
    return value if isinstance(value, str) and value else instead


def _cadence(value: object) -> float | None:
    seconds = _number(value)
    return seconds if seconds is not None and seconds > 0 else None


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
