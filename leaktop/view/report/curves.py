"""The curves of a report: what the machine has left, and what its first suspects took."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from leaktop.engine.series import buckets
from leaktop.units import human_bytes, human_count
from leaktop.view.cells import safe
from leaktop.view.spark import GLYPHS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from leaktop.model.diagnosis import Case, Rise
    from leaktop.view.report import Report

MOST_CURVES = 6
"""Suspects that have one."""
_LEAST_SPAN = 0.02
"""Share of the largest value that the whole height stands for at least, so that noise is no mountain."""
_MEASURES = {"fd": ("number",), "process": ("private", "size"), "kmemleak": ("size", "number")}


class Curve(NamedTuple):
    """One figure since the beginning."""

    name: str
    """Safe to show."""
    times: list[float]
    """Monotonic seconds."""
    values: list[float]
    is_count: bool
    """Descriptors; everything else is bytes."""
    is_loss: bool
    """Where it falls, memory goes."""
    rise: Rise | None = None

    def words(self, value: float) -> str:
        """One of its values."""
        return human_count(value) if self.is_count else human_bytes(value)

    @property
    def span(self) -> str:
        """ "1.20M to 4.80M"."""
        return f"{self.words(self.values[0])} to {self.words(self.values[-1])}"


def free_memory(report: Report) -> Curve | None:
    """MemAvailable, or MemFree where the kernel does not say what is available; None where neither was read twice."""
    for name in ("MemAvailable", "MemFree"):
        found = _points(report, "memory", (name,), "size")
        if found:
            return Curve(name, *found, is_count=False, is_loss=True)
    return None


def suspect_curve(report: Report, case: Case) -> Curve | None:
    """What a suspect took; None where it is not kept, or was read once."""
    for measure in _MEASURES.get(case.kind, ("size",)):
        found = _points(report, case.section, case.key, measure)
        if found:
            return Curve(safe(case.name), *found, is_count=measure == "number", is_loss=False, rise=case.rise)
    return None


def sparkline(curve: Curve, width: int, since: float = float("inf")) -> str:
    """One glyph for each equal part of the time from the first value, or from a moment before it."""
    start = min(curve.times[0], since)
    levels = buckets(curve.times, curve.values, start, (curve.times[-1] - start) / width, width)
    known = [level for level in levels if level is not None]
    if not known:
        return " " * width
    low, high = min(known), max(known)
    span = max(high - low, abs(high) * _LEAST_SPAN, 1.0)
    return "".join(" " if level is None else _glyph((level - low) / span) for level in levels)


def _points(
    report: Report, section: str, key: tuple[object, ...], measure: str
) -> tuple[list[float], list[float]] | None:
    frame = report.digest.frame
    times, values = frame.history.points(section, key, measure, frame.mono)
    return (times, values) if len(times) > 1 and times[-1] > times[0] else None


def _glyph(share: float) -> str:
    return GLYPHS[min(int(share * len(GLYPHS)), len(GLYPHS) - 1)]


def thinned(curve: Curve, most: int) -> Iterator[tuple[float, float]]:
    """At most so many points that look the same: of each part of the time its lowest and its highest."""
    points = list(zip(curve.times, curve.values, strict=True))
    if len(points) <= most:
        yield from points
        return
    start, width = points[0][0], (points[-1][0] - points[0][0]) / (most // 2 - 1)
    part: list[tuple[float, float]] = []
    number = 0
    for point in points:
        at = int((point[0] - start) / width)
        if part and at != number:
            yield from _extremes(part)
            part = []
        number = at
        part.append(point)
    yield from _extremes(part)


def _extremes(part: list[tuple[float, float]]) -> Iterator[tuple[float, float]]:
    lowest, highest = min(part, key=lambda point: point[1]), max(part, key=lambda point: point[1])
    yield from sorted({lowest, highest})
