"""Colours: one accent for growth, everything else quiet. Severity is always a glyph or a word as well."""

from __future__ import annotations

from textual.theme import BUILTIN_THEMES, Theme

THEMES: tuple[Theme, ...] = (
    Theme(
        name="leaktop",
        primary="#7aa2c8",
        secondary="#5c7a99",
        accent="#e0a458",
        warning="#e0a458",
        error="#e06c75",
        success="#7fb685",
        foreground="#d0d4d8",
        background="#14171a",
        surface="#14171a",
        panel="#1d2125",
        dark=True,
    ),
    Theme(
        name="leaktop-light",
        primary="#2f5f8a",
        secondary="#55708a",
        accent="#a85a00",
        warning="#a85a00",
        error="#b3261e",
        success="#2e7d4f",
        foreground="#1c2024",
        background="#fafaf8",
        surface="#fafaf8",
        panel="#eceeec",
        dark=False,
    ),
)


def theme_names() -> list[str]:
    """Every theme that can be asked for, ours first."""
    return [theme.name for theme in THEMES] + sorted(BUILTIN_THEMES)
