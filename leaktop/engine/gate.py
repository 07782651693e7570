"""The gate's judgement: what grows each time that a command runs, told from measures before and after every run.

A leak rises in a steady line, run by run; it does not rise while the command rests, nor come back then. So the caches
that fill in the first runs, a spike, what is freed late, and the growth that others cause meanwhile are not accused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from math import comb, sqrt
from statistics import fmean, median, stdev
from typing import TYPE_CHECKING, NamedTuple

from leaktop.engine.statistics import Slope, mann_kendall, theil_sen

if TYPE_CHECKING:
    from collections.abc import Iterator

    from leaktop.model.frame import Frame, Section
    from leaktop.model.records import Cache, VmallocGroup

FEWEST = 5
"""Iterations below which a rise cannot be told from chance."""
_CHANCE = 0.01
_PAIRED_CHANCE = 0.05
_SPIKE = 4
"""Usual steps by which a spike stands out."""
_ERRORS = 3.0
"""Standard errors that the mean of the steps is above 0 at least."""
_SHARE = 0.5
"""Of the growth: more than this in one step is a step, and when as much comes back it was not lost."""
_LEAST_REST = 0.25
"""Share of the commands' time that the rest counts for at least, so that noise does not acquit after long ones."""
_OWN_COST = ("kmemleak_object", "kmemleak_scan_area", "kmalloc-no-objext")
"""Caches of what a debug kernel keeps about the others."""
_AREAS = "vmap_area"
_PARDON = "freed areas that wait to be purged keep theirs; vmalloc is judged by caller"
_COUNTERS = {
    "PageTables": "pagetables",
    "SecPageTables": "pagetables",
    "KernelStack": "kernelstack",
    "Percpu": "percpu",
    "hugepages": "hugepages",
    "Balloon": "balloon",
    "balloon": "balloon",
    "residual": "residual",
}
"""Lines of the memory section that count what no other section lists by its owner, and their kind."""


class Figure(NamedTuple):
    """What one thing held at one moment."""

    bytes: int = 0
    objects: int | None = None
    """In use; of a slab cache active_objs, exact after a shrink."""
    unit: int = 0
    """Bytes of one object; 0 where they differ."""
    aliases: tuple[str, ...] = ()
    note: str = ""
    pardon: str = ""
    """Why it is not to blame, however it grows."""


Key = tuple[str, str]
"""Kind and name."""
Measure = Mapping[Key, Figure]


class Round(NamedTuple):
    """One iteration: a rest, a measure, the command, a measure."""

    before: Measure
    after: Measure
    rested: float
    """Seconds from the measure after the run before."""
    ran: float
    """Seconds from one measure to the other."""


class Rest(NamedTuple):
    """A longer rest behind the last iteration."""

    after: Measure
    seconds: float


class Finding(NamedTuple):
    """Something that rises in a steady line. Bytes and objects are those of one iteration."""

    kind: str
    """slab, vmalloc, pagetables, kernelstack, percpu, hugepages, balloon, residual."""
    name: str
    aliases: tuple[str, ...]
    """The other names of a merged cache."""
    objects_per_iter: float | None
    bytes_per_iter: float
    low: float
    """The bytes lie between low and high with 95 % confidence."""
    high: float
    tolerated: bool
    """It would be a leak, but grows by no more than is allowed."""
    leak: bool
    note: str
    """What to know about it, such as why it is not accused."""


