"""`leaktop oom`: the times that memory ran out, as the kernel logged them, and whose memory it was."""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
from typing import TYPE_CHECKING, Any

from leaktop.cli.options import count
from leaktop.cli.saying import complain
from leaktop.engine.oom_blame import judge, shares
from leaktop.kernel_log import PATH, KernelLog
from leaktop.parsers.kernel_log import is_kernels, parse_kernel_log, parse_kmsg
from leaktop.parsers.oom import parse_oom
from leaktop.view.oom import document, lines

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from leaktop.model.oom import LogRecord

_LIMIT = 10
"""Lines of each table that the text shows unless told otherwise."""
_LARGEST = 256 << 20
"""Bytes of a log that are read: of a file its end, where the newest reports are."""

_PIECE = 1 << 20


def add_parser(verbs: Any) -> None:
    """The options of `oom`."""
    parser = verbs.add_parser(
        "oom",
        help="say whose memory it was when the kernel ran out of it",
        description="Read the kernel's out-of-memory reports: what held memory, what was killed, and who was to blame.",
    )
    parser.add_argument(
        "file", nargs="?", metavar="FILE", help="text of dmesg, journalctl or syslog, or what /dev/kmsg gave; - is "
        "standard input. Without FILE: this machine's log, since boot"
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="for programs: bytes as integers, null where unknown")
    parser.add_argument(
        "--limit", type=count, default=_LIMIT, metavar="N", help=f"lines of each table (text: {_LIMIT})"
    )
    parser.set_defaults(run=run)


def run(choices: argparse.Namespace) -> int:
    """Print the reports, oldest first."""
    notes: list[str] = []
    try:
        if choices.file is None:
            records, page_size = _live(notes), os.sysconf("SC_PAGE_SIZE")
        else:
            records, page_size = parse_kernel_log(_content(choices.file)), None
    except OSError as error:
        return complain(_words(choices.file, error))
    reports = [(report, judge(report), shares(report)) for report in parse_oom(records, page_size)]
    if choices.json:
        json.dump({"reports": [document(*each) for each in reports], "notes": notes}, sys.stdout, indent=1)
        print()
        return 0 if reports else 1
    if isinstance(sys.stdout, io.TextIOWrapper):  # a name may hold what the locale cannot say
        sys.stdout.reconfigure(errors="backslashreplace")
    for note in notes:
        print(f"note: {note}", file=sys.stderr)
    for place, each in enumerate(reports):
        for line in ([""] if place else []) + list(lines(*each, choices.limit)):
            print(line)
    if not reports:
        where = "this machine's log, since boot" if choices.file is None else "it"
        print(f"No report of the OOM killer in {where}.", file=sys.stderr)
    return 0 if reports else 1


def _live(notes: list[str]) -> list[LogRecord]:
    log = KernelLog(from_start=True)
    try:
        found = [record for raw in log.read() if is_kernels(raw) and (record := parse_kmsg(raw))]
    finally:
        log.close()
    first = next((record.sequence for record in found), None)
    if first:
        notes.append(f"the kernel has overwritten its first {first} messages; `journalctl -k` may still have them")
    return found


def _content(file: str) -> bytes:
    """The end of a log. A file that people made has whole lines, whether or not the last one has its end."""
    if file == "-":
        content = b"".join(_pieces(sys.stdin.buffer))
    else:
        with open(file, "rb") as opened:
            if opened.seekable():
                opened.seek(max(opened.seek(0, os.SEEK_END) - _LARGEST, 0))
            content = b"".join(_pieces(opened))
    return content if content.endswith(b"\n") else content + b"\n"


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    """Up to the limit, in pieces: asked for at once, so much room would have to be there, however short the log."""
    for _ in range(_LARGEST // _PIECE):
        piece = file.read(_PIECE)
        if not piece:
            return
        yield piece


def _words(file: str | None, error: OSError) -> str:
    reason = error.strerror or str(error)
    if file is not None:
        return f"cannot read {file}: {reason}"
    if isinstance(error, PermissionError):
        return (
            f"{PATH} needs root here (kernel.dmesg_restrict is 1): sudo leaktop oom, or journalctl -k | leaktop oom -"
        )
    return f"cannot read {PATH}: {reason}; give a file: journalctl -k | leaktop oom -"
