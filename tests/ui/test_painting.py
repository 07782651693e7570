"""Painting only what changed gives the same screen as painting everything."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.style import Style
from textual.geometry import Region, Size

from leaktop.ui.painted import Painted, padded

if TYPE_CHECKING:
    from typing import Any, Self

    from textual.strip import Strip

    from leaktop.ui.painted import Line

TONES = ["", "dim", "growth", "fault", "bar-anon", "bar-free", "cursor", "growth cursor", "dim cursor"]
_COLOURS = {"dim": "grey50", "growth": "yellow", "fault": "red"}
_GROUNDS = {"bar-anon": "blue", "bar-free": "black", "cursor": "green"}

Cell = tuple[str, object, object]


class Surface(Painted):
    """A Painted without an app: its size is given, and it keeps what it asked to have repainted."""

    def __init__(self, width: int, height: int) -> None:
        super().__init__()
        self.wanted: list[Region] = []
        self._given = Size(width, height)

    @property
    def size(self) -> Size:
        return self._given

    @property
    def rich_style(self) -> Style:
        return Style(color="white", bgcolor="bright_black")

    def get_component_rich_style(self, *names: str, **_options: Any) -> Style:
        tone = names[0].removeprefix("painted--")
        return Style(color=_COLOURS.get(tone), bgcolor=_GROUNDS.get(tone), bold=tone == "strong" or None)

    def refresh(self, *regions: Region, **_options: Any) -> Self:
        self.wanted.extend(regions or [Region(0, 0, *self._given)])
        return self

    def cells(self) -> list[list[Cell]]:
        """All lines, cell by cell."""
        return [cells_of(self.render_line(y)) for y in range(self._given.height)]


def cells_of(strip: Strip) -> list[Cell]:
    """Each cell as it looks: its character, its colour unless it is blank, its ground."""
    cells: list[Cell] = []
    for text, style, _ in strip:
        look = style or Style()
        for character in text:
            colour = None if character == " " else look.color
            cells += [(character, colour, look.bgcolor), *[("", colour, look.bgcolor)] * (cell_len(character) - 1)]
    return cells


texts = st.text(st.sampled_from("ab 0…▲"), max_size=6)
lines = st.lists(st.tuples(texts, st.sampled_from(TONES)), max_size=5).map(tuple)
screens = st.lists(lines, max_size=4)


@st.composite
def two_screens(draw: st.DrawFn) -> tuple[list[Line], list[Line]]:
    """A screen, and one that follows it: most often much the same."""
    old = draw(screens)
    new = [
        tuple(
            draw(st.tuples(texts, st.sampled_from(TONES))) if draw(st.integers(0, 3)) == 0 else piece for piece in line
        )
        for line in old
    ]
    return old, draw(st.sampled_from([new, draw(screens), new[:-1], [*new, *old]]))


@settings(max_examples=600, deadline=None)
@given(two_screens(), st.integers(1, 24))
def test_the_requested_regions_turn_the_old_screen_into_the_new_one(
    pair: tuple[list[Line], list[Line]], width: int
) -> None:
    surface = Surface(width, 6)
    surface.paint(pair[0])
    on_screen = surface.cells()
    surface.wanted.clear()
    surface.paint(pair[1])
    new = surface.cells()
    assert all(len(line) == width for line in new)
    for region in surface.wanted:
        for y in range(region.y, min(region.bottom, 6)):
            on_screen[y][region.x : region.right] = new[y][region.x : region.right]
    assert on_screen == new


@given(screens, st.integers(1, 24))
def test_equal_lines_request_nothing(screen: list[Line], width: int) -> None:
    surface = Surface(width, 6)
    surface.paint(screen)
    surface.wanted.clear()
    surface.paint([tuple(line) for line in screen])
    assert surface.wanted == []


def test_one_figure_in_a_row_repaints_that_figure_only() -> None:
    surface = Surface(40, 2)
    surface.paint([(("name      ", ""), ("  1.00M ", ""), (" owner", "dim"))])
    surface.wanted.clear()
    surface.paint([(("name      ", ""), ("  1.01M ", ""), (" owner", "dim"))])
    assert surface.wanted == [Region(10, 0, 8, 1)]


def test_the_cursor_reaches_the_right_edge_and_leaves_it_again() -> None:
    surface = Surface(20, 2)
    plain: list[Line] = [(("row", ""),)]
    surface.paint(plain)
    surface.wanted.clear()
    surface.paint([(("row", "cursor"),)])
    assert surface.wanted == [Region(0, 0, 20, 1)]
    surface.wanted.clear()
    surface.paint(plain)
    assert surface.wanted == [Region(0, 0, 20, 1)]


@given(st.text(max_size=30), st.integers(0, 30), st.sampled_from(["left", "right"]))
def test_padded_has_exactly_the_width(text: str, width: int, align: str) -> None:
    from leaktop.view.cells import sanitise

    assert cell_len(padded(sanitise(text), width, align)) == width