def measure(frame: Frame, *, with_reclaimable: bool) -> dict[Key, Figure]:
    """What a Frame says of everything that is judged.

    Args:
        frame: slab and vmalloc may be unavailable; then none of theirs is in it.
        with_reclaimable: judge reclaimable caches too, since what could be reclaimed has been.
    """
    vmalloc: list[VmallocGroup] = [row.record for row in frame.sections["vmalloc"].rows]
    caches: list[Cache] = [row.record for row in frame.sections["slab"].rows]
    found: dict[Key, Figure] = {}
    for cache in caches:
        if cache.bytes is None or cache.active_objs is None or cache.name.startswith(_OWN_COST):
            continue
        if cache.reclaimable and not with_reclaimable:
            continue
        note = "reclaimable, and still there after a drop of caches" if cache.reclaimable else ""
        pardon = _PARDON if _AREAS in {cache.name, *cache.aliases} else ""
        figure = Figure(cache.bytes, cache.active_objs, cache.objsize or 0, cache.aliases, note, pardon)
        _add(found, ("slab", cache.name), figure)  # a cache that outlived its module has one of its name beside it
    for group in vmalloc:
        if group.kind != "unpurged":
            key, note = _caller(group)
            _add(found, key, Figure(group.pages * frame.machine.page_size, group.areas, note=note))
    found.update(_counters(frame.sections["memory"], caches))
    return found


def changed(start: Measure, now: Measure) -> dict[Key, Figure]:
    """The part of a measure that is not as at the start: all that is worth keeping. What is gone holds nothing."""
    kept = {key: figure for key, figure in now.items() if start.get(key) != figure}
    return kept | {key: figure._replace(bytes=0, objects=0) for key, figure in start.items() if key not in now}


def judge(
    start: Measure, rounds: Sequence[Round], rest: Rest | None = None, max_growth: float = 0.0
) -> tuple[Finding, ...]:
    """Everything that rises with every iteration, leaks first, most bytes first.

    Args:
        start: after the warm-up.
        rounds: at least FEWEST; measures in full, or what `changed` leaves of them.
        rest: None while nobody has waited yet: then a finding may still be something that is freed late.
        max_growth: bytes an iteration that are allowed; 0: none, not even of what has no bytes.

    Raises:
        ValueError: fewer rounds.
    """
    if len(rounds) < FEWEST:
        raise ValueError(f"{len(rounds)} iterations, where {FEWEST} are the least")
    keys = dict.fromkeys(key for each in rounds for key in each.after)
    found = [finding for key in keys if (finding := _finding(key, start, rounds, rest, max_growth))]
    return tuple(sorted(found, key=lambda finding: (not finding.leak, -finding.bytes_per_iter)))


class _Course(NamedTuple):
    """One figure of one thing over the iterations."""

    after: list[int]
    """At the start, and after each run."""
    before: list[int]
    """Before each run."""
    rested: int | None
    """After the rest at the end."""

    @property
    def growth(self) -> int:
        return self.after[-1] - self.after[0]


def _finding(key: Key, start: Measure, rounds: Sequence[Round], rest: Rest | None, allowed: float) -> Finding | None:
    first = start.get(key, Figure())
    last = rounds[-1].after.get(key, first)
    counts = _course(lambda measure: measure.get(key, first).objects or 0, start, rounds, rest)
    sizes = _course(lambda measure: measure.get(key, first).bytes, start, rounds, rest)
    steady = [course for course in (counts, sizes) if _is_steady(course.after)]
    if not steady:
        return None
    times = range(len(rounds) + 1)
    objects, size = theil_sen(times, counts.after), theil_sen(times, sizes.after)
    # Objects that fill up slabs which were there before are lost as well.
    slope = max(size, Slope(*(figure * last.unit for figure in objects)), key=lambda slope: slope.slope)
    # Of objects and bytes, one that rises only while the command runs is enough.
    excuse = min((_excuse(course, rounds, rest) for course in steady), key=len) or last.pardon
    tolerated = not excuse and allowed > 0 and slope.slope <= allowed
    return Finding(
        kind=key[0],
        name=key[1],
        aliases=last.aliases,
        objects_per_iter=None if last.objects is None else objects.slope,
        bytes_per_iter=slope.slope,
        low=slope.low,
        high=slope.high,
        tolerated=tolerated,
        leak=not excuse and not tolerated,
        note=excuse or last.note,
    )


def _course(of: Callable[[Measure], int], start: Measure, rounds: Sequence[Round], rest: Rest | None) -> _Course:
    return _Course(
        _without_spikes([of(start), *(of(each.after) for each in rounds)]),
        _without_spikes([of(each.before) for each in rounds]),
        None if rest is None else of(rest.after),
    )


