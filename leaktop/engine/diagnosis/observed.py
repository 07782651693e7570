"""What was observed up to a Frame: its rows, and the curve of any figure since the baseline, measured once."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING

from leaktop.engine.diagnosis.trend import LEAST_SAMPLES, Curve, may_rise, measure
from leaktop.engine.known_caches import holds_cached_files

if TYPE_CHECKING:
    from collections.abc import Sequence

    from leaktop.model.diagnosis import Rise
    from leaktop.model.frame import Frame, Key, Row, Section

_MOMENTS = 40
"""Of a curve: enough for its shape, few enough that all pairs of them are compared in a tenth of a millisecond."""
_LEAST_LATE, _LONGEST_LATE = 30.0, 600.0
"""Seconds of the shortest late part: a leak may begin while leaktop watches, and then the last half of what was seen
shows it, or the half of that. The longer it watched the longer the part: chance has had more opportunities."""
_LATE_SHARE = 1 / 60
_LATE_READS = 12
_BEFORE, _FASTER = 4, 1.5
"""Samples of an equally long part before, and how many times as fast it rose, for the rise to be levelling off."""
_FILLING = 6
"""Caches that are looked at for what hangs on them."""
_LATE_CHANCE = 0.001
"""Smaller than for all of the span, since more parts are looked at."""


class Observed:
    """A Frame and its past, as rules ask for it.

    Args:
        frame: the moment that is judged.

    Attributes:
        frame: that moment.
        seconds: since the baseline.
    """

    def __init__(self, frame: Frame) -> None:
        self.frame = frame
        self._since = frame.mono if frame.baseline_mono is None else frame.baseline_mono
        self._reads: dict[str, list[float]] = {}
        self._rows: dict[str, dict[Key, Row]] = {}
        self._histories: dict[tuple[str, Key, str], tuple[list[float], list[float]]] = {}
        self._rises: dict[tuple[str, Key, str, bool], Rise | None] = {}
        self._amounts = {row.record.name: row for row in frame.sections["memory"].rows}

    @property
    def seconds(self) -> float:
        """Seconds from the baseline to the newest read of /proc/meminfo."""
        reads = self.reads("memory") or [self._since]
        return reads[-1] - reads[0]

    @property
    def loss(self) -> float | None:
        """Bytes of MemAvailable that the machine loses a second; None where that is not known."""
        rise = self.amount_rise("MemAvailable")
        return None if rise is None else -rise.slope

    def section(self, name: str) -> Section:
        """A section of the Frame."""
        return self.frame.sections[name]

    def row(self, section: str, key: Key) -> Row | None:
        """A row of a section; None where it is not there now."""
        if section not in self._rows:
            self._rows[section] = {row.key: row for row in self.section(section).rows}
        return self._rows[section].get(key)

    @cached_property
    def filling(self) -> list[Row]:
        """The reclaimable caches that gained most objects since the baseline."""
        gained = [
            (row.number.growth, row)
            for row in self.section("slab").rows
            if row.number and (row.number.growth or 0) > 0
            if row.record.reclaimable or holds_cached_files(row.record.name)
        ]
        return [row for _, row in sorted(gained, key=lambda pair: -(pair[0] or 0))[:_FILLING]]

    def amount(self, name: str) -> int | None:
        """Bytes of a line of the memory section; None where it is not known."""
        row = self._amounts.get(name)
        return None if row is None else row.size.value

    def amount_row(self, name: str) -> Row | None:
        """The row of a line of the memory section."""
        return self._amounts.get(name)

    def amount_rise(self, name: str) -> Rise | None:
        """How a line of the memory section moved."""
        return self.rise("memory", (name,), "size")

    def reads(self, section: str) -> list[float]:
        """Monotonic times at which a section was read since the baseline."""
        if section not in self._reads:
            self._reads[section] = self.frame.history.read_times(section, self.frame.mono, self._since)
        return self._reads[section]

    def curve(
        self, section: str, key: Key, measured: str, since: float = float("-inf"), *, is_unbroken: bool = False
    ) -> Curve:
        """A figure at up to 40 of the moments at which it was read.

        Args:
            section: where it is.
            key: of the row.
            measured: "size", "number", or what else the section keeps.
            since: monotonic time before which nothing counts.
            is_unbroken: only since the row was last missing; rows of sockets are missing while nothing is queued.
        """
        history = self.frame.history
        times, values = self._points(section, key, measured)
        if not times:
            return Curve((), ())
        begin = max(since, self._since, times[0])
        if is_unbroken:
            begin = max(begin, history.unbroken_since(section, key, measured) or begin)
        reads = self.reads(section)
        moments = reads[bisect_left(reads, begin) : bisect_right(reads, times[-1])]
        if len(moments) > _MOMENTS:
            step = (len(moments) - 1) / (_MOMENTS - 1)
            moments = [moments[round(i * step)] for i in range(_MOMENTS)]
        return Curve(moments, _values_at(times, values, moments))

    def curve_at(self, section: str, key: Key, measured: str, moments: Sequence[float]) -> Curve:
        """A figure at moments of somebody else's choice."""
        times, values = self._points(section, key, measured)
        return Curve(moments, _values_at(times, values, moments) if times else ())

    def _points(self, section: str, key: Key, measured: str) -> tuple[list[float], list[float]]:
        asked = section, key, measured
        if asked not in self._histories:
            self._histories[asked] = self.frame.history.points(*asked, self.frame.mono)
        return self._histories[asked]

    def rise(self, section: str, key: Key, measured: str, *, is_unbroken: bool = False) -> Rise | None:
        """How a figure moved since the baseline, or over the late part in which it rose steadily.

        None where there are too few reads to tell.
        """
        asked = section, key, measured, is_unbroken
        if asked not in self._rises:
            self._rises[asked] = self._measure(section, key, measured, is_unbroken=is_unbroken)
        return self._rises[asked]

    def _measure(self, section: str, key: Key, measured: str, *, is_unbroken: bool) -> Rise | None:
        whole = self.curve(section, key, measured, is_unbroken=is_unbroken)
        rise = measure(whole)
        if rise is None or rise.is_steady:
            return rise
        least = min(max(_LEAST_LATE, whole.seconds * _LATE_SHARE), _LONGEST_LATE)
        seconds = whole.seconds / 2
        while seconds >= least:
            since = whole.times[-1] - seconds
            late = self.curve(section, key, measured, since, is_unbroken=is_unbroken)
            if len(late.values) < max(_LATE_READS, LEAST_SAMPLES):
                break
            if _is_higher_than_ever(whole, late) and not _levels_off(whole, late) and may_rise(late):
                found = measure(late)
                if found is not None and found.is_steady and found.p < _LATE_CHANCE:
                    return found
            seconds /= 2
        return rise


