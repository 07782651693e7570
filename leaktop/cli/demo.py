"""`leaktop demo`: replays the bundled recording of a real leak. Needs no root, and no Linux of the right kind."""

from __future__ import annotations

import argparse
import os
import sys
from typing import Any

from leaktop.cli import diff
from leaktop.cli.live import is_screen_possible, show_screen
from leaktop.cli.plain import tell_recording
from leaktop.cli.saying import complain
from leaktop.recording.reader import RecordingError, read_file

DEMO = os.path.join(os.path.dirname(__file__), "demo.leaktop")
"""A driver that loses an object and a 2 KB buffer for every packet, and a process that does not read its socket."""
_SPEED = 10


def add_parser(verbs: Any) -> None:
    """The options of `demo`."""
    parser = verbs.add_parser("demo", help="replay a real leak, bundled: no root needed")
    parser.add_argument("--ascii", action="store_true", default=argparse.SUPPRESS, help="draw with ASCII only")
    parser.add_argument("--theme", metavar="NAME", default=argparse.SUPPRESS, help="a theme by name")
    parser.add_argument(
        "--plain", action="store_true", default=argparse.SUPPRESS, help="no screen: what changes, as lines"
    )
    parser.add_argument("--tour", action="store_true", default=argparse.SUPPRESS, help="begin with the tour")
    parser.set_defaults(run=run)


def run(choices: argparse.Namespace) -> int:
    """Show it until the user quits; without a terminal, print what grew in it."""
    if not choices.plain and not sys.stdout.isatty():
        whole = {"file": DEMO, "before": "start", "after": "end", "json": False, "limit": 8, "section": None}
        return diff.run(argparse.Namespace(**whole))
    if not choices.plain and not is_screen_possible():
        return 2
    try:
        recording = read_file(DEMO)
    except (RecordingError, OSError) as error:
        return complain(f"the bundled recording cannot be read: {error}")
    if choices.plain:
        return tell_recording(recording, choices, lambda: False)
    from leaktop.ui.travel import Replayed

    return show_screen(choices, Replayed(recording, speed=_SPEED), greets=True)
