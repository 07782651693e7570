"""The cost by size as SVG for the README: on logarithmic axes, where whatever is linear is equally steep."""

from __future__ import annotations

from math import log10
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_WIDTH, _HEIGHT = 720, 360
_LEFT, _RIGHT, _TOP, _BOTTOM = 60, 190, 20, 44
_APART = 16
"""Pixels between two labels."""
_LOW, _HIGH = 1.0, 10_000.0
_LINES = (
    ("tick", "tick to Frame, ms of CPU", "#c2571a"),
    ("paint", "arrange and paint, ms of CPU", "#2f6f9f"),
    ("resident", "resident, MiB", "#5a8a3a"),
)
_STYLE = (
    "text{font:12px sans-serif;fill:#555}.grid{stroke:#8884;stroke-width:1}.linear{stroke:#888;stroke-dasharray:4 4}"
    "polyline{fill:none;stroke-width:2}@media(prefers-color-scheme:dark){text{fill:#bbb}}"
)


def draw(found: Mapping[float, Mapping[str, float]]) -> str:
    """The drawing.

    Args:
        found: the figures by the share of the machine that was measured.
    """
    least, most = min(found), max(found)

    def x(share: float) -> float:
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * (log10(share) - log10(least)) / (log10(most) - log10(least))

    def y(value: float) -> float:
        part = (log10(max(value, _LOW)) - log10(_LOW)) / (log10(_HIGH) - log10(_LOW))
        return _HEIGHT - _BOTTOM - (_HEIGHT - _TOP - _BOTTOM) * part

    parts = []
    value = _LOW
    while value <= _HIGH:
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{x(most):.0f}" y1="{y(value):.0f}" y2="{y(value):.0f}"/>')
        parts.append(f'<text x="{_LEFT - 8}" y="{y(value) + 4:.0f}" text-anchor="end">{value:,.0f}</text>')
        value *= 10
    for share in found:
        parts.append(f'<text x="{x(share):.0f}" y="{_HEIGHT - _BOTTOM + 18}" text-anchor="middle">{share:g}</text>')
    parts.append(
        f'<text x="{_LEFT}" y="{_HEIGHT - 6}">share of 5,000 caches, 100,000 areas, 30,000 processes, ...</text>'
    )
    free = 0.0
    for name, words, colour in sorted(_LINES, key=lambda line: -found[most][line[0]]):
        points = " ".join(f"{x(share):.1f},{y(figures[name]):.1f}" for share, figures in found.items())
        last = found[most][name]
        begin = y(last * least / most)
        if begin < _HEIGHT - _BOTTOM and name == "tick":
            parts.append(
                f'<line class="linear" x1="{x(least):.1f}" y1="{begin:.1f}" x2="{x(most):.1f}" y2="{y(last):.1f}"/>'
                f'<text x="{x(least) + 24:.0f}" y="{begin + 14:.0f}">linear</text>'
            )
        parts.append(f'<polyline points="{points}" stroke="{colour}"/>')
        free = max(y(last) + 4, free + _APART)
        parts.append(f'<text x="{x(most) + 8:.0f}" y="{free:.0f}" style="fill:{colour}">{words}</text>')
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'aria-label="CPU and memory by the size of the machine"><style>{_STYLE}</style>{"".join(parts)}</svg>\n'
    )
