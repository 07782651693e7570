"""`leaktop diff FILE T1 T2`: what grew between two moments of a recording."""

from __future__ import annotations

import argparse
import io
import json
import sys
from typing import TYPE_CHECKING, Any

from leaktop.cli.moments import FORMS, iso, local, nearest, take_moments
from leaktop.cli.opening import open_recording
from leaktop.cli.options import count
from leaktop.cli.saying import complain
from leaktop.engine.between import compare, was_read
from leaktop.engine.engine import Engine
from leaktop.engine.sections import SECTIONS
from leaktop.recording.reader import RecordingError
from leaktop.units import human_bytes, human_count, human_delta, human_duration, human_rate
from leaktop.view.cells import sanitise, width_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from leaktop.engine.between import Change
    from leaktop.model.frame import Frame
    from leaktop.model.sample import Machine
    from leaktop.recording.reader import Place, Recording

_LIMIT = 30
"""Rows of each list that the text shows unless told otherwise."""
_NAME_WIDTH = 34


def add_parser(verbs: Any) -> None:
    """The options of `diff`."""
    parser = verbs.add_parser(
        "diff",
        help="say what grew between two moments of a recording",
        description=f"What grew between two moments, most bytes first. A moment: {FORMS}.",
    )
    take_moments(parser)
    parser.add_argument("file", metavar="FILE", help="a recording, or a directory of captures")
    parser.add_argument("before", metavar="T1", help="the earlier moment")
    parser.add_argument("after", metavar="T2", help="the later one")
    parser.add_argument("--json", action="store_true", help="for programs: bytes as integers, null where unknown")
    parser.add_argument("--limit", type=count, metavar="N", help=f"the first N of each list (text: {_LIMIT})")
    parser.add_argument(
        "--section",
        choices=[rule.name for rule in SECTIONS],
        metavar="S",
        help=f"only this one: {', '.join(rule.name for rule in SECTIONS)}",
    )
    parser.set_defaults(run=run)


def run(choices: argparse.Namespace) -> int:
    """Print what changed, and return 0; 2 where it cannot be told."""
    try:
        recording = open_recording(choices.file)
        places, notes = _places(recording, choices.before, choices.after)
    except (RecordingError, ValueError) as error:
        return complain(error)
    before, after = (_frame(recording, place) for place in places)
    seconds, more = _elapsed(before, after, choices.section)
    changes = compare(before, after, seconds, choices.section)
    grown = [change for change in changes if change.bytes > 0]
    shrunk = sorted((change for change in changes if change.bytes < 0), key=lambda change: change.bytes)
    notes += more
    if choices.json:
        document = {
            "from": iso(before.wall),
            "to": iso(after.wall),
            "seconds": round(seconds, 3),
            "grown": [change._asdict() for change in grown[: choices.limit]],
            "shrunk": [change._asdict() for change in shrunk[: choices.limit]],
            "notes": notes,
        }
        json.dump(document, sys.stdout, indent=1, ensure_ascii=True)
        print()
        return 0
    if isinstance(sys.stdout, io.TextIOWrapper):  # a name may hold what the locale cannot say
        sys.stdout.reconfigure(errors="backslashreplace")
    limit = choices.limit or _LIMIT
    print(f"From {local(before.wall)} to {local(after.wall)}, {human_duration(seconds)}")
    for note in notes:
        print(f"note: {sanitise(note)}")
    for title, some in (("Grown", grown), ("Shrunk", shrunk)):
        for line in _table(title, some, limit):
            print(line)
    return 0


def _places(recording: Recording, first: str, second: str) -> tuple[tuple[Place, Place], list[str]]:
    (before, note), (after, other) = nearest(recording, first), nearest(recording, second)
    notes = [text for text in (note, other) if text]
    if after < before:
        notes.append(f"{second} is before {first}: the two are swapped")
        before, after = after, before
    if before == after:
        notes.append("both are the same tick: nothing can have grown")
    return (before, after), notes


def _frame(recording: Recording, place: Place) -> Frame:
    """Everything that was known at a tick. Each has an engine of its own: the two may be of different machines."""
    return Engine(recording.header_at(place).machine).feed(recording.state(place))


def _elapsed(before: Frame, after: Frame, section: str | None) -> tuple[float, list[str]]:
    """Seconds between two frames, and what to know before comparing them."""
    notes = []
    is_one_boot = _boot(before.machine) == _boot(after.machine) and after.mono >= before.mono
    if before.machine.hostname != after.machine.hostname:
        notes.append(
            f"two machines, {before.machine.hostname or 'unknown'} and {after.machine.hostname or 'unknown'}: "
            "what differs between them need not have grown"
        )
    elif not is_one_boot:
        notes.append("the machine was booted in between: everything began anew")
    if before.machine.release != after.machine.release:
        notes.append(f"two kernels, {before.machine.release} and {after.machine.release}")
    for name, later in after.sections.items():
        if section not in {None, name}:
            continue
        for moment, read in (("first", before.sections[name]), ("second", later)):
            if not was_read(read):
                reason = read.fault.reason if read.fault else "not read yet"
                notes.append(f"{name} is not compared: {reason}, at the {moment} moment")
                break
    seconds = after.mono - before.mono if is_one_boot else after.wall - before.wall
    return max(seconds, 0.0), notes


def _boot(machine: Machine) -> tuple[str | None, str | None]:
    return machine.boot_id, machine.hostname


def _table(title: str, changes: Sequence[Change], limit: int) -> Iterator[str]:
    yield ""
    if not changes:
        yield f"{title}: nothing"
        return
    more = f", the first {limit} of {len(changes)}" if len(changes) > limit else ""
    yield f"{title}{more}; ~ can be reclaimed"
    yield f"  {'bytes':>7} {'rate':>8} {'now':>6} {'objs':>7}  {'kind':<11} name"
    for change in changes[:limit]:
        objects = "-" if change.objects is None else f"{'+' * (change.objects > 0)}{human_count(change.objects)}"
        note = f"  {sanitise(change.note)}" if change.note else ""
        name = sanitise(change.name)
        space = " " * max(_NAME_WIDTH - width_of(name), 0) if note else ""
        yield (
            f"{'~' if change.is_cache else ' '} {human_delta(change.bytes):>7} {human_rate(change.bytes_per_s):>8} "
            f"{human_bytes(change.to_bytes):>6} {objects:>7}  {change.kind:<11} {name}{space}{note}"
        )
