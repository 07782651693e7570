"""`leaktop report FILE`: the verdict with everything it rests on, to be read, printed, or attached to a bug report."""

from __future__ import annotations

import argparse
import io
import os
import sys
import time
from importlib import import_module
from typing import TYPE_CHECKING, Any

import leaktop
from leaktop.cli.moments import add_span, span
from leaktop.cli.opening import open_recording
from leaktop.cli.options import seconds
from leaktop.cli.saying import complain, say
from leaktop.cli.signals import heed, leave
from leaktop.engine.digest import digest
from leaktop.private_file import create_private, remove_private
from leaktop.recording.reader import RecordingError
from leaktop.view.report import Report

if TYPE_CHECKING:
    from leaktop.engine.digest import Digest

_FORMATS = {"text": "text", "markdown": "markdown", "html": "html", "json": "document"}
"""And the files of leaktop.view.report that write them."""
_SUFFIXES = {".md": "markdown", ".markdown": "markdown", ".html": "html", ".htm": "html", ".json": "json"}
_PLAIN = str.maketrans("▁▂▃▄▅▆▇█▲✓·", "_.:-=+*#^v.")
"""For a terminal that has ASCII only."""
_PATIENCE = 1.0
"""Seconds of reading after which a terminal is told how far it is."""


def add_parser(verbs: Any) -> None:
    """The options of `report`."""
    parser = verbs.add_parser(
        "report",
        help="say what leaks, and why that is so, as text, Markdown, HTML or JSON",
        usage="leaktop report FILE|--live TIME [options]",
        description="The verdict on a recording, on captures, or on this machine, with what it rests on. Of several "
        "boots the last is judged.",
    )
    add_span(parser, "judge")
    parser.add_argument("file", nargs="?", metavar="FILE", help="a recording, or a directory of captures")
    parser.add_argument("--live", type=seconds, metavar="TIME", help="watch this machine for so long: 60s, 5m")
    parser.add_argument("--format", choices=list(_FORMATS), help="default: text, or what OUT's name ends with")
    parser.add_argument("-o", "--output", metavar="OUT", help="a new file")
    parser.add_argument(
        "--read-only",
        action="store_true",
        default=argparse.SUPPRESS,
        help="with --live: never write to the kernel, nor make it load a module",
    )
    parser.set_defaults(run=run)


def run(choices: argparse.Namespace) -> int:
    """Write the report, and return 0 whatever it says; 2 where there is nothing to judge, or nowhere to write."""
    if (choices.file is None) == (choices.live is None):
        return complain("one of FILE and --live TIME is wanted: leaktop report leak.leaktop, leaktop report --live 60s")
    heed(leave)
    target: int | None = None
    if choices.output:
        try:
            target = create_private(choices.output)
        except FileExistsError:
            return complain(f"{choices.output}: there is something of that name already, which is left alone")
        except OSError as error:
            return complain(f"{choices.output}: {error.strerror or error}")
    try:
        page = _page(choices)
        if target is None:
            _print(page, _format(choices))
            return 0
        with open(target, "wb") as file:
            target = None
            file.write(page.encode("utf-8", "backslashreplace"))
    except BaseException as error:
        if choices.output:  # nothing, or half of it, is no report
            if target is not None:
                os.close(target)
            remove_private(choices.output)
        if isinstance(error, (RecordingError, ValueError)):
            return complain(error)
        raise
    say(f"{choices.output}: {os.stat(choices.output).st_size:,} bytes")
    return 0


def _format(choices: argparse.Namespace) -> str:
    suffix = os.path.splitext(choices.output or "")[1].lower()
    return choices.format or _SUFFIXES.get(suffix, "text")


def _page(choices: argparse.Namespace) -> str:
    found = _watched(choices) if choices.live else _recorded(choices)
    source = "" if choices.live else choices.file
    report = Report(found, found.frame.diagnosis, source, leaktop.__version__)
    page: str = import_module(f"leaktop.view.report.{_FORMATS[_format(choices)]}").render(report)
    return page


def _watched(choices: argparse.Namespace) -> Digest:
    from leaktop.cli.watching import Watch

    found = Watch(choices.live, is_read_only=choices.read_only).run()
    if found is None:
        raise RecordingError("nothing of this machine's memory could be read")
    return found


def _recorded(choices: argparse.Namespace) -> Digest:
    recording = open_recording(choices.file)
    first, last = recording.first(), recording.last()
    if first is None or last is None:
        reasons = [damage.reason for damage in recording.damage]
        raise RecordingError(f"{choices.file}: no tick can be read" + (f": {reasons[0]}" if reasons else ""))
    # By the clock only where one was named: a clock that was set back would lead to another tick than the last.
    if choices.begin != "start" or choices.end != "end":
        asked = span(recording, choices.begin, choices.end)
        first = first if choices.begin == "start" else asked.first
        last = last if choices.end == "end" else asked.last
    began = said = time.monotonic()

    def progress(share: float) -> None:
        nonlocal said
        now = time.monotonic()
        if sys.stderr.isatty() and now - began > _PATIENCE and now - said > _PATIENCE / 5:
            print(f"\r\x1b[Kreading, {min(share, 1):.0%}", end="", file=sys.stderr, flush=True)
            said = now

    try:
        return digest(recording, first, last, progress)
    finally:
        if said != began:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def _print(page: str, form: str) -> None:
    """To standard output: a page is UTF-8 whatever the locale, text is what the terminal can show."""
    out = sys.stdout
    if not isinstance(out, io.TextIOWrapper):
        out.write(page)
        return
    if form in {"html", "markdown"}:
        out.reconfigure(encoding="utf-8")
    try:
        "▁".encode(out.encoding)
    except UnicodeEncodeError:
        page = page.translate(_PLAIN)
    out.reconfigure(errors="backslashreplace")  # a name may hold what the locale cannot say
    out.write(page)
