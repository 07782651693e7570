"""How often everything is read, so that leaktop stays under its share of a core. Pure: it is told what things cost.

What costs most is stretched first: a level is sought that no share may exceed, such that all of them together are what
there is. Below that level everything keeps its own pace. Costs are measured, not guessed from what stretching did, so
that there is no loop that could swing.
"""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

SHARE = 0.02
"""Of one core: what leaktop may take where nobody says otherwise."""
DUTY = 0.05
"""Share of the time that reading one probe may take, asleep or not, before it is read less often: budget or none."""
GAUGES = frozenset({"meminfo", "zoneinfo"})
"""Probes that are read with every tick, whatever the budget: how much memory is left is what it is all about."""
LONGEST_BEAT = 3.0
"""Intervals between ticks at most, whatever the budget: the gauges go on, and no recording has a gap."""
_LEAST = 0.5
"""Of the budget: what is left in any case to probes without a bound. Nothing else may exceed the budget but bounds."""
_READS, _BEATS = 5, 20
"""How many of the newest count."""
_WARM_UP = 3
"""Beats at the start that are no measure of the others: everything is read, imported and painted once."""
_SPARE = 1.1
_HELD = 0.75
"""A pace that is stretched is so by a tenth more than is needed, and holds until three quarters of it would do."""
_BYTES_EACH = 1024
"""What a sample counts for in any case when the work on a tick is split by size."""
_BYTE = 2e-7
"""Seconds at most for a byte, with what the engine does about it: the rest of the work is the tick's, whoever came."""


class Load(NamedTuple):
    """Something that costs CPU each time it is done. Seconds."""

    cost: float
    period: float
    """Between two times, where there is no budget."""
    longest: float = math.inf
    """Between two times at most, whatever the budget."""


class Plan(NamedTuple):
    """What to do how often."""

    stretch: float
    """How many intervals there are between two ticks: 1 while nothing is scarce."""
    periods: Mapping[str, float]
    """Seconds between two reads of each probe that has a pace."""
    held_back: Collection[str]
    """The probes that the budget stretches."""


def level(loads: Sequence[Load], room: float) -> float:
    """The share of a core that none of these may exceed, so that all together take `room`.

    Where there is more room than they want, what is left over is on top of the greatest share: the level moves without
    a jump when the room gets scarce.
    """
    most = [load.cost / load.period for load in loads]
    least = [load.cost / load.longest for load in loads]
    if sum(most) <= room:
        return max(most, default=0.0) + room - sum(most)
    below, so_far = 0.0, sum(least)
    for point in sorted({*least, *most}):
        total = sum(min(max(point, low), high) for low, high in zip(least, most, strict=True))
        if total > room:
            break
        below, so_far = point, total
    rising = sum(low <= below < high for low, high in zip(least, most, strict=True))
    return below + max(room - so_far, 0.0) / rising if rising else below


def needed(load: Load, share: float) -> float:
    """The period at which a load takes this share, below its own period where it wants less; at most its longest."""
    return min(load.cost / share, load.longest) if share > 0 else load.longest


def steadied(wanted: float, period: float, before: float) -> float:
    """A period that holds while it fits: costs are never twice the same, and the screen says what it is.

    Args:
        wanted: the least that is enough.
        period: without a budget.
        before: what it was so far; 0 where there was none.
    """
    if before > period and _HELD * before <= wanted <= before:
        return before
    if wanted <= period:
        return period
    return wanted * _SPARE


def split(cpu: float, sizes: Sequence[int]) -> list[float]:
    """The CPU that making something of a tick took, by its samples' sizes in bytes; less where they are small."""
    weights = [size + _BYTES_EACH for size in sizes]
    each = min(cpu / sum(weights), _BYTE) if weights else 0.0
    return [each * weight for weight in weights]


class Costs:
    """What the newest reads of a probe cost."""

    def __init__(self) -> None:
        self._cpu: deque[float] = deque(maxlen=_READS)
        self._times: deque[float] = deque(maxlen=3)
        self._is_first = True

    def add(self, cpu: float, seconds: float) -> None:
        """One more read."""
        if self._is_first and self._cpu:  # the first read meets nothing that was kept: it is no measure of the others
            self._cpu.clear()
            self._is_first = False
        self._cpu.append(cpu)
        self._times.append(seconds)

    @property
    def cpu(self) -> float | None:
        """CPU seconds of a read and of what is made of it; None before the first."""
        return sum(self._cpu) / len(self._cpu) if self._cpu else None

    @property
    def seconds(self) -> float:
        """The median of three: one read that was preempted does not make a probe slow."""
        return sorted(self._times)[(len(self._times) - 1) // 2] if self._times else 0.0


class Budget:
    """What leaktop costs, and what follows from it.

    Args:
        share: of one core; None for no limit.
    """

    def __init__(self, share: float | None = None) -> None:
        self.share = share
        self._costs: dict[str, Costs] = {}
        self._beats: deque[float] = deque(maxlen=_BEATS)
        self._count = 0
        self._beat = 0.0
        self._held: dict[str, float] = {}

    def read(self, name: str, cpu: float, seconds: float) -> None:
        """A probe was read: the CPU that it took with what was made of it, and for how long it took."""
        self._costs.setdefault(name, Costs()).add(cpu, seconds)

    def beat(self, cpu: float) -> None:
        """A tick went by: the CPU of the whole process since the one before, but for the probes'. May be negative."""
        self._count += 1
        if self._count > _WARM_UP:
            self._beats.append(cpu)

    def cost(self, name: str) -> float | None:
        """CPU seconds of a read of this probe; None where it was not read."""
        costs = self._costs.get(name)
        return costs.cpu if costs else None

    def pause(self, name: str) -> float:
        """Seconds that a probe without a pace should rest where nobody asks for it: half of the budget is enough."""
        return (self.cost(name) or 0.0) / (self.share / 2) if self.share is not None else 0.0

    @property
    def beat_cost(self) -> float | None:
        """CPU seconds of a tick beside its reads: the screen, mostly. None while that is not known."""
        return max(sum(self._beats) / len(self._beats), 0.0) if self._beats else None

    def plan(self, interval: float, periods: Mapping[str, float]) -> Plan:
        """What to do how often from now on.

        Args:
            interval: seconds between ticks where there is no budget.
            periods: seconds between the reads of each probe, likewise.
        """
        if self.share is None:
            self._beat, self._held = interval, dict(periods)
        else:
            self._stretch(self.share, Load(self.beat_cost or 0.0, interval, interval * LONGEST_BEAT), periods)
        dues = {name: costs.seconds / DUTY for name, costs in self._costs.items()}
        return Plan(
            self._beat / interval,
            {name: max(period, dues.get(name, 0.0)) for name, period in self._held.items()},
            {name for name, period in self._held.items() if period > max(periods[name], dues.get(name, 0.0))},
        )

    def _stretch(self, budget: float, beat: Load, periods: Mapping[str, float]) -> None:
        longest = {name: periods[name] * LONGEST_BEAT for name in GAUGES & periods.keys()}
        loads = {
            name: Load(self.cost(name) or 0.0, period, longest.get(name, math.inf)) for name, period in periods.items()
        }
        free = [load for load in loads.values() if load.longest == math.inf]
        share = max(level([beat, *loads.values()], budget), level(free, budget * _LEAST))
        self._beat = _paced(beat, share, self._beat)
        self._held = {name: _paced(load, share, self._held.get(name, 0.0)) for name, load in loads.items()}


def _paced(load: Load, share: float, before: float) -> float:
    return min(steadied(needed(load, share), load.period, before), load.longest)