def _without_spikes(values: Sequence[int]) -> list[int]:
    """Values that leave their neighbours by far more than a step are put back between them."""
    near = [sorted(values[at : at + 3])[1] for at in range(len(values) - 2)]
    usual = median(abs(after - before) for before, after in pairwise(values))
    return [
        between if abs(value - between) > _SPIKE * usual else value
        for value, between in zip(values, (near[0], *near, near[-1]), strict=True)
    ]


def _is_steady(values: Sequence[int]) -> bool:
    """Whether it rises all along, in steps of much the same size, and still does at the end."""
    steps = [after - before for before, after in pairwise(values)]
    growth = values[-1] - values[0]
    if growth <= 0 or max(steps) > growth * _SHARE or not _agree(steps):
        return False
    recent = steps[-(len(steps) // 3) :]
    if sum(recent) < _SHARE * growth * len(recent) / len(steps):
        return False
    return mann_kendall(values).p < _CHANCE and theil_sen(range(len(values)), values).low > 0


def _excuse(course: _Course, rounds: Sequence[Round], rest: Rest | None) -> str:
    """Why the command is not to blame for a steady rise; empty where it is."""
    ran, rested = sum(each.ran for each in rounds), sum(each.rested for each in rounds)
    runs = [after - before for before, after in zip(course.before, course.after[1:], strict=True)]
    rests = [(before - after) * ran / rested for after, before in zip(course.after, course.before, strict=False)]
    more = [run - pause for run, pause in zip(runs, rests, strict=True)]
    if sum(rests) > _SHARE / 2 * course.growth or not _agree(more) or _chance(more) > _PAIRED_CHANCE:
        return "grows while COMMAND rests as well"
    if rest is None or course.rested is None:
        return ""
    later = course.rested - course.after[-1]
    if later <= -_SHARE * course.growth:
        return "comes back when COMMAND rests"
    if later > _SHARE * course.growth * max(min(rest.seconds / ran, 1), _LEAST_REST):
        return "grows on when COMMAND rests"
    return ""


def _agree(steps: Sequence[float]) -> bool:
    """Whether they rise by more than a walk of such steps would by chance."""
    return fmean(steps) > _ERRORS * stdev(steps) / sqrt(len(steps))


def _chance(steps: Sequence[float]) -> float:
    """That so many rise, where a rise and a fall are as likely (sign test)."""
    rises, falls = sum(step > 0 for step in steps), sum(step < 0 for step in steps)
    return sum(comb(rises + falls, k) for k in range(rises, rises + falls + 1)) / 2.0 ** (rises + falls)


def _caller(group: VmallocGroup) -> tuple[Key, str]:
    if group.caller is None or group.caller.startswith("0x"):  # it lies elsewhere each time that it is loaded
        return ("vmalloc", group.kind if group.caller is None else "code of a module that is gone"), ""
    return ("vmalloc", group.caller), f"module {group.module}" if group.module else ""


def _counters(memory: Section, caches: Sequence[Cache]) -> Iterator[tuple[Key, Figure]]:
    amounts = {row.record.name: row.record.bytes for row in memory.rows}
    ghost = memory.extras.get("residual")
    inside = {term.name for term in ghost.terms if term.sign == 0} if ghost else set()
    for name, kind in _COUNTERS.items():
        size = amounts.get(name)
        if size is not None and name not in inside:  # stacks in vmalloc areas are judged under their caller
            yield (kind, name), Figure(size, note="memory that no counter names" if name == "residual" else "")
    listed = [cache.bytes for cache in caches if cache.bytes is not None]
    slab = amounts.get("Slab")
    if slab is not None and listed:
        note = "what Slab counts and /proc/slabinfo does not"
        yield ("slab", "large kmalloc"), Figure(slab - sum(listed), note=note)


def _add(found: dict[Key, Figure], key: Key, figure: Figure) -> None:
    before = found.get(key, Figure())
    found[key] = figure._replace(
        bytes=before.bytes + figure.bytes, objects=(before.objects or 0) + (figure.objects or 0)
    )
