"""Scanning and reading without a screen: shared by `leaktop kmemleak` and `leaktop check --kmemleak`."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING

from leaktop.control import kmemleak
from leaktop.engine.engine import Engine
from leaktop.engine.kmemleak.confirming import Confirming
from leaktop.engine.reading import read_everything
from leaktop.sources.filesystem import FileSystemSource

if TYPE_CHECKING:
    from collections.abc import Callable

    from leaktop.model.frame import Frame


class KmemleakReader:
    """Reads the report, and remembers what the read before had.

    Args:
        root: "/", or a captured tree.
        is_read_only: do not ask the kernel whether an empty report means that kmemleak is off, which takes a write.
    """

    def __init__(self, root: str = "/", *, is_read_only: bool = False) -> None:
        asks = None if is_read_only else kmemleak.is_enabled
        self._source = FileSystemSource(root, is_read_only=is_read_only, kmemleak_enabled=asks)
        self._source.probes = tuple(probe for probe in self._source.probes if probe.name == "kmemleak")
        self._engine = Engine(self._source.machine)

    def read(self) -> Frame:
        """The report as it is now."""
        return self._engine.feed(read_everything(self._source))

    def content(self) -> bytes | None:
        """The same as it comes; None where it cannot be read."""
        sample = self._source.read(self._source.probes[0])
        return sample.content if sample is not None else None


def confirmed() -> float:
    """Both scans that a new leak takes, with a word on how it goes where somebody watches; seconds of the scans.

    Raises:
        KmemleakError: the kernel refused.
    """
    confirming = Confirming()
    return watched(confirming.run, lambda: confirming.phase.words)


def watched(work: Callable[[], float | None], words: Callable[[], str] = lambda: "scanning") -> float:
    """Do it in a thread that nobody waits for at the end: Ctrl-C is answered while the kernel scans.

    Args:
        work: gives seconds.
        words: how it goes.

    Raises:
        KmemleakError: the kernel refused.
    """
    outcome: list[float | BaseException | None] = []

    def act() -> None:
        try:
            outcome.append(work())
        except BaseException as error:
            outcome.append(error)

    thread = threading.Thread(target=act, name="leaktop-kmemleak-write", daemon=True)
    thread.start()
    is_shown = sys.stderr.isatty()
    while thread.is_alive():
        thread.join(0.2)
        if is_shown:
            print(f"\r\033[Kkmemleak: {words()}", end="", file=sys.stderr, flush=True)
    if is_shown:
        print("\r\033[K", end="", file=sys.stderr, flush=True)
    [result] = outcome
    if isinstance(result, BaseException):
        raise result
    return result or 0.0
