"""The command line: one file a verb. A verb builds a source and hands it on."""

from __future__ import annotations

import argparse
import errno
import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING

import leaktop

if TYPE_CHECKING:
    from collections.abc import Sequence

VERBS = (
    "record", "replay", "demo", "diff", "report", "check", "info", "cut", "import", "export", "show", "trace",
    "oom", "kmemleak", "doctor",
)  # fmt: skip
"""Each is a module of this package, in the order of the help."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run leaktop.

    Returns:
        0; 1 where the output cannot be written; 2 for a wrong command line; 130 for Ctrl-C; 141 where the reader of
        our output went away.
    """
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # started with >&- or 2>&-
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115
    try:
        given, command = _split(sys.argv[1:] if arguments is None else arguments)
        parser = _parser(given)
        choices = parser.parse_args(given)
        if command and not getattr(choices, "takes_command", False):
            parser.error(f"no command is taken here: {' '.join(command)}")
        choices.command = command
        status: int = choices.run(choices)
        sys.stdout.flush()
    except BrokenPipeError:
        # `leaktop show all | head`: no traceback, and none from the interpreter's last flush either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}:
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        print(f"leaktop: cannot write: {error.strerror}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return status


def _parser(arguments: Sequence[str]) -> argparse.ArgumentParser:
    # Imported here, so that Ctrl-C while the program starts is answered like any other; and of the verbs only the one
    # that is asked for, since a recorder on a machine without memory should not hold what only the screen needs.
    from leaktop.cli import live

    parser = argparse.ArgumentParser(
        prog="leaktop",
        description="Find the memory that no process owns: live growth of kernel memory in a terminal.",
        epilog="Without a verb: the live screen. Best as root: sudo leaktop",
    )
    parser.add_argument("--version", action="version", version=f"leaktop {leaktop.__version__}")
    live.add_options(parser)
    verbs = parser.add_subparsers(dest="verb", metavar="VERB")
    wanted = next((argument for argument in arguments if argument in VERBS), None)
    for verb in VERBS if wanted is None or "--help" in arguments or "-h" in arguments else (wanted,):
        import_module(f"leaktop.cli.{'import_' if verb == 'import' else verb}").add_parser(verbs)
    parser.set_defaults(run=live.run)
    return parser


def _split(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """What is for leaktop, and what stands behind "--": a command to be run."""
    given = list(arguments)
    at = given.index("--") if "--" in given else len(given)
    return given[:at], given[at + 1 :]
