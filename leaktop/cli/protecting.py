"""--protect: what keeps leaktop alive while memory runs out, and what it is not to be had with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leaktop.cli.saying import say

if TYPE_CHECKING:
    import argparse

    from leaktop.control.protect import Protection


def is_possible(choices: argparse.Namespace) -> bool:
    """Whether what was asked for goes together; where not, says why."""
    if choices.protect and choices.read_only:
        say("--protect writes to /proc/self/oom_score_adj, and --read-only writes nothing to the kernel: choose one")
        return False
    return True


def protected(choices: argparse.Namespace) -> Protection | None:
    """What --protect asks of the kernel, in force; None without it. To be called before threads are started."""
    if not choices.protect:
        return None
    from leaktop.control.protect import Protection
    from leaktop.sources.own_memory import resident_bytes

    protection = Protection(resident_bytes)
    protection.begin()
    return protection
