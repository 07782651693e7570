"""`leaktop info FILE`: what a recording holds, and what is missing."""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
import textwrap
from statistics import median
from typing import TYPE_CHECKING, Any

from leaktop.cli.moments import iso, local
from leaktop.cli.opening import open_recording
from leaktop.cli.saying import complain
from leaktop.recording.reader import RecordingError
from leaktop.recording.tally import tally
from leaktop.units import human_bytes, human_duration
from leaktop.view.cells import sanitise

if TYPE_CHECKING:
    from collections.abc import Iterator

    from leaktop.model.sample import Event
    from leaktop.recording.layout import Damage
    from leaktop.recording.lines import Header
    from leaktop.recording.reader import Recording
    from leaktop.recording.tally import Tally

_GAPS = ("gap", "suspend", "clock", "reboot")
_MOST_LISTED = 20
"""Gaps, events and damages of each kind that the text lists; the JSON has all."""
_WIDTH = 78


def add_parser(verbs: Any) -> None:
    """The options of `info`."""
    parser = verbs.add_parser("info", help="say what a recording holds, and what is missing")
    parser.add_argument("file", metavar="FILE", help="a recording, or a directory of captures")
    parser.add_argument("--json", action="store_true", help="for programs: bytes as integers, null where unknown")
    parser.set_defaults(run=run)


def run(choices: argparse.Namespace) -> int:
    """Print it, and return 0: that a recording is damaged is an answer too. 2 where no tick can be read."""
    try:
        recording = open_recording(choices.file)
    except RecordingError as error:
        return complain(error)
    counted = tally(recording)
    header = recording.header
    if not counted.ticks or header is None:
        reasons = [damage.reason for damage in recording.damage]
        return complain(f"{choices.file}: no tick can be read" + (f": {reasons[0]}" if reasons else ""))
    size = _size(choices.file)
    if choices.json:
        json.dump(_document(recording, header, counted, size), sys.stdout, indent=1, ensure_ascii=True)
        print()
        return 0
    if isinstance(sys.stdout, io.TextIOWrapper):  # a name may hold what the locale cannot say
        sys.stdout.reconfigure(errors="backslashreplace")
    for line in _text(choices.file, recording, header, counted, size):
        print(line)
    return 0


def _size(path: str) -> int | None:
    """Bytes of the file, or of all files below a directory; None where nobody can tell."""
    try:
        if not os.path.isdir(path):
            return os.stat(path).st_size
        return sum(os.lstat(os.path.join(above, name)).st_size for above, _, names in os.walk(path) for name in names)
    except OSError:
        return None


def _document(recording: Recording, header: Header, counted: Tally, size: int | None) -> dict[str, Any]:
    events = recording.events()
    cadences = _cadences(header)
    return {
        "ticks": counted.ticks,
        "duration_s": round(counted.seconds, 3),
        "bytes": size,
        "bytes_per_tick": None if size is None else round(size / counted.ticks, 1),
        "probes": {
            name: {
                "samples": probe.samples,
                "bytes": probe.bytes,
                "faults": probe.faults,
                "cadence_s": cadences.get(name),
                "median_ms": round(median(probe.costs), 3),
            }
            for name, probe in counted.probes.items()
        },
        "gaps": [_gap(event) for event in events if event.kind in _GAPS],
        "damage": [_damage(damage) for damage in recording.damage],
        "header": _header(header),
        "events": [
            {"at": iso(event.wall), "kind": event.kind, "text": event.text}
            for event in events
            if event.kind not in _GAPS
        ],
        "chapters": len(recording.stretches),
        "from": iso(counted.first.wall) if counted.first else None,
        "to": iso(counted.last.wall) if counted.last else None,
    }


def _gap(event: Event) -> dict[str, Any]:
    return {"at": iso(event.wall), "seconds": event.seconds, "kind": event.kind}


def _damage(damage: Damage) -> dict[str, Any]:
    return {
        "offset": damage.offset,
        "bytes": damage.bytes,
        "reason": damage.reason,
        "from": iso(damage.first.wall) if damage.first else None,
        "to": iso(damage.last.wall) if damage.last else None,
        "ticks": damage.ticks,
    }


