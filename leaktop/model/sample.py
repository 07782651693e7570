"""What a source hands over: raw bytes of one probe, or why there are none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

FaultKind = Literal["missing", "denied", "disabled", "busy", "empty", "malformed", "unsupported", "failed"]


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a probe or a section has nothing to show, and what the user can do about it."""

    kind: FaultKind
    reason: str
    """One clause, for people: "/proc/slabinfo: permission denied"."""
    remedy: str | None = None
    """A command or boot parameter that would help, or None where nothing does."""


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


@dataclass(frozen=True, slots=True)
class RawSample:
    """One read of one probe: the bytes it gave, or the fault; never both None."""

    probe: str
    content: bytes | None
    fault: Fault | None
    mono: float
    """Seconds on the monotonic clock when the read began."""
    wall: float
    """Seconds since the epoch when the read began."""
    cost: float = 0.0
    """Seconds that the read took."""


@dataclass(frozen=True, slots=True)
class Tick:
    """The samples of the probes that were due at one moment: what a recording stores, what the engine eats.

    Both clocks are kept to the millisecond, so that a recording holds them exactly.
    """

    mono: float
    wall: float
    samples: tuple[RawSample, ...]


@dataclass(frozen=True, slots=True)
class Event:
    """Something between two ticks that whoever looks at them later should know."""

    mono: float
    wall: float
    kind: str
    """mark (with a text), baseline (growth counts from here), experiment (what came back when the
    kernel let go of memory, in words), allocations (who allocates something, in words), oom (what the kernel killed for
    want of memory, in words), gap, suspend, clock, reboot, or a later version's own."""
    text: str
    seconds: float | None = None
    """How long the gap or the suspend was; how far the clock was set, back where it is negative."""


@dataclass(frozen=True, slots=True)
class Machine:
    """Facts about the machine that was read, constant while it is up. Unknown facts are None."""

    release: str | None
    """`uname -r`: "6.18.44"."""
    hostname: str | None
    page_size: int
    """Bytes. Taken from the machine or the recording, never assumed where it can be known."""
    boot_id: str | None
    architecture: str | None
    cmdline: str | None
    """The kernel's boot parameters."""
    vmap_stack: bool | None
    """Whether kernel stacks are vmalloc areas (CONFIG_VMAP_STACK), where the kernel's config can be read."""
    is_live: bool
    """False for a captured tree or a recording."""
    reader_pid: int | None = None
    """The process that read the samples, on the machine that was read: leaktop's own."""
    enclosure: str | None = None
    """What its reader was enclosed in: "a container (docker)"; None: in nothing, or it is not known."""
    caveats: tuple[tuple[str, str], ...] = ()
    """What was hidden from the reader: the name of a section, and what it does not show, in words."""


class ParseError(ValueError):
    """Bytes that are not what the probe's grammar says; the message quotes the offending text, sanitised later."""
