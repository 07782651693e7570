"""What a source is: a machine's facts, the probes it has, and one way to read each of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from leaktop.model.sample import Machine, Probe, RawSample


class Source(Protocol):
    """Live kernel, captured tree or recording: nothing downstream can tell them apart."""

    @property
    def machine(self) -> Machine:
        """Facts about the machine that was read."""

    @property
    def probes(self) -> tuple[Probe, ...]:
        """The probes of this source, in the order in which a lane reads them."""

    def read(self, probe: Probe, wanted: frozenset[int] | None = None) -> RawSample | None:
        """One sample; a fault is a sample too. None where another probe already covers this one.

        Args:
            probe: one of `probes`.
            wanted: the inodes whose owners are asked for (socket_owners only); None for all.
        """

    def inspect(self, subject: str, name: str) -> RawSample:
        """A costly read of one thing, on the user's request: ("slab", id), ("process", pid), ("frames", one a line)."""

    def close(self) -> None:
        """Give back the descriptors that were kept open."""
