"""`leaktop`: the live screen."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from leaktop.cli.options import seconds

if TYPE_CHECKING:
    import argparse

    from leaktop.engine.engine import Engine
    from leaktop.sources.filesystem import FileSystemSource
    from leaktop.ui.travel import Replayed

_SHORTEST = 0.1
"""Seconds between ticks at least: below, leaktop would be the load that it looks for."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of the live screen."""
    parser.add_argument(
        "-d", "--interval", type=seconds, default=1.0, metavar="TIME", help="between ticks (default 1s)"
    )
    parser.add_argument(
        "--root", default="/", metavar="DIR", help="read DIR/proc and DIR/sys instead of this machine's"
    )
    parser.add_argument("--record", metavar="FILE", help="record to a new file from the start; r stops it")
    parser.add_argument("--read-only", action="store_true", help="never write to the kernel, nor make it load a module")
    parser.add_argument("--no-mouse", action="store_true", help="leave the mouse to the terminal")
    parser.add_argument("--ascii", action="store_true", help="draw with ASCII characters only")
    parser.add_argument("--theme", metavar="NAME", help="a theme by name; ansi-dark and ansi-light use 16 colours")


def run(choices: argparse.Namespace) -> int:
    """Show the live screen until the user quits."""
    if not is_screen_possible():
        return 2
    if not os.path.isdir(choices.root):
        print(f"leaktop: {choices.root}: no such directory", file=sys.stderr)
        return 2
    return show_screen(choices)


def is_screen_possible() -> bool:
    """Whether there is a terminal that can be drawn on; where not, says why."""
    # Textual draws on standard error, so that has to be the terminal as well.
    if not all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)):
        print(
            "leaktop: the screen needs a terminal as standard input, output and error; "
            "`leaktop show all` and `leaktop record FILE` work without one",
            file=sys.stderr if sys.stderr.isatty() or not sys.stdout.isatty() else sys.stdout,
        )
        return False
    if os.environ.get("TERM", "dumb") in {"dumb", "unknown", ""}:
        print(
            f"leaktop: TERM={os.environ.get('TERM', '')} cannot draw a screen; set TERM (xterm, linux, screen), "
            "or use `leaktop show all`",
            file=sys.stderr,
        )
        return False
    return True


def show_screen(choices: argparse.Namespace, replayed: Replayed | None = None) -> int:
    """Show the live screen, or a recording, until the user quits; its exit status."""
    from leaktop.ui.app import LeaktopApp
    from leaktop.ui.shell import calm_collector
    from leaktop.ui.theme import theme_names

    if choices.theme and choices.theme not in theme_names():
        print(f"leaktop: no theme {choices.theme!r}; there are {', '.join(theme_names())}", file=sys.stderr)
        return 2
    source, engine = _live(choices) if replayed is None else (None, None)
    app = LeaktopApp(
        source,
        engine,
        replayed=replayed,
        record_to=choices.record if replayed is None else None,
        interval=max(choices.interval, _SHORTEST),
        is_read_only=choices.read_only or choices.root != "/",
        is_ascii=choices.ascii or not (sys.stderr.encoding or "").lower().replace("-", "").startswith("utf"),
        theme=choices.theme or _theme_for(os.environ["TERM"]),
        directory=".",
    )
    calm_collector()
    app.run(mouse=not choices.no_mouse)
    # Textual leaves the code at 0 after a panic, when it has printed its traceback.
    return app.return_code or (1 if app._exception is not None else 0)


def _live(choices: argparse.Namespace) -> tuple[FileSystemSource, Engine]:
    from leaktop.control import kmemleak
    from leaktop.engine.engine import Engine
    from leaktop.sources.filesystem import FileSystemSource

    source = FileSystemSource(
        choices.root,
        is_read_only=choices.read_only,
        kmemleak_enabled=None if choices.read_only else kmemleak.is_enabled,
    )
    return source, Engine(source.machine)


def _theme_for(terminal: str) -> str | None:
    """The sixteen-colour theme on consoles that have no more; None for the usual one."""
    return "ansi-dark" if terminal.startswith(("linux", "vt", "ansi", "cons")) else None
