"""What the engine makes: a Frame, one moment of the machine with what changed and what grows."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping

    from leaktop.model.diagnosis import Diagnosis
    from leaktop.model.sample import Fault, Machine

Key = tuple["Hashable", ...]
"""Names a row for as long as it lives, wherever sorting moves it."""


class Trend(NamedTuple):
    """How one figure of a row moves. Units of the figure, or that a second; None where not yet known."""

    value: int | None
    delta: int | None
    """Since the sample before; None at the first sample, and at the first after a gap."""
    rate: float | None
    """delta per second."""
    growth: int | None
    """Since the baseline; a row that came later grew from nothing."""
    slope: float | None
    """Per second: least squares over the window; None below three samples."""
    high_water: int | None
    rose: float | None
    """Share of the samples since the baseline that were above the one before, 0 to 1."""


class Row(NamedTuple):
    """One row of a section: what was read, and how it moves."""

    key: Key
    record: Any
    """A record type of leaktop.model.records; each section has one type."""
    size: Trend
    """Bytes of memory."""
    number: Trend | None
    """Objects, areas, descriptors: what the section counts; None where it counts nothing."""


class Amount(NamedTuple):
    """A named figure of the memory section: a /proc/meminfo line, or one that leaktop derives."""

    name: str
    bytes: int | None
    count: int | None = None  # type: ignore[assignment]  # hides tuple.count, which nobody calls on a record
    """For lines without a unit, such as HugePages_Total."""
    is_derived: bool = False
    is_unclassified: bool = False
    """A line that leaktop does not know, from a newer or a vendor's kernel."""


class Term(NamedTuple):
    """One line of the residual's sum."""

    name: str
    bytes: int | None
    sign: int
    """+1 for what is there, -1 for what is accounted for; 0: shown, not summed."""
    note: str = ""


class Residual(NamedTuple):
    """Memory that no counter names, with its sum."""

    bytes: int | None
    terms: tuple[Term, ...]
    reason: str | None
    """Why it cannot be told, where bytes is None."""


@dataclass(frozen=True, slots=True, eq=False)
class Section:
    """One subject of the screen: its rows, or why there are none."""

    name: str
    rows: tuple[Row, ...] = ()
    fault: Fault | None = None
    """Set where the section is unavailable; rows may still hold what is known from elsewhere."""
    notes: tuple[str, ...] = ()
    """What the user should know about these rows: what is not covered, which probe is missing."""
    extras: Mapping[str, Any] = field(default_factory=dict)
    """What is not a row: the residual, totals."""
    mono: float | None = None
    """Monotonic time of the newest sample in it; None: nothing read yet."""
    wall: float | None = None


class ProbeState(NamedTuple):
    """What reading one probe costs, and how often it is read now."""

    name: str
    cost: float | None
    """Seconds of the last read."""
    cadence: float | None
    """Seconds between reads now, stretched while the probe is slow."""
    is_slow: bool
    is_waiting: bool
    """A read is under way and late."""
    bytes: int | None
    cpu: float | None = None
    """CPU seconds that a read takes, and what is made of it; None where that is not measured."""
    planned: float | None = None
    """Seconds between reads while nothing is slow."""
    is_held_back: bool = False
    """It is read less often for the sake of the budget."""


class Suspect(NamedTuple):
    """Something that grows, from any section, in one ranking."""

    kind: str
    """slab, vmalloc, socket, process, tmpfs, kmemleak; of the memory section its counters, in lower case."""
    section: str
    key: Key
    name: str
    note: str
    """What to know before accusing it: reclaimable, merged names, owner."""
    size: Trend
    number: Trend | None
    is_cache: bool
    """Reclaimable: grows with use and shrinks under pressure; listed below what cannot."""
    aliases: tuple[str, ...] = ()
    """Other names of the same thing: caches that share its slabs."""


class History(Protocol):
    """Past values of every row, for charts and for what they tell."""

    def points(
        self, section: str, key: Key, measure: str, until: float, since: float = float("-inf")
    ) -> tuple[list[float], list[float]]:
        """Monotonic times and values of a span, and the sample before it; both empty where nothing is kept."""

    def read_times(self, section: str, until: float, since: float = float("-inf")) -> list[float]:
        """Monotonic times at which a section was read, in a span."""

    def unbroken_since(self, section: str, key: Key, measure: str) -> float | None:
        """Since when a figure was in every read: its first, the end of a gap, or the baseline; None: it is not kept."""


@dataclass(frozen=True, eq=False)
class Frame:
    """One moment: the newest of every section, and what the engine concludes."""

    machine: Machine
    mono: float
    wall: float
    sections: Mapping[str, Section]
    baseline_wall: float | None
    """When growth counts from."""
    baseline_mono: float | None
    """The same on the monotonic clock, at most an hour ago or as far back as history is kept."""
    history: History
    rank: Callable[[Frame], tuple[Suspect, ...]]
    """Finds the suspects, when somebody asks for them."""
    conclude: Callable[[Frame], Diagnosis]
    """Makes the diagnosis, when somebody asks for it."""
    probes: Mapping[str, ProbeState] = field(default_factory=dict)

    @cached_property
    def suspects(self) -> tuple[Suspect, ...]:
        """Everything that grew since the baseline, ranked."""
        return self.rank(self)

    @cached_property
    def diagnosis(self) -> Diagnosis:
        """Who leaks, how fast, how sure: concluded once, from this moment and its past."""
        return self.conclude(self)
