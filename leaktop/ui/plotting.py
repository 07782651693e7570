"""The only file that calls plotext: a series of points in, lines of text out.

plotext keeps one global figure, so that only one thread at a time may use it; it is given finite values only.
"""

from __future__ import annotations

import math
import threading
from typing import TYPE_CHECKING

from leaktop.units import human_bytes, human_count, time_of_day

if TYPE_CHECKING:
    from collections.abc import Sequence

_FIGURE = threading.Lock()
_MOST_POINTS = 400
_LEAST_WIDTH, _LEAST_HEIGHT = 24, 4


def plot_series(
    times: Sequence[float],
    values: Sequence[float],
    *,
    now_mono: float,
    now_wall: float,
    width: int,
    height: int,
    is_bytes: bool,
    is_ascii: bool = False,
) -> list[str]:
    """A line chart of one figure.

    Args:
        times: monotonic seconds, rising.
        values: bytes or counts, as many as times.
        now_mono: the moment at the right edge, on the same clock as `times`.
        now_wall: the same moment, as seconds since the epoch.
        width: columns of the chart, labels included.
        height: lines of the chart, labels included.
        is_bytes: whether to label in bytes rather than counts.
        is_ascii: draw with ASCII characters only.

    Returns:
        `height` lines of plain text, or one line that says why there is no chart.
    """
    points = [(t, v) for t, v in zip(times, values, strict=False) if math.isfinite(t) and math.isfinite(v)]
    if width < _LEAST_WIDTH or height < _LEAST_HEIGHT:
        return ["no room for a chart"]
    if len(points) < 2:
        return ["a chart needs two samples"]
    points = _thinned(points)
    label = human_bytes if is_bytes else human_count
    low, high = min(v for _, v in points), max(v for _, v in points)
    margin = max((high - low) * 0.05, abs(high) * 0.005, 1.0)
    bottom, top = max(low - margin, 0.0) if low >= 0 else low - margin, high + margin
    start, end = points[0][0], max(points[-1][0], points[0][0] + 1)
    import plotext  # noqa: PLC0415  # the first frame has no chart, and need not wait for it

    ticks = [bottom, (bottom + top) / 2, top]
    moments = [start, (start + end) / 2, end]
    with _FIGURE:
        plotext.clear_figure()
        plotext.theme("clear")
        plotext.limit_size(False, False)
        plotext.plot_size(width, height)
        plotext.plot([t for t, _ in points], [v for _, v in points], marker="*" if is_ascii else "hd")
        plotext.xlim(start, end)
        plotext.ylim(bottom, top)
        plotext.frame(False)
        plotext.yticks(ticks, [f"{label(tick):>6} " for tick in ticks])
        plotext.xticks(moments, [time_of_day(now_wall - (now_mono - moment)) for moment in moments])
        drawn = plotext.build()
    return [_plain(line) for line in drawn.rstrip("\n").split("\n")][:height]


def _plain(line: str) -> str:
    return line.replace("\x1b[0m", "").rstrip()


def _thinned(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """At most so many points; of each stretch its lowest and its highest, so that no spike is lost."""
    if len(points) <= _MOST_POINTS:
        return points
    stride = math.ceil(len(points) * 2 / _MOST_POINTS)
    kept = []
    for i in range(0, len(points), stride):
        part = points[i : i + stride]
        kept += sorted({min(part, key=lambda p: p[1]), max(part, key=lambda p: p[1])})
    kept[-1] = points[-1]
    return kept