def _is_higher_than_ever(whole: Curve, late: Curve) -> bool:
    """Whether the rise left behind what was there before: what came and went before is expected to go again."""
    before = [value for time, value in zip(*whole, strict=True) if time < late.times[0]]
    growth = late.values[-1] - late.values[0]
    return not before or late.values[-1] - max(before) >= growth / 2


def _levels_off(whole: Curve, late: Curve) -> bool:
    """Whether it rose faster, and as gradually, in as long a time before: then the late part begins nothing."""
    since = late.times[0] - late.seconds
    before = [(time, value) for time, value in zip(*whole, strict=True) if since <= time <= late.times[0]]
    if len(before) < _BEFORE or late.seconds <= 0:
        return False
    (begin, first), (end, last) = before[0], before[-1]
    growth = last - first
    largest = max(after - value for (_, value), (_, after) in pairwise(before))
    slope = (late.values[-1] - late.values[0]) / late.seconds
    return growth > 0 and largest < growth / 2 and growth / (end - begin) > _FASTER * slope


def _values_at(times: list[float], values: list[float], moments: Sequence[float]) -> list[float]:
    """The values at moments in order, on the lines that join the points: a plateau is kept as its two ends."""
    count = len(times)
    out = []
    right = 0
    for moment in moments:
        right = bisect_right(times, moment, right)
        if right == 0:
            out.append(values[0])
        elif right == count:
            out.append(values[-1])
        else:
            before, value = times[right - 1], values[right - 1]
            out.append(value + (values[right] - value) * (moment - before) / (times[right] - before))
    return out
