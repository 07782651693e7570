"""How far apart colours are: contrast as WCAG 2.2 defines it, and distance as people with and without all cones see it.

The matrices are those of Machado, Oliveira and Fernandes, "A physiologically-based model for simulation of color vision
deficiency" (2009), for severity 1.0; they work on linear RGB. Distance is CIE76 in CIELAB, white point D65.
"""

from __future__ import annotations

from itertools import starmap
from math import dist

Rgb = tuple[int, int, int]
Matrix = tuple[tuple[float, float, float], ...]

DEFICIENCIES: dict[str, Matrix] = {
    "protanopia": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "deuteranopia": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "tritanopia": (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ),
}


def contrast(one: Rgb, other: Rgb) -> float:
    """The ratio of WCAG 2.2, from 1 to 21."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def distance(one: Rgb, other: Rgb, deficiency: str | None = None) -> float:
    """How different two colours look; 2.3 is just noticed side by side."""
    first, second = (_lab(_seen(colour, deficiency)) for colour in (one, other))
    return dist(first, second)


def _seen(colour: Rgb, deficiency: str | None) -> tuple[float, ...]:
    linear = _linear(colour)
    if deficiency is None:
        return linear
    rows = DEFICIENCIES[deficiency]
    return tuple(min(max(sum(map(lambda a, b: a * b, row, linear)), 0.0), 1.0) for row in rows)


def _linear(colour: Rgb) -> tuple[float, ...]:
    shares = (channel / 255 for channel in colour)
    return tuple(share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares)


def _luminance(colour: Rgb) -> float:
    red, green, blue = _linear(colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _lab(linear: tuple[float, ...]) -> tuple[float, float, float]:
    red, green, blue = linear
    x = (0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.95047
    y = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    z = (0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.08883
    cube_x, cube_y, cube_z = starmap(_root, ((x,), (y,), (z,)))
    return 116 * cube_y - 16, 500 * (cube_x - cube_y), 200 * (cube_y - cube_z)


def _root(share: float) -> float:
    return share ** (1 / 3) if share > 0.008856 else 7.787 * share + 16 / 116
