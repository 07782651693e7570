"""A curve as SVG in an HTML page: axes with plain numbers, the curve, its trend, what happened meanwhile."""

from __future__ import annotations

from bisect import bisect_left
from datetime import UTC, datetime
from html import escape
from math import ceil, floor, log10
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from leaktop.view.cells import safe
from leaktop.view.report.curves import thinned

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from leaktop.model.diagnosis import Rise
    from leaktop.model.sample import Event
    from leaktop.view.report.curves import Curve

_POINTS = 240
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 12, 10, 24
"""Room around the plot, for labels."""
_LABEL = 78
"""Room that a time below the axis wants."""
_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)
"""Seconds between times on the axis that a person would choose."""
_UNITS = ("", "K", "M", "G", "T", "P")
_LEAST_SPAN = 0.002
"""Share of the value that the height stands for at least."""


class _Plot(NamedTuple):
    """Where values come to stand."""

    start: float
    end: float
    low: float
    high: float
    width: int
    height: int

    def x(self, time: float) -> float:
        share = (time - self.start) / (self.end - self.start)
        return round(_LEFT + share * (self.width - _LEFT - _RIGHT), 1)

    def y(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return round(self.height - _BOTTOM - share * (self.height - _TOP - _BOTTOM), 1)


class Span(NamedTuple):
    """The time that every chart of a report shows, and what happened in it."""

    start: float
    """Monotonic seconds, like all times of a curve."""
    end: float
    shift: float
    """What makes the time of day out of them."""
    events: Sequence[Event]


def chart(curve: Curve, span: Span, width: int, height: int) -> str:
    """The SVG element.

    Args:
        curve: what is drawn.
        span: the time axis.
        width: of the drawing, in pixels.
        height: likewise.
    """
    marks = _value_marks(min(curve.values), max(curve.values), is_count=curve.is_count)
    low, high = min(marks[0], *curve.values), max(marks[-1], *curve.values)
    plot = _Plot(min(span.start, curve.times[0]), max(span.end, curve.times[-1]), low, high, width, height)
    points = " ".join(f"{plot.x(time)},{plot.y(value)}" for time, value in thinned(curve, _POINTS))
    floor_y, begin, end = plot.y(low), plot.x(curve.times[0]), plot.x(curve.times[-1])
    words = escape(f"{curve.name}, {curve.span}")
    kind = "chart loss" if curve.is_loss else "chart"
    return "".join(
        [
            f'<svg class="{kind}" viewBox="0 0 {width} {height}" role="img" aria-label="{words}">',
            f"<title>{words}</title>",
            *_grid(plot, marks, is_count=curve.is_count),
            *_clock(plot, span.shift),
            f'<polygon class="area" points="{begin},{floor_y} {points} {end},{floor_y}"/>',
            *_events(plot, span.events),
            *(_trend(plot, curve, curve.rise) if curve.rise and curve.rise.is_steady else ()),
            f'<polyline class="line" points="{points}"/>',
            f'<circle class="now" cx="{end}" cy="{plot.y(curve.values[-1])}" r="3"/></svg>',
        ]
    )


def _grid(plot: _Plot, marks: Sequence[float], *, is_count: bool) -> Iterator[str]:
    texts = _value_words(marks, is_count=is_count)
    for mark, text in zip(marks, texts, strict=True):
        y = plot.y(mark)
        yield f'<line class="grid" x1="{_LEFT}" y1="{y}" x2="{plot.width - _RIGHT}" y2="{y}"/>'
        yield f'<text class="value" x="{_LEFT - 8}" y="{y + 4:.1f}">{text}</text>'


def _clock(plot: _Plot, shift: float) -> Iterator[str]:
    """Times of day below the axis, where they are round."""
    most = max((plot.width - _LEFT - _RIGHT) // _LABEL, 2)
    span = plot.end - plot.start
    step = next((step for step in _STEPS if span / step <= most), 86400 * ceil(span / 86400 / most))
    at = ceil((plot.start + shift) / step) * step
    while at <= plot.end + shift:
        x = plot.x(at - shift)
        anchor = "end" if x > plot.width - _RIGHT - _LABEL / 3 else "start" if x < _LEFT + _LABEL / 3 else "middle"
        yield f'<text class="time" text-anchor="{anchor}" x="{x}" y="{plot.height - 6}">{_time(at, step)}</text>'
        at += step


def _time(wall: float, step: float) -> str:
    form = "%m-%d" if step >= 86400 else "%H:%M" if step >= 60 else "%H:%M:%S"
    try:
        return datetime.fromtimestamp(wall, UTC).strftime(form)
    except (ValueError, OverflowError, OSError):
        return ""


def _trend(plot: _Plot, curve: Curve, rise: Rise) -> Iterator[str]:
    """The line that the rate is the slope of, where it fits what is drawn."""
    since = bisect_left(curve.times, rise.start)
    part = list(zip(curve.times[since:], curve.values[since:], strict=True))
    if len(part) < 2:
        return
    base = median(value - rise.slope * (time - rise.start) for time, value in part)
    ends = [(time, base + rise.slope * (time - rise.start)) for time in (part[0][0], part[-1][0])]
    room = (plot.high - plot.low) / 10
    if all(plot.low - room <= value <= plot.high + room for _, value in ends):
        (x1, y1), (x2, y2) = ((plot.x(time), plot.y(min(max(value, plot.low), plot.high))) for time, value in ends)
        yield f'<line class="trend" x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}"/>'


def _events(plot: _Plot, events: Sequence[Event]) -> Iterator[str]:
    for event in events:
        if plot.start <= event.mono <= plot.end:
            x = plot.x(event.mono)
            words = escape(safe(f"{event.kind} {event.text}".strip()))
            yield f'<line class="event" x1="{x}" y1="{_TOP}" x2="{x}" y2="{plot.height - _BOTTOM}"><title>{words}'
            yield "</title></line>"


def _value_marks(low: float, high: float, *, is_count: bool) -> list[float]:
    """Three to six round values around what is drawn: of bytes, round in powers of two."""
    span = max(high - low, abs(high) * _LEAST_SPAN, 4.0)
    if high - low < span:
        low -= (span - (high - low)) / 2
    low = max(low, 0.0)
    high = max(high, low + span)
    if is_count:
        raw = span / 3
        power = 10 ** floor(log10(raw))
        step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= raw)
    else:
        step = 1.0
        while step < span / 3:
            step *= 2
    first = floor(low / step)
    return [number * step for number in range(first, ceil(high / step) + 1)]


def _value_words(marks: Sequence[float], *, is_count: bool) -> list[str]:
    """All in one unit, with the digits that tell them apart."""
    base = 1000 if is_count else 1024
    unit = 0
    while abs(marks[-1]) >= base ** (unit + 1) and unit < len(_UNITS) - 1:
        unit += 1
    step = (marks[1] - marks[0]) / base**unit
    digits = 0
    while digits < 3 and abs(round(step, digits) - step) > step / 50:
        digits += 1
    suffix = _UNITS[unit].lower() if is_count and unit == 1 else _UNITS[unit]
    return [f"{mark / base**unit:,.{digits}f}{suffix}" if mark else "0" for mark in marks]
