"""Charts: whatever the figures are, the axes are of round values and everything lies inside the drawing."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaktop.model.sample import Event
from leaktop.view.report.chart import Span, chart
from leaktop.view.report.curves import Curve, sparkline, thinned

WIDTH, HEIGHT = 400, 200


def curve(*values: float, step: float = 1.0, is_count: bool = False) -> Curve:
    times = [100.0 + step * number for number in range(len(values))]
    return Curve("c", times, list(map(float, values)), is_count=is_count, is_loss=False)


def drawn(shown: Curve, *events: Event) -> str:
    return chart(shown, Span(shown.times[0], shown.times[-1], 1795260000.0, events), WIDTH, HEIGHT)


def labels(svg: str, kind: str) -> list[str]:
    return re.findall(rf'<text class="{kind}"[^>]*>([^<]*)</text>', svg)


@pytest.mark.parametrize(
    ("low", "high", "shown"),
    [
        (0, 3 << 20, ["0", "1M", "2M", "3M"]),
        (19 << 30, (19 << 30) + (300 << 20), ["19.000G", "19.125G", "19.250G", "19.375G"]),
        (0, 12, ["0", "4", "8", "12"]),
        (5 << 10, 5 << 10, None),
        (0, 0, ["0", "2", "4"]),
    ],
)
def test_values_on_the_axis_are_round_and_differ(low: int, high: int, shown: list[str] | None) -> None:
    found = labels(drawn(curve(low, high)), "value")
    assert len(set(found)) == len(found) >= 2
    assert shown is None or found == shown


def test_descriptors_are_counted_in_tens() -> None:
    assert labels(drawn(curve(0, 4200, is_count=True)), "value") == ["0", "2k", "4k", "6k"]


@pytest.mark.parametrize(
    ("step", "first"), [(1.0, "11:21:40"), (60.0, "11:25"), (3600.0, "12:00"), (86400.0, "11-24"), (864000.0, "12-13")]
)
def test_times_on_the_axis_are_round(step: float, first: str) -> None:
    found = labels(drawn(curve(*range(11), step=step)), "time")
    assert 1 <= len(found) <= 6
    assert len(set(found)) == len(found)
    assert found[0] == first


def test_an_event_is_a_line_with_its_text() -> None:
    svg = drawn(curve(1, 2, 3), Event(101.0, 0.0, "mark", "</title><script>"), Event(500.0, 0.0, "gap", "outside"))
    assert svg.count('class="event"') == 1
    assert "mark &lt;/title&gt;&lt;script&gt;" in svg
    assert "outside" not in svg


@given(
    st.lists(
        st.floats(min_value=0, max_value=1e18) | st.integers(min_value=0, max_value=1 << 60), min_size=2, max_size=60
    ),
    st.floats(min_value=0.01, max_value=1e6),
    st.booleans(),
)
def test_everything_lies_inside(values: list[float], step: float, is_count: bool) -> None:
    svg = drawn(curve(*values, step=step, is_count=is_count))
    for points in re.findall(r'points="([^"]*)"', svg):
        for pair in points.split():
            x, y = map(float, pair.split(","))
            assert 0 <= x <= WIDTH
            assert -0.1 <= y <= HEIGHT
    assert "nan" not in svg
    assert "inf" not in svg
    HTMLParser().feed(svg)


def test_thinning_keeps_the_extremes_and_the_ends() -> None:
    values = [float(number % 7) for number in range(5000)]
    values[1234] = 99.0
    points = list(thinned(curve(*values), 240))
    assert len(points) <= 242
    assert max(value for _, value in points) == 99.0
    assert points == sorted(points)
    assert list(thinned(curve(1, 2, 3), 240)) == [(100.0, 1.0), (101.0, 2.0), (102.0, 3.0)]


def test_a_sparkline_rises_with_its_curve() -> None:
    assert sparkline(curve(*range(8)), 8) == "▁▂▃▄▅▆▇█"
    assert sparkline(curve(1000, 1000, 1001), 3) == "▁▁▁"
