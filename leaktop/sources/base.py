"""What a source is: a machine's facts, the probes it has, and one way to read each of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from leaktop.model.sample import Machine, RawSample


@dataclass(frozen=True, slots=True)
class Probe:
    """One readable kernel file or listing, and how often it is worth reading."""

    name: str
    """The file below /proc ("slabinfo", "net/udp"), or the listing's own name ("processes")."""
    lane: str
    """Probes of one lane are read one after another; a slow lane does not hold up the others."""
    cadence: float | None
    """Seconds between reads while nothing is slow; None: only on request."""
    path: str
    """For messages: where the bytes come from, below the root."""
    ceiling: int = 32 << 20
    """Bytes; more than this is no sane answer and is refused rather than kept."""


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
        """A costly read of one thing, on the user's request: ("slab", id), ("process", pid)."""

    def close(self) -> None:
        """Give back the descriptors that were kept open."""
