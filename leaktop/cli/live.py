"""`leaktop`: the live screen."""

from __future__ import annotations

import gc
import os
import sys
from typing import TYPE_CHECKING

from leaktop.cli.first_run import has_seen_tour, remember_tour
from leaktop.cli.options import add_own_cost, seconds
from leaktop.cli.protecting import is_possible, protected
from leaktop.cli.saying import say

if TYPE_CHECKING:
    import argparse

    from leaktop.engine.engine import Engine
    from leaktop.sources.filesystem import FileSystemSource
    from leaktop.ui.travel import Replayed

_NOTICE = 120
"""Characters of a complaint on the screen."""
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
    add_own_cost(parser)
    parser.add_argument("--no-mouse", action="store_true", help="leave the mouse to the terminal")
    parser.add_argument("--ascii", action="store_true", help="draw with ASCII characters only")
    parser.add_argument(
        "--theme",
        metavar="NAME",
        help="a theme by name: leaktop-light, leaktop-cb (colour-blind safe), leaktop-contrast; ansi-dark and "
        "ansi-light use 16 colours",
    )
    parser.add_argument(
        "--no-config", action="store_true", help="read no configuration; in front of VERB, for that too"
    )
    parser.add_argument("--plain", action="store_true", help="no screen: what changes, as lines; needs no terminal")
    parser.add_argument("--tour", action="store_true", help="begin with the tour, which else comes but once")


def run(choices: argparse.Namespace) -> int:
    """Show the live screen until the user quits."""
    if not is_possible(choices) or not (choices.plain or is_screen_possible()):
        return 2
    if not os.path.isdir(choices.root):
        say(f"{choices.root}: no such directory")
        return 2
    if choices.plain:
        from leaktop.cli.plain import tell_live

        return tell_live(*_live(choices), choices, max(choices.interval, _SHORTEST))
    return show_screen(choices, greets=True)


def is_screen_possible() -> bool:
    """Whether there is a terminal that can be drawn on; where not, says why."""
    # Textual draws on standard error, so that has to be the terminal as well.
    if not all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)):
        print(
            "leaktop: the screen needs a terminal as standard input, output and error; "
            "`leaktop --plain`, `leaktop show all` and `leaktop record FILE` work without one",
            file=sys.stderr if sys.stderr.isatty() or not sys.stdout.isatty() else sys.stdout,
        )
        return False
    if os.environ.get("TERM", "dumb") in {"dumb", "unknown", ""}:
        print(
            f"leaktop: TERM={os.environ.get('TERM', '')} cannot draw a screen; `leaktop --plain` says in lines what "
            "changes, `leaktop show all` what there is; or set TERM (xterm, linux, screen)",
            file=sys.stderr,
        )
        return False
    return True


def show_screen(choices: argparse.Namespace, replayed: Replayed | None = None, *, greets: bool = False) -> int:
    """Show the live screen, or a recording, until the user quits; its exit status.

    Args:
        choices: the command line.
        replayed: the recording; None for the live screen.
        greets: whoever has not seen the tour gets it.
    """
    gc.disable()  # as in main; the loop of the screen enables it
    from leaktop.cli.wishes import granted
    from leaktop.ui.app import LeaktopApp
    from leaktop.ui.look import look_of
    from leaktop.ui.preferences import Preferences
    from leaktop.ui.responsive import screens_loop
    from leaktop.ui.theme import theme_names

    notices = list(choices.complaints)
    if choices.theme and choices.theme not in theme_names():
        words = f"no theme {choices.theme!r}; there are {', '.join(theme_names())}"
        if choices.settings is None or choices.theme != choices.settings.theme:
            say(words)
            return 2
        notices.append(words)
        choices.theme = None
    panes, keymap = granted(choices.settings)
    look = look_of(os.environ)
    if look.is_colourless:
        os.environ["NO_COLOR"] = "1"
    source, engine = _live(choices) if replayed is None else (None, None)
    wanted = Preferences(
        interval=max(choices.interval, _SHORTEST),
        is_read_only=choices.read_only or choices.root != "/",
        is_ascii=choices.ascii
        or look.is_ascii
        or not (sys.stderr.encoding or "").lower().replace("-", "").startswith("utf"),
        theme=choices.theme or look.theme,
        record_to=choices.record if replayed is None else None,
        protection=protected(choices) if replayed is None else None,
        panes=panes,
        keymap=keymap,
        notices=_in_short(notices),
        shows_tour=choices.tour or (greets and not choices.read_only and choices.root == "/" and not has_seen_tour()),
    )
    app = LeaktopApp(source, engine, wanted, replayed=replayed, on_toured=remember_tour)
    if app.live is not None:
        app.poller.budget.share = choices.budget
    app.run(mouse=not choices.no_mouse, loop=screens_loop())
    if app.unrecorded:
        say(f"the recording: {app.unrecorded}")
    # Textual leaves the code at 0 after a panic, when it has printed its traceback.
    return app.return_code or (1 if app._exception is not None else 0)


def _in_short(complaints: list[str]) -> tuple[str, ...]:
    """One notice for all that is wrong with the configuration; the words in full are on standard error."""
    if not complaints:
        return ()
    first, more = complaints[0], len(complaints) - 1
    first = first if len(first) <= _NOTICE else f"{first[:_NOTICE]} ..."
    return (f"{first}{f'; and {more} more' if more else ''}. Passed over; `leaktop config --check FILE` says it all.",)


def _live(choices: argparse.Namespace) -> tuple[FileSystemSource, Engine]:
    from leaktop.control import kmemleak
    from leaktop.engine.engine import Engine
    from leaktop.sources.filesystem import FileSystemSource

    source = FileSystemSource(
        choices.root,
        is_read_only=choices.read_only,
        kmemleak_enabled=None if choices.read_only else kmemleak.is_enabled,
    )
    if choices.settings is not None:
        from leaktop.cli.wishes import paced

        source.probes = paced(source.probes, choices.settings.probes)
    return source, Engine(source.machine)
