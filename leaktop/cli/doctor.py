"""`leaktop doctor`: what this kernel and this user can see, and how to see more."""

from __future__ import annotations

import argparse
import json
import os
import sys
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

import leaktop
from leaktop.cli.saying import say
from leaktop.control import kmemleak
from leaktop.engine.reading import read_probe
from leaktop.sources.facilities import Host, survey
from leaktop.sources.filesystem import FileSystemSource
from leaktop.units import human_bytes
from leaktop.view.cells import sanitise

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from leaktop.model.sample import Machine, Probe, RawSample

_WORDS: dict[bool | None, str] = {True: "yes", False: "no", None: "?"}
_GLYPHS: dict[bool | None, str] = {True: "✓", False: "✗", None: "?"}
_ASCII: dict[bool | None, str] = {True: "+", False: "-", None: "?"}


def add_parser(verbs: Any) -> None:
    """The options of `doctor`."""
    parser = verbs.add_parser("doctor", help="say what can be seen here, and what would show more")
    parser.add_argument("--json", action="store_true", help="for programs: null where it cannot be told")
    parser.add_argument(
        "--root", default=argparse.SUPPRESS, metavar="DIR", help="say what a sosreport or a captured tree holds"
    )
    parser.add_argument(
        "--read-only",
        action="store_true",
        default=argparse.SUPPRESS,
        help="never write to the kernel, nor make it load a module",
    )
    parser.set_defaults(run=run)


def run(choices: argparse.Namespace) -> int:
    """Print what was found, and return 0; 2 where there is nothing to look at."""
    if not os.path.isdir(choices.root):
        say(f"{choices.root}: no such directory")
        return 2
    may_write = choices.root == "/" and not choices.read_only
    # Asking waits for a scan that is under way: once is enough for the probe and the facility.
    is_enabled = cache(kmemleak.is_enabled) if may_write else None
    source = FileSystemSource(choices.root, is_read_only=choices.read_only, kmemleak_enabled=is_enabled)
    samples = {probe.name: read_probe(source, probe, None) for probe in source.probes}
    source.close()
    known = {name: sample for name, sample in samples.items() if sample}
    answers = survey(Host(choices.root, source.machine, known, is_enabled))
    document = {
        "leaktop": leaktop.__version__,
        "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "kernel": source.machine.release,
        "root": choices.root,
        "uid": os.geteuid(),
        "probes": [_probe(probe, samples[probe.name]) for probe in source.probes],
        "facilities": [{"name": name, **answer._asdict()} for name, answer in answers.items()],
    }
    if choices.json:
        json.dump(document, sys.stdout, indent=1, ensure_ascii=True)
        print()
    else:
        _print(_text(document, source.machine))
    return 0


def _probe(probe: Probe, sample: RawSample | None) -> dict[str, Any]:
    fault = sample.fault if sample else None
    content = sample.content if sample else None
    return {
        "name": probe.name,
        "path": probe.path,
        "status": "unavailable" if fault else "ok",
        "reason": fault.reason if fault else None if sample else "sock_diag lists these sockets: not read",
        "remedy": fault.remedy if fault else None,
        "seconds": round(sample.cost, 6) if sample else None,
        "bytes": None if content is None else len(content),
    }


def _text(document: dict[str, Any], machine: Machine) -> Iterator[str]:
    facts = [
        machine.hostname or "unknown host",
        f"kernel {machine.release or 'unknown'}",
        machine.architecture or "unknown architecture",
        f"pages of {human_bytes(machine.page_size)}",
        f"uid {document['uid']}" if machine.is_live else f"captured in {document['root']}",
    ]
    yield sanitise(", ".join(facts))
    yield ""
    yield "Probes"
    rows = [
        (
            probe["status"] == "ok",
            [probe["name"], _time(probe["seconds"]), human_bytes(probe["bytes"])],
            probe["reason"] or probe["path"],
            probe["remedy"],
        )
        for probe in document["probes"]
    ]
    yield from _table(rows)
    yield ""
    yield "Facilities"
    yield from _table([(f["available"], [f["name"]], f["detail"], f["remedy"]) for f in document["facilities"]])


def _table(rows: list[tuple[bool | None, list[str], str, str | None]]) -> Iterator[str]:
    """A line for each row, its remedy on a line of its own; the first column to the left, figures to the right."""
    if not rows:
        return
    glyphs = _GLYPHS if _can_print("".join(_GLYPHS.values())) else _ASCII
    widths = [max(map(len, column)) for column in zip(*(cells for _, cells, _, _ in rows), strict=True)]
    for verdict, (name, *figures), detail, remedy in rows:
        aligned = [name.ljust(widths[0]), *(f.rjust(width) for f, width in zip(figures, widths[1:], strict=True))]
        yield f"  {glyphs[verdict]} {_WORDS[verdict]:<3}  {'  '.join(map(sanitise, aligned))}  {sanitise(detail)}"
        if remedy:
            yield f"         -> {sanitise(remedy)}"


def _time(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds:.1f} s" if seconds >= 1 else f"{seconds * 1000:.1f} ms"


def _can_print(text: str) -> bool:
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        print(line if _can_print(line) else line.encode("ascii", "backslashreplace").decode())
