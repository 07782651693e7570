"""Starting other programs: they get nothing of what leaktop has for itself."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import subprocess
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
    import subprocess  # noqa: PLC0415  # takes 4 ms, which most runs need not wait for

    with contextlib.ExitStack() as stack:
        for lift in _lifts:
            stack.enter_context(lift())
        return subprocess.Popen(command, **options)  # noqa: S603  # as the callers answer for


def output_of(command: Sequence[str], timeout: float, environment: Mapping[str, str]) -> bytes:
    """What a program prints, with nothing on its standard input; what it complains of is lost.

    Raises:
        OSError: it cannot be started.
        TimeoutError: it took longer than so many seconds, and was ended.
    """
    import subprocess  # noqa: PLC0415  # as above

    with start(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
    ) as child:
        try:
            output, _ = child.communicate(timeout=timeout)
        except subprocess.TimeoutExpired as expired:
            raise TimeoutError(f"{command[0]} took longer than {timeout:g} s") from expired
        finally:
            child.kill()
    return output


def put_off(lift: Lift) -> None:
    """Let this be put off whenever a child is started."""
    _lifts.append(lift)
