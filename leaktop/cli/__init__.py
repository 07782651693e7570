"""The command line: one file a verb. A verb builds a source and hands it on."""

from __future__ import annotations

import argparse
import errno
import gc
import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING, NoReturn

import leaktop
from leaktop.cli.about import GROUPS

if TYPE_CHECKING:
    from collections.abc import Sequence

VERBS = tuple(verb for verbs in GROUPS.values() for verb in verbs)
"""Each is a module of this package."""
_NO_THREAD = "can't start new thread"
"""What threading raises then, as a RuntimeError like any other (thread_PyThread_start_new_thread() in CPython)."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run leaktop.

    Returns:
        0; 1 where the output cannot be written; 2 for a wrong command line, or where no thread can be had; 130 for
        Ctrl-C; 141 where the reader of our output went away.
    """
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # started with >&- or 2>&-
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115  # for as long as the program runs
    try:
        gc.disable()  # nothing of what is imported is garbage, and looking for some is a seventh of the start
        from leaktop.cli.configured import configure

        given, command = _split(sys.argv[1:] if arguments is None else arguments)
        parser = _parser(given)
        configure(parser, given)
        choices = parser.parse_args(given)
        for complaint in choices.complaints:
            from leaktop.cli.saying import say

            say(complaint)
        if command and not getattr(choices, "takes_command", False):
            parser.error(f"no command is taken here: {' '.join(command)}")
        choices.command = command
        gc.enable()
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
    except RuntimeError as error:
        if _NO_THREAD not in str(error):
            raise
        from leaktop.aside import NO_THREAD
        from leaktop.cli.saying import complain

        return complain(NO_THREAD)
    except KeyboardInterrupt:
        return 130
    finally:
        gc.enable()
    return status


class _Parser(argparse.ArgumentParser):
    """Quotes what was given harmlessly: a shell's `*` may have put in any name of a file."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong with the command line, and end with 2."""
        from leaktop.view.cells import safe

        super().error(safe(message))


def _parser(arguments: Sequence[str]) -> argparse.ArgumentParser:
    # Imported here, so that Ctrl-C while the program starts is answered like any other; and of the verbs only the one
    # that is asked for, since a recorder on a machine without memory should not hold what only the screen needs.
    from leaktop.cli import live

    parser = _Parser(
        prog="leaktop",
        usage="leaktop [options]\n       leaktop VERB ...",
        description="Find the memory that no process owns: live growth of kernel memory in a terminal.\n\n"
        "Without a verb: the live screen, with these options. Best as root: sudo leaktop.",
    )
    parser.add_argument("--version", action="version", version=f"leaktop {leaktop.__version__}")
    live.add_options(parser)
    parser.set_defaults(run=live.run)
    wanted = [argument for argument in arguments if argument in VERBS][:1]
    is_help = any(argument == "-h" or argument.startswith("--h") for argument in arguments)
    if wanted or is_help or parser.parse_known_args(arguments)[1]:  # else it is the screen, or --version
        verbs = parser.add_subparsers(dest="verb", metavar="VERB", prog=parser.prog)
        for verb in wanted if wanted and not is_help else VERBS:
            import_module(f"leaktop.cli.{'import_' if verb == 'import' else verb}").add_parser(verbs)
        if is_help:
            from leaktop.cli.help_form import lay_out

            lay_out(parser, verbs)
    return parser


def whole_parser() -> argparse.ArgumentParser:
    """The command line with every verb, for what is generated from it."""
    return _parser(("--help",))


def _split(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """What is for leaktop, and what stands behind "--": a command to be run."""
    given = list(arguments)
    at = given.index("--") if "--" in given else len(given)
    return given[:at], given[at + 1 :]
