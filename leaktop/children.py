"""Starting other programs: they get nothing of what leaktop has for itself."""

from __future__ import annotations

import contextlib
import subprocess
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Lift = Callable[[], contextlib.AbstractContextManager[None]]

_lifts: list[Lift] = []
"""What is put off while a child is started: it inherits at that moment."""


def start(command: Sequence[str], **options: Any) -> subprocess.Popen[bytes]:
    """Start a program as it would be started without us.

    Args:
        command: an absolute path or what the user asked for, without a shell.
        **options: of subprocess.Popen.

    Raises:
        OSError: it cannot be started.
    """
    with contextlib.ExitStack() as stack:
        for lift in _lifts:
            stack.enter_context(lift())
        return subprocess.Popen(command, **options)  # noqa: S603  # as the callers answer for


def output_of(command: Sequence[str], timeout: float, environment: Mapping[str, str]) -> bytes:
    """What a program prints, with nothing on its standard input; what it complains of is lost.

    Raises:
        OSError: it cannot be started.
        subprocess.TimeoutExpired: it took longer than so many seconds, and was ended.
    """
    with start(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
    ) as child:
        try:
            output, _ = child.communicate(timeout=timeout)
        finally:
            child.kill()
    return output


def put_off(lift: Lift) -> None:
    """Let this be put off whenever a child is started."""
    _lifts.append(lift)