def _header(header: Header) -> dict[str, Any]:
    machine = header.machine
    return {
        "hostname": machine.hostname,
        "release": machine.release,
        "architecture": machine.architecture,
        "page_size": machine.page_size,
        "boot_id": machine.boot_id,
        "cmdline": machine.cmdline,
        "vmap_stack": machine.vmap_stack,
        "reader_pid": machine.reader_pid,
        "interval_s": header.interval,
        "leaktop": header.version,
        "origin": header.origin or None,
        "redacted": header.is_redacted,
    }


def _text(path: str, recording: Recording, header: Header, counted: Tally, size: int | None) -> Iterator[str]:
    machine = header.machine
    facts = (machine.hostname or "unknown host", f"kernel {machine.release or 'unknown'}", machine.architecture)
    chapters = len(recording.stretches)
    each = f"{human_bytes(size and size / counted.ticks)} a tick"
    origin = f", made from {header.origin}" if header.origin else ""
    redacted = ", redacted: names and addresses are stand-ins" if header.is_redacted else ""
    yield from _lines(f"{path}: {', '.join(filter(None, facts))}")
    if counted.first and counted.last:
        yield f"  from    {local(counted.first.wall)} to {local(counted.last.wall)}"
    yield f"  length  {human_duration(counted.seconds)}, {counted.ticks} ticks, one every {header.interval:g} s"
    yield f"  size    {human_bytes(size)}, {each}, {chapters} chapter{'s' * (chapters != 1)}"
    yield from _lines(f"  by      leaktop {header.version}{origin}{redacted}")
    if machine.cmdline:
        yield from _lines(f"  booted  {machine.cmdline}")
    yield ""
    yield from _probe_lines(header, counted)
    events = recording.events()
    yield from _listed("gaps", [_event_words(event) for event in events if event.kind in _GAPS])
    yield from _listed("events", [_event_words(event) for event in events if event.kind not in _GAPS])
    yield from _listed("damage", [_damage_words(damage) for damage in recording.damage])


def _probe_lines(header: Header, counted: Tally) -> Iterator[str]:
    cadences = _cadences(header)
    yield f"  {'probe':<16} {'samples':>8} {'faults':>7} {'read':>7} {'every':>7} {'median':>9}"
    for name, probe in counted.probes.items():
        cadence = cadences.get(name)
        every = "-" if cadence is None else f"{cadence:g} s"
        yield (
            f"  {sanitise(name):<16} {probe.samples:>8} {probe.faults:>7} {human_bytes(probe.bytes):>7} {every:>7} "
            f"{median(probe.costs):>6.3g} ms"
        )


def _listed(title: str, items: list[str]) -> Iterator[str]:
    yield ""
    if not items:
        yield f"  no {title}"
        return
    yield f"  {title}: {len(items)}"
    for item in items[:_MOST_LISTED]:
        yield from _lines(f"    {item}")
    if len(items) > _MOST_LISTED:
        yield f"    and {len(items) - _MOST_LISTED} more, which --json lists"


def _event_words(event: Event) -> str:
    length = "" if event.seconds is None else f"{event.seconds:g} s"
    return "  ".join(part for part in (local(event.wall), event.kind, length, event.text) if part)


def _damage_words(damage: Damage) -> str:
    lost = "" if damage.ticks is None else f"; {damage.ticks} ticks lost"
    span = f", {local(damage.first.wall)} to {local(damage.last.wall)}" if damage.first and damage.last else ""
    return f"at byte {damage.offset}, {human_bytes(damage.bytes)}: {damage.reason}{lost}{span if lost else ''}"


def _lines(text: str) -> list[str]:
    """Safe to show, wrapped to a terminal's width."""
    indent = " " * (len(text) - len(text.lstrip(" ")) + 8)
    return textwrap.wrap(sanitise(text), _WIDTH, subsequent_indent=indent, break_on_hyphens=False)


def _cadences(header: Header) -> dict[str, float | None]:
    """Seconds between reads of each probe: a probe declares them for ticks of one second."""
    return {probe.name: None if probe.cadence is None else probe.cadence * header.interval for probe in header.probes}
