"""What leaktop concludes from a Frame and its history: cases, units that leak together, triage, verdict."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Hashable

VerdictClass = Literal[
    "kernel-leak",
    "user-leak",
    "fd-leak",
    "socket-backlog",
    "tmpfs-growth",
    "cache-growth",
    "balloon",
    "hugepages",
    "none",
    "insufficient",
]
FindingWord = Literal["fine", "suspect", "unknown"]


class Rise(NamedTuple):
    """How one figure moved over a span. Slopes are units of the figure a second."""

    start: float
    """Monotonic time at which the span begins."""
    seconds: float
    samples: int
    growth: float
    """From the start of the span to its end."""
    slope: float
    """Theil-Sen: the median of the slopes between any two samples."""
    low: float
    high: float
    """The slope lies between these with 95 % confidence."""
    tau: float
    """Strength of the trend, Kendall's tau-b: 1 where every later sample is higher, 0 for none."""
    p: float
    """Probability of so strong a rise by chance (Mann-Kendall, one-sided)."""
    floors: float
    """Share of the steps between parts of the span at which the lowest value rose: what is freed in between does not
    count."""
    step: float
    """Share of the growth that the largest single step makes."""
    recent: float
    """Slope of the last third, as a share of the slope of all."""
    is_steady: bool
    """Whether it rises all along and still does."""


class Case(NamedTuple):
    """A suspect, with what speaks for and against it."""

    kind: str
    """slab, vmalloc, socket, process, fd, tmpfs, kmemleak, pagetables, kernelstack, percpu, hugepages, balloon,
    residual; counter for a line of /proc/meminfo."""
    section: str
    key: tuple[Hashable, ...]
    """Of the row in its section: leaktop.model.frame.Key."""
    name: str
    aliases: tuple[str, ...]
    note: str
    bytes: int
    """Growth since the baseline."""
    objects: int | None
    rate: float | None
    """Bytes a second; None where it was seen too briefly."""
    low: float | None
    high: float | None
    rise: Rise | None
    share: float | None
    """Of what the machine loses of MemAvailable, 0 to 1; None where it loses nothing."""
    eta: float | None
    """Seconds until MemAvailable is gone at this rate."""
    confidence: float
    """That this is a leak and no passing growth, 0 to 1."""
    is_leak: bool
    is_cache: bool
    explained: str
    """Whose growth this follows; empty where nothing else accounts for it."""
    evidence: tuple[str, ...] = ()
    next: tuple[str, ...] = ()
    """Commands to run, or what to do."""


class Member(NamedTuple):
    """One cache, caller or counter of a unit."""

    name: str
    label: str
    """The name with what shares its slabs, as a sentence would say it."""
    ratio: float
    """How many of these one unit has."""
    bytes: int
    """Of one object."""


class Unit(NamedTuple):
    """What is lost together: objects whose counts rise, or stand, in a constant ratio."""

    members: tuple[Member, ...]
    per_second: float | None
    """Units lost; None where only one moment is known."""
    count: int | None  # type: ignore[assignment]  # hides tuple.count, which nobody calls on a record
    """Units lost since the baseline, or standing at the one moment."""
    bytes: int
    """Of one unit."""


class TriageStep(NamedTuple):
    """One question of the list that an expert walks by hand, answered."""

    step: str
    value: str
    finding: FindingWord
    detail: str
    pane: str
    """The pane that shows more."""
    order: int
    """Its place in the list, from 1."""


class Verdict(NamedTuple):
    """The answer."""

    name: VerdictClass
    summary: str
    """What a person would write."""


@dataclass(frozen=True, slots=True, eq=False)
class Diagnosis:
    """Everything that is concluded about one moment and what led to it."""

    verdict: Verdict
    cases: tuple[Case, ...]
    """Leaks first, then what merely grows, by bytes a second."""
    units: tuple[Unit, ...]
    triage: tuple[TriageStep, ...]
    seconds: float
    """That were watched."""
    loss: float | None
    """Bytes of MemAvailable lost a second; None where it is not known, negative where it grows."""
