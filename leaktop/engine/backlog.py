"""Which sockets hold memory: the ones whose owners are worth a walk over /proc/PID/fd."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leaktop.courtesy import in_turns
from leaktop.engine.inputs import Inputs
from leaktop.engine.sections.sockets import memory_of, socket_tables

if TYPE_CHECKING:
    from leaktop.model.frame import Frame
    from leaktop.model.sample import Machine, Tick


def backlogged(frame: Frame) -> frozenset[int]:
    """Their inodes, by a Frame."""
    rows = frame.sections["sockets"].rows
    return frozenset(row.record.inode for row in in_turns(rows) if row.size.value and row.record.inode)


class BacklogWatch:
    """Their inodes, by the ticks alone: for a recorder, which makes no Frame."""

    def __init__(self, machine: Machine) -> None:
        self._inputs = Inputs(machine)
        self._found: frozenset[int] = frozenset()

    def take(self, tick: Tick) -> frozenset[int]:
        """The sockets that hold memory after one more tick."""
        samples = [s for s in tick.samples if s.probe == "sock_diag" or s.probe.startswith("net/")]
        if samples:
            self._inputs.take(samples)
            sockets, _, _ = socket_tables(self._inputs)
            self._found = frozenset(socket.inode for socket in in_turns(sockets) if socket.inode and memory_of(socket))
        return self._found
