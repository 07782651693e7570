"""Every theme of ours can be read, by people without all cones as well, and nothing is told by colour alone."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

import pytest
from textual.color import Color

from leaktop.ui import painted
from leaktop.ui.theme import THEMES, theme_names
from tests.ui.colour_vision import DEFICIENCIES, Rgb, contrast, distance
from tests.ui.fake_source import Live, growing, live, states_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from textual.theme import Theme

AA, AAA = 4.5, 7.0
APART = 15.0
"""CIELAB; side by side 2.3 is just noticed."""
TONES = {"growth": "warning", "fault": "error", "shrink": "success", "plain": "foreground", "cache": "secondary"}
"""What a text means, and the colour of the theme that says so."""
each_theme = pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)


def rgb(theme: Theme, slot: str) -> Rgb:
    colour = Color.parse(getattr(theme, slot))
    return colour.r, colour.g, colour.b


def drawn(shown: Live, selector: str | None = None) -> Iterator[tuple[str, Rgb, Rgb]]:
    """Every text on the screen, or in a widget, with its colour and what is below it; lines and curves apart."""
    region = shown.app.screen.query_one(selector).region if selector else shown.app.screen.region
    for y, strip in enumerate(shown.app.screen._compositor.render_strips()):
        if region.y <= y < region.bottom:
            for text, style, _ in strip.crop(region.x, region.right):
                if style and style.color and style.bgcolor and any(map(is_read, text)):
                    colours = tuple(style.color.get_truecolor()), tuple(style.bgcolor.get_truecolor())
                    yield text.strip(), *(reversed(colours) if style.reverse else colours)


async def judged(shown: Live) -> None:
    """So many ticks that there is a verdict, of which only the last is drawn."""
    for _ in range(40):
        feed = shown.app.live
        assert feed is not None
        feed.take(shown.source.tick(), states_of(shown.source))
    await shown.settle()


def is_read(character: str) -> bool:
    return character.isalnum() or character in "▲~›+-?"


def check(shown: Live, least: float, selector: str | None = None) -> int:
    texts = list(drawn(shown, selector))
    for text, colour, ground in texts:
        assert contrast(colour, ground) >= least, (shown.app.theme, text, colour, ground, contrast(colour, ground))
    return len(texts)


@each_theme
async def test_every_text_stands_out_from_what_is_below_it(theme: Theme) -> None:
    least = AAA if theme.name == "leaktop-contrast" else AA
    async with live(growing(45), size=(160, 48), first=0, theme=theme.name) as shown:
        await judged(shown)
        await shown.press("2", "down")
        assert check(shown, least) > 200
        table: Any = shown.app.focused
        for tone in painted.TONES:
            for drawn_as in (tone,) if "bar" in tone or tone == "cursor" else (tone, f"{tone} cursor"):
                style = table._style(drawn_as)
                assert contrast(tuple(style.color.get_truecolor()), tuple(style.bgcolor.get_truecolor())) >= least, (
                    drawn_as
                )
        grounds = {ground for _, _, ground in drawn(shown)}
        assert len(grounds) > 3  # the cursor's and the bar's, beside the usual one
        for row in ("8", "1"):
            await shown.press(row, "down")
            check(shown, least, "#panes")
        await shown.press("2", "space", "enter")
        check(shown, least)
        await shown.press("escape", "question_mark")
        check(shown, least, "#help")
        await shown.press("escape", "K")
        check(shown, least, "#actions")
        await shown.press("escape", "r")
        check(shown, least, "#record")
        await shown.press("escape", "left_square_bracket", "J")
        check(shown, least, "#jump")
        await shown.press("escape", "L")
        shown.app.action_tour()
        shown.app.say("a notice")
        await shown.settle()
        check(shown, AA)


async def test_another_theme_is_the_theme_at_once() -> None:
    async with live(growing(45), size=(160, 48), first=0) as shown:
        await judged(shown)
        await shown.press("2", "down")
        shown.app.theme = "leaktop-light"
        await shown.settle()
        changed = list(drawn(shown))
    async with live(growing(45), size=(160, 48), first=0, theme="leaktop-light") as shown:
        await judged(shown)
        await shown.press("2", "down")
        assert changed == list(drawn(shown))


@each_theme
def test_what_texts_mean_can_be_told_apart(theme: Theme) -> None:
    for one, other in combinations(TONES, 2):
        assert distance(rgb(theme, TONES[one]), rgb(theme, TONES[other])) >= APART, (one, other)


@pytest.mark.parametrize("deficiency", DEFICIENCIES)
def test_in_the_colour_blind_safe_theme_by_everybody(deficiency: str) -> None:
    theme = next(theme for theme in THEMES if theme.name == "leaktop-cb")
    for one, other in combinations(TONES, 2):
        first, second = rgb(theme, TONES[one]), rgb(theme, TONES[other])
        assert distance(first, second, deficiency) >= APART, (one, other, distance(first, second, deficiency))


def test_the_themes_are_offered() -> None:
    assert theme_names()[: len(THEMES)] == ["leaktop", "leaktop-light", "leaktop-cb", "leaktop-contrast"]


def test_what_the_measures_are_measured_by() -> None:
    assert contrast((255, 255, 255), (0, 0, 0)) == pytest.approx(21.0)
    assert contrast((119, 119, 119), (255, 255, 255)) == pytest.approx(4.48, abs=0.01)
    assert distance((10, 20, 30), (10, 20, 30)) == 0
    # Red and green of like lightness: far apart with all cones, near without.
    red, green = (186, 84, 60), (110, 120, 40)
    assert distance(red, green) > 50
    assert distance(red, green, "deuteranopia") < 25
    for deficiency in DEFICIENCIES:
        assert distance((255, 255, 255), (255, 255, 254), deficiency) < 1


async def test_no_sign_depends_on_colour() -> None:
    async with live(growing(45), size=(160, 48), first=0) as shown:
        await judged(shown)
        await shown.press("2", "down")
        text = shown.text()
        assert "▲›" in text or "~›" in text or " ›" in text  # the cursor
        assert "▲ " in text  # growth
        assert "~ " in text  # a cache
        assert "▲ suspect" in text
        assert "LEAK" in text  # the verdict
        await shown.press("space")
        assert "PAUSED" in shown.text("#header")
    async with live(size=(80, 24)) as shown:
        await shown.press("4")
        assert "›4 " in shown.text("#tabs")
