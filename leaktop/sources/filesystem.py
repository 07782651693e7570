"""The live kernel and captured trees: both are files below a root, and differ in what has no file.

A live source also asks NETLINK_SOCK_DIAG; a tree has only what was captured, and never borrows from this machine.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from leaktop.model.sample import Fault, Probe, RawSample
from leaktop.sources import hugepages, open_files, slab_links, symbols, tmpfs
from leaktop.sources.faults import explain, explain_empty
from leaktop.sources.files import KeptFiles, path_below
from leaktop.sources.machine import captured_machine, live_machine
from leaktop.sources.probes import PROBES
from leaktop.sources.processes import ProcessLister
from leaktop.sources.sock_diag import dump_sockets
from leaktop.sources.socket_owners import OwnerIndex

if TYPE_CHECKING:
    from collections.abc import Callable

    from leaktop.model.sample import Machine

LIVE_IDLE_SOCKETS = 500
"""How many sockets with nothing queued the live screen lists beside all those that hold memory."""


class FileSystemSource:
    """Reads the probes below one root, "/" for this machine.

    Args:
        root: "/" or the directory that holds the captured `proc` and `sys`.
        is_read_only: never do what could change the kernel's state, such as a sock_diag request, which can load a
            module; /proc/net is read instead.
        idle_sockets: how many sockets with nothing queued to list; None for all.
        kmemleak_enabled: tells, for a kmemleak file that reads as empty, whether the detector is switched on (None:
            cannot tell). It needs a write, so it is handed in from control.
    """

    def __init__(
        self,
        root: str = "/",
        *,
        is_read_only: bool = False,
        idle_sockets: int | None = LIVE_IDLE_SOCKETS,
        kmemleak_enabled: Callable[[], bool | None] | None = None,
    ) -> None:
        root = "/" if os.path.samefile(root, "/") else root
        self._root = root
        self._is_live = root == "/"
        self.machine: Machine = live_machine() if self._is_live else captured_machine(root)
        self._asks_sock_diag = self._is_live and not is_read_only
        self._idle_sockets = idle_sockets
        self._kmemleak_enabled = kmemleak_enabled
        self._files = KeptFiles(root)
        self._processes = ProcessLister(root, page_size=self.machine.page_size)
        self._owners: OwnerIndex | None = None
        self._covered: frozenset[str] = frozenset()
        self.probes: tuple[Probe, ...] = tuple(
            probe for probe in PROBES if probe.name != "sock_diag" or self._asks_sock_diag
        )

    def read(self, probe: Probe, wanted: frozenset[int] | None = None) -> RawSample | None:
        """One sample of a probe; None for a /proc/net table that sock_diag already covers. Never raises OSError."""
        if probe.name.removeprefix("net/") in self._covered:
            return None
        return self._sample(probe, lambda: self._content(probe, wanted))

    def inspect(self, subject: str, name: str) -> RawSample:
        """Of a slab class its attributes ("slab", id), of a process its smaps_rollup ("process", pid).

        Of a backtrace the lines of source ("frames", the frames, a line each).
        """
        if subject == "frames":
            probe = Probe("source_lines", "inspect", None, symbols.ADDR2LINE)
            release = self.machine.release or ""
            return self._sample(probe, lambda: symbols.source_lines(name.split("\n"), release, self._root))
        if subject == "slab":
            probe = Probe("slab_attributes", "inspect", None, f"sys/kernel/slab/{name}")
            return self._sample(probe, lambda: slab_links.read_slab_attributes(self._root, name))
        probe = Probe("smaps_rollup", "inspect", None, f"proc/{int(name)}/smaps_rollup")
        files = KeptFiles(self._root)
        try:
            return self._sample(probe, lambda: files.read(probe.path, probe.ceiling))
        finally:
            files.close()

    def close(self) -> None:
        """Close the kept descriptors."""
        self._files.close()

    def _sample(self, probe: Probe, read: Callable[[], bytes]) -> RawSample:
        mono, wall = time.monotonic(), time.time()
        fault: Fault | None = None
        content: bytes | None = None
        try:
            content = read()
        except OSError as error:
            fault = explain(probe, error, is_live=self._is_live)
        if content == b"" and self._is_live:
            fault = self._why_empty() if probe.name == "kmemleak" else explain_empty(probe)
            content = None if fault else content
        return RawSample(probe.name, content, fault, mono, wall, time.monotonic() - mono)

    def _content(self, probe: Probe, wanted: frozenset[int] | None) -> bytes:
        match probe.name:
            case "hugepages":
                return hugepages.list_hugepages(self._root)
            case "slab_links":
                return slab_links.list_slab_links(self._root)
            case "sock_diag":
                self._covered = frozenset()
                content = dump_sockets(self._idle_sockets)
                self._covered = _answered(content)
                return content
            case "socket_owners":
                if self._owners is None:
                    self._owners = OwnerIndex(path_below(self._root, "proc"))
                return self._owners.find(wanted)
            case "processes":
                return self._processes.list()
            case "tmpfs":
                return tmpfs.list_tmpfs(self._root)
            case "open_files":
                return open_files.list_open_files(self._root)
            case _:
                return self._files.read(probe.path, probe.ceiling)

    def _why_empty(self) -> Fault | None:
        # A disabled kmemleak reads as empty, like one that found nothing (mm/kmemleak.c, since 4.1).
        if self._kmemleak_enabled is None:
            return None
        if self._kmemleak_enabled() is False:
            return Fault(
                "disabled",
                "kmemleak is in this kernel but switched off: it reads as empty whatever leaks",
                "boot with kmemleak=on; it cannot be switched on again while the kernel runs",
            )
        return None


def _answered(content: bytes) -> frozenset[str]:
    """The protocols that a sock_diag listing counts, by its "=" lines."""
    return frozenset(line.split(b"\t")[1].decode() for line in content.split(b"\n") if line.startswith(b"=\t"))
