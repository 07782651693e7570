"""What a verb says of itself, on standard error: a line, in which no name that somebody chose is obeyed."""

from __future__ import annotations

import contextlib
import sys

from leaktop.view.cells import safe


def say(words: str) -> None:
    """Print a line: what goes on, or what stands in the way. The names of files in it may be anybody's."""
    with contextlib.suppress(OSError):  # who does not listen any more is no reason to end what goes on
        print(f"leaktop: {safe(words)}", file=sys.stderr, flush=True)


def say_lost(why: str) -> None:
    """Print why a tick came to nothing."""
    say(f"a tick came to nothing ({why}); it goes on")


def complain(error: Exception | str) -> int:
    """Say what is wrong, and return the exit status for it."""
    say(str(error))
    return 2
