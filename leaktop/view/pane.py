"""A pane as plain values: its columns, and the user's choice of order and filter."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from leaktop.view.cells import visible

if TYPE_CHECKING:
    from leaktop.model.frame import Frame, Key, Row
    from leaktop.view.columns import Column
    from leaktop.view.legend import Meaning


@dataclass(frozen=True, slots=True)
class Chart:
    """A figure over time, for the drill-down."""

    title: str
    section: str
    key: Key
    measure: str
    """"size" (bytes) or "number"."""


@dataclass(frozen=True, slots=True)
class Listing:
    """A small table inside a drill-down; every text is made safe to show."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "rows", tuple(tuple(map(visible, row)) for row in self.rows))


@dataclass(frozen=True, slots=True)
class Detail:
    """What Enter shows of one row. All text is made safe to show; panes cut what may be long."""

    title: str
    facts: tuple[tuple[str, str], ...]
    paragraphs: tuple[str, ...] = ()
    """What it is, and what to do next."""
    charts: tuple[Chart, ...] = ()
    listings: tuple[Listing, ...] = ()
    inspect: tuple[str, str] | None = None
    """A costly read that the user may ask for: (subject, name) of Source.inspect."""
    inspect_label: str = ""
    inspects_at_once: bool = False
    """Whether to read it unasked, since it is cheap."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "title", visible(self.title))
        object.__setattr__(self, "facts", tuple((name, visible(value)) for name, value in self.facts))
        object.__setattr__(self, "paragraphs", tuple(map(visible, self.paragraphs)))


@dataclass(frozen=True, slots=True)
class Switch:
    """A key that changes which rows a pane shows."""

    key: str
    name: str
    label: str
    """For the pane's title while it is on: "unreclaimable only"."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What the user chose for one pane."""

    sort: str = "growth"
    is_reversed: bool = False
    pattern: str = ""
    switches: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class PaneView:
    """One pane: everything about it but how it is drawn."""

    name: str
    title: str
    order: int
    """The digit that goes to it."""
    section: str
    """The section whose fault and notes it shows."""
    columns: tuple[Column, ...]
    rows: Callable[[Frame, frozenset[str]], Sequence[Row]]
    """The rows under the switches that are on, unordered."""
    haystack: Callable[[Row], str]
    """The text that a filter searches."""
    detail: Callable[[Frame, Row], Detail]
    record: Callable[[Row], Mapping[str, Any]]
    """The row for `show --json`."""
    source: str
    """The files that its figures are read from, but where a column names another."""
    headline: Callable[[Frame], str] = lambda frame: ""
    """A few words for the border."""
    headline_hint: str = ""
    """For the help screen: what these words say."""
    legend: Sequence[Meaning] = ()
    """For the help screen: the meaning of rows that are always the same."""
    switches: tuple[Switch, ...] = ()
    letters: Mapping[str, str] = field(default_factory=dict)
    """Keys that sort by a column while this pane has the focus: slabtop's letters."""
    empty: Callable[[Frame], str] = lambda frame: "There is nothing to show."
    """What to say where there are no rows, and neither a fault nor the user's choice is the reason."""
    is_cache: Callable[[Row], bool | None] = lambda row: False
    """Whether growth of a row is use, not loss; None where it is good news."""
    sort: str = "growth"
    """The order at the start."""
    is_reversed: bool = False
    """Whether that order is turned round."""
    shown: tuple[str, ...] = ()
    """Names of the columns that the screen shows, from left to right; empty: all."""
    leads_to: Callable[[Row], str] | None = None
    """The name of the pane to which Enter goes from a row; None: it opens the row's drill-down."""
    letter: str = ""
    """The key that goes to a pane of few kernels, which has no place beside the others and fills the screen."""

    @property
    def key(self) -> str:
        """The key that goes to it."""
        return self.letter or str(self.order)

    @property
    def in_view(self) -> tuple[Column, ...]:
        """The columns that the screen shows where there is room."""
        named = {column.name: column for column in self.columns}
        return tuple(named[name] for name in self.shown) or self.columns


def is_offered(pane: PaneView, frame: Frame | None) -> bool:
    """Whether a pane is named among the others: one of few kernels only where this kernel has what it shows."""
    if not pane.letter:
        return True
    section = None if frame is None else frame.sections[pane.section]
    return section is not None and section.mono is not None and not (section.fault and section.fault.kind == "missing")


def marker(pane: PaneView, row: Row) -> str:
    """The glyph before a row: "▲" grows, "~" grows but can be reclaimed, " " does not grow."""
    if (row.size.growth or 0) <= 0 or (row.size.slope if row.size.slope is not None else row.size.rate or 0) < 0:
        return " "
    return {True: "~", False: "▲", None: " "}[pane.is_cache(row)]
