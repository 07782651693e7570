"""The last minutes of a figure in one line."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaktop.view.spark import GLYPHS, sparkline

if TYPE_CHECKING:
    from leaktop.model.frame import Frame, Key


class Past:
    """A frame, as far as a sparkline looks at it."""

    def __init__(self, mono: float, points: list[tuple[float, float]]) -> None:
        self.mono = mono
        self.history = self
        self._points = points

    def points(
        self, _section: str, _key: Key, _measure: str, until: float, since: float
    ) -> tuple[list[float], list[float]]:
        before = [point for point in self._points if point[0] <= since][-1:]
        kept = before + [point for point in self._points if since < point[0] <= until]
        return [time for time, _ in kept], [value for _, value in kept]


def line(mono: float, points: list[tuple[float, float]], width: int = 8) -> str:
    return sparkline(cast("Frame", Past(mono, points)), "slab", ("a",), width)


@given(
    st.lists(st.tuples(st.floats(0, 900), st.floats(0, 1e15)), max_size=30),
    st.floats(0, 1000),
    st.integers(1, 40),
)
def test_any_past_is_one_line(points: list[tuple[float, float]], mono: float, width: int) -> None:
    shown = line(mono, sorted(points), width)
    assert len(shown) == width
    assert set(shown) <= {" ", *GLYPHS}


def test_a_ramp_rises() -> None:
    points = [(float(second), second * 1e6) for second in range(120)]
    assert line(119.0, points) == GLYPHS


def test_nothing_is_shown_before_the_first_sample() -> None:
    assert line(119.0, [(61.0, 5.0)]) == "    ▁▁▁▁"
    assert line(119.0, []) == " " * 8
    assert line(119.0, [(500.0, 5.0)]) == " " * 8


@pytest.mark.parametrize("value", [0.0, 7.0, 1e12])
def test_a_flat_figure_lies_low(value: float) -> None:
    assert line(119.0, [(0.0, value), (119.0, value)]) == "▁" * 8


def test_noise_does_not_look_like_a_mountain() -> None:
    points = [(float(second), 1e9 + (second % 30 > 14) * 1e6) for second in range(120)]
    assert set(line(119.0, points)) <= set(GLYPHS[:2])


def test_only_the_last_glyph_changes_within_fifteen_seconds() -> None:
    points = [(second + 0.5, second // 15 % 2 * 1e9) for second in range(255)]
    points += [(second + 0.5, (second - 255) * 5e7) for second in range(255, 271)]
    lines = [line(second + 0.5, points, 16) for second in range(255, 270)]
    assert {shown[:15] for shown in lines} == {"▁█" * 7 + "▁"}
    assert len({shown[15] for shown in lines}) > 3
    assert line(270.5, points, 16)[:14] == lines[-1][1:15]
