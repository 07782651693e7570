"""Colours: one accent for growth, everything else quiet. Severity is always a sign or a word as well.

Text stands out from what is below it by 4.5 to 1 or more, under the cursor and in the bar too (WCAG 2.2, AA), in
`leaktop-contrast` by 7 to 1; tests/ui/test_colours.py looks at what is drawn.
"""

from __future__ import annotations

from textual.theme import BUILTIN_THEMES, Theme

THEMES: tuple[Theme, ...] = (
    Theme(
        name="leaktop",
        primary="#7aa2c8",
        secondary="#8aa0b5",
        accent="#e0a458",
        warning="#e0a458",
        error="#e8777f",
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
        secondary="#455a6e",
        accent="#8a4800",
        warning="#8a4800",
        error="#b3261e",
        success="#1f663d",
        foreground="#1c2024",
        background="#fafaf8",
        surface="#fafaf8",
        panel="#eceeec",
        dark=False,
    ),
    # The colours of Okabe and Ito ("Color Universal Design", 2008): orange, sky blue, yellow, and bluish green, which
    # is a step lighter here than theirs so that it can be read on the cursor's ground.
    Theme(
        name="leaktop-cb",
        primary="#56b4e9",
        secondary="#96a6b6",
        accent="#e69f00",
        warning="#e69f00",
        error="#f0e442",
        success="#33b189",
        foreground="#e4e6e8",
        background="#101315",
        surface="#101315",
        panel="#1b1f23",
        dark=True,
    ),
    Theme(
        name="leaktop-contrast",
        primary="#66ccff",
        secondary="#c0c8d0",
        accent="#ffb000",
        warning="#ffb000",
        error="#ff9db0",
        success="#5ee0a0",
        foreground="#ffffff",
        background="#000000",
        surface="#000000",
        panel="#101010",
        dark=True,
    ),
)


def theme_names() -> list[str]:
    """Every theme that can be asked for, ours first."""
    return [theme.name for theme in THEMES] + sorted(BUILTIN_THEMES)
