"""What is lost together: caches, areas and pages whose counts rise, or stand, in a constant ratio are one leak.

Three reports from the field showed it independently: one lost object is lost with all that hangs on it, and whatever
the merged caches are called, their counts agree.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from leaktop.engine.diagnosis.owners import small_ratio
from leaktop.engine.diagnosis.trend import Curve, are_in_step, is_straight
from leaktop.engine.known_caches import holds_cached_files, known_cache
from leaktop.engine.merged import label
from leaktop.model.diagnosis import Member, Unit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from leaktop.engine.diagnosis.observed import Observed
    from leaktop.model.diagnosis import Case
    from leaktop.model.frame import Row
    from leaktop.model.records import Cache

_TOLERANCE = 0.08
_STANDING_TOLERANCE = 0.005
"""Counts of one moment: the case this follows agreed to 0.04 %."""
_STANDING_OBJECTS = 10_000
_STANDING_BYTES = 16 << 20
"""Below either, equal counts are chance."""
_MOST = 8


class _Candidate(NamedTuple):
    name: str
    names: tuple[str, ...]
    identity: str | None
    size: int
    curve: Curve
    slope: float


def growing_units(cases: Sequence[Case], observed: Observed) -> tuple[Unit, ...]:
    """Groups among the leaks whose counts rose in step since the baseline."""
    left = sorted(
        (found for case in cases if case.is_leak and (found := _candidate(case, observed))), key=lambda one: one.slope
    )[: 4 * _MOST]
    units = []
    while left:
        first, *rest = left
        group = [first] + [other for other in rest if _go_together(first, other)]
        left = [other for other in rest if other not in group]
        if len(group) > 1:
            units.append(_unit(group[:_MOST], observed))
    return tuple(sorted(units, key=lambda unit: -(unit.per_second or 0) * unit.bytes))


def standing_units(observed: Observed) -> tuple[Unit, ...]:
    """Groups of large caches whose counts agree at this one moment."""
    rows = [row for row in observed.section("slab").rows if _is_large(row.record)]
    rows.sort(key=lambda row: row.record.active_objs)
    groups: list[list[Row]] = []
    for row in rows:
        if groups and row.record.active_objs <= groups[-1][0].record.active_objs * (1 + _STANDING_TOLERANCE):
            groups[-1].append(row)
        else:
            groups.append([row])
    units = [_standing_unit(group) for group in groups if _is_telling(group)]
    return tuple(sorted(units, key=lambda unit: -(unit.count or 0) * unit.bytes))


def _candidate(case: Case, observed: Observed) -> _Candidate | None:
    measured = "size" if case.kind == "residual" else "number"
    if case.kind not in {"slab", "vmalloc", "residual"} or (case.kind == "slab" and case.section != "slab"):
        return None
    rise = observed.rise(case.section, case.key, measured)
    if rise is None or rise.slope <= 0:
        return None
    curve = observed.curve(case.section, case.key, measured, case.rise.start if case.rise else rise.start)
    if case.kind == "residual":
        page = observed.frame.machine.page_size
        return _Candidate("pages", (), None, page, curve, rise.slope / page)
    row = observed.row(case.section, case.key)
    if row is None:
        return None
    size = row.record.objsize if case.kind == "slab" else row.record.pages * observed.frame.machine.page_size
    if case.kind == "vmalloc":
        size //= max(row.record.areas, 1)
    identity = row.record.merged_into if case.kind == "slab" else None
    return _Candidate(case.name, (case.name, *case.aliases), identity, size, curve, rise.slope)


def _go_together(one: _Candidate, other: _Candidate) -> bool:
    """Of one shape; where one is a straight line many others would be, so then the ratio has to be a simple one."""
    since = max(one.curve.times[0], other.curve.times[0])
    a, b = _from(one.curve, since), _from(other.curve, since)
    if len(a.values) != len(b.values):
        b = _resampled(b, a.times)
    if len(a.values) < 3 or not are_in_step(a, b, _TOLERANCE):
        return False
    if small_ratio(other.slope / one.slope)[1]:
        return True
    return not (is_straight(a) or is_straight(b)) and are_in_step(a, b, _TOLERANCE / 3)


def _from(curve: Curve, since: float) -> Curve:
    pairs = [(time, value) for time, value in zip(*curve, strict=True) if time >= since]
    return Curve([time for time, _ in pairs], [value for _, value in pairs])


def _resampled(curve: Curve, moments: Sequence[float]) -> Curve:
    """Where two sections are read at a different pace."""
    times = curve.times
    nearest = [min(range(len(times)), key=partial(_distance, times, moment)) for moment in moments]
    return Curve(moments, [curve.values[i] for i in nearest])


def _distance(times: Sequence[float], moment: float, i: int) -> float:
    return abs(times[i] - moment)


def _unit(group: list[_Candidate], observed: Observed) -> Unit:
    base = group[0]
    members = []
    for one in group:
        ratio, is_small = small_ratio(one.slope / base.slope)
        ratio = ratio if is_small else round(ratio, 2)
        members.append(Member(one.name, label(one.names, one.identity, [g.size for g in group]), ratio, one.size))
    scale = _common_denominator([member.ratio for member in members])
    members = [member._replace(ratio=member.ratio * scale) for member in members]
    growth = base.curve.values[-1] - base.curve.values[0]
    if base.name == "pages":
        growth /= observed.frame.machine.page_size
    size = sum(member.ratio * member.bytes for member in members)
    return Unit(tuple(members), base.slope / scale, round(growth / scale), round(size))


def _common_denominator(ratios: list[float]) -> int:
    """What turns 1 and 3/2 into 2 and 3."""
    return next((n for n in (1, 2, 3, 4, 6, 12) if all(abs(r * n - round(r * n)) < 1e-6 for r in ratios)), 1)


def _is_large(cache: Cache) -> bool:
    is_cache = cache.reclaimable or holds_cached_files(cache.name)
    return not is_cache and (cache.active_objs or 0) >= _STANDING_OBJECTS and cache.objsize is not None


def _is_telling(group: list[Row]) -> bool:
    """Whether equal counts mean something: enough memory, two sizes, and a cache that anybody may allocate from."""
    if len(group) < 2 or sum(row.size.value or 0 for row in group) < _STANDING_BYTES:
        return False
    if len({row.record.objsize for row in group}) < 2:
        return False
    names = [name for row in group for name in (row.record.name, *row.record.aliases)]
    return any(name.startswith(("kmalloc-", "size-")) or known_cache(name) is None for name in names)


def _standing_unit(group: list[Row]) -> Unit:
    caches = [row.record for row in sorted(group, key=lambda row: -(row.record.objsize or 0))][:_MOST]
    sizes = [cache.objsize for cache in caches]
    members = tuple(
        Member(cache.name, label((cache.name, *cache.aliases), cache.merged_into, sizes), 1.0, cache.objsize)
        for cache in caches
    )
    return Unit(members, None, min(cache.active_objs for cache in caches), sum(sizes))
