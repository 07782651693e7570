"""`leaktop trace CACHE`: who allocates this? The answer of the best facility that this kernel has."""

from __future__ import annotations

import argparse
import io
import json
import os
import signal
import sys
from typing import TYPE_CHECKING, Any

from leaktop.cli.options import count, seconds
from leaktop.cli.saying import complain, say
from leaktop.cli.signals import heed, leave
from leaktop.engine.allocations import FACILITIES, AskError, Watch, choose
from leaktop.engine.engine import Engine
from leaktop.engine.reading import read_everything
from leaktop.engine.subjects import WORDS, NoSubjectError, find_subject
from leaktop.sources.filesystem import FileSystemSource
from leaktop.stopping import Stop
from leaktop.units import human_duration
from leaktop.view.allocations import document, text_lines
from leaktop.view.cells import sanitise

if TYPE_CHECKING:
    from leaktop.engine.allocations import Facility
    from leaktop.model.allocations import Allocations, Subject

_LIMIT = 10
"""Sites that the text shows unless told otherwise."""
_PROBES = {"slabinfo", "slab_links", "vmallocinfo"}


def add_parser(verbs: Any) -> None:
    """The options of `trace`."""
    parser = verbs.add_parser(
        "trace",
        help="say who allocates the memory of a cache, of a vmalloc caller, whole pages, or per-CPU memory",
        description="Say which code allocates this memory and keeps it, by the best way that this kernel has.",
    )
    parser.add_argument("subject", nargs="?", metavar="CACHE|CALLER|pages|percpu",
                        help="a slab cache by any of its names, a caller of vmallocinfo, pages, percpu")  # fmt: skip
    parser.add_argument("--for", dest="duration", type=seconds, default=10.0, metavar="TIME",
                        help="watch so long where it has to be watched (default 10s)")  # fmt: skip
    names = list(dict.fromkeys(facility.name for facility in FACILITIES))
    parser.add_argument("--facility", choices=names, metavar="NAME", help=f"ask this one: {', '.join(names)}")
    parser.add_argument("--sample", type=count, default=1, metavar="N",
                        help="look at one allocation of N; by itself only where there are too many")  # fmt: skip
    parser.add_argument("--limit", type=count, metavar="N", help=f"the first N places (text: {_LIMIT})")
    parser.add_argument("--json", action="store_true", help="for programs: bytes as integers, null where unknown")
    parser.add_argument("--list", action="store_true", help="list the ways to learn it, and why one is not there")
    parser.add_argument("--root", default=argparse.SUPPRESS, metavar="DIR", help="read DIR/proc and DIR/sys")
    parser.add_argument("--read-only", action="store_true", default=argparse.SUPPRESS, help="never write to the kernel")
    parser.set_defaults(run=run)


def run(choices: argparse.Namespace) -> int:
    """Ask, and print.

    Returns:
        0; 2 where there is no such subject, or nothing that can tell.
    """
    if not os.path.isdir(choices.root):
        return complain(f"{choices.root}: no such directory")
    if choices.subject is None and not choices.list:
        words = " or ".join(WORDS)
        return complain(f"name a cache, a vmalloc caller, {words}: leaktop trace filp; --list says what can tell")
    try:
        subject = find_subject(choices.subject or "pages", _look(choices.root))
        if choices.list:
            return _list(subject if choices.subject else None, choices.root)
        facility = choose(subject, choices.root, choices.facility, may_write=not choices.read_only)
        found = _ask(facility, subject, choices)
    except (NoSubjectError, AskError) as error:
        return complain(error)
    if choices.json:
        json.dump(document(found, choices.limit), sys.stdout, indent=1, ensure_ascii=True)
        print()
        return 0
    if isinstance(sys.stdout, io.TextIOWrapper):  # a name may hold what the locale cannot say
        sys.stdout.reconfigure(errors="backslashreplace")
    for line in text_lines(found, choices.limit or _LIMIT):
        print(line)
    return 0


def _look(root: str) -> Any:
    """What caches and callers there are."""
    source = FileSystemSource(root, is_read_only=True)
    source.probes = tuple(probe for probe in source.probes if probe.name in _PROBES)
    try:
        return Engine(source.machine).feed(read_everything(source))
    finally:
        source.close()


def _ask(facility: Facility, subject: Subject, choices: argparse.Namespace) -> Allocations:
    """The answer; Ctrl-C, or whatever else asks us to end, ends the watch early."""
    stop = Stop()
    heed(leave)
    signal.signal(signal.SIGINT, lambda *_: stop.set())
    shows = sys.stderr.isatty()
    say(f"{facility.name}, up to {human_duration(choices.duration)}: {facility.cost}")

    def progress(passed: float) -> None:
        if shows:
            left = human_duration(choices.duration - passed + 0.9)
            print(f"\r\x1b[Kwatching, {left} left; Ctrl-C ends it and tells", end="", file=sys.stderr, flush=True)

    try:
        return facility.find(Watch(subject, choices.duration, choices.root, choices.sample, stop, progress))
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        if shows:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def _list(subject: Subject | None, root: str) -> int:
    """Say of each facility whether it can tell, of a subject, or of each kind of them."""
    from leaktop.model.allocations import Subject as Any_

    kinds = {subject.kind: subject} if subject else {kind: Any_(kind, "") for kind in ("slab", "vmalloc", *WORDS)}
    for facility in FACILITIES:
        reasons = {kind: facility.missing(asked, root) for kind, asked in kinds.items()}
        for reason in dict.fromkeys(reasons.values()):
            if facility.is_on_request and reason is not None:
                continue  # another facility of that name has said why
            of = ", ".join(kind for kind in kinds if reasons[kind] == reason)
            able = f"can tell, if --facility {facility.name} insists" if facility.is_on_request else "can tell"
            print(f"{facility.name:<12} {of:<22} {able if reason is None else sanitise(reason)}")
    return 0
