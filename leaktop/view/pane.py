"""A pane as plain values: its columns, the user's choice of order and filter, and the rows that follow."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import regex

from leaktop.view.cells import sanitise

if TYPE_CHECKING:
    from leaktop.model.frame import Frame, Key, Row
    from leaktop.view.columns import Column


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
    """A small table inside a drill-down; every text already safe to show."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Detail:
    """What Enter shows of one row. All text is safe to show."""

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
    headline: Callable[[Frame], str] = lambda frame: ""
    """A few words for the title."""
    switches: tuple[Switch, ...] = ()
    letters: Mapping[str, str] = field(default_factory=dict)
    """Keys that sort by a column while this pane has the focus: slabtop's letters."""
    empty: str = "nothing here"
    """What to say when there are no rows and no fault."""
    is_cache: Callable[[Row], bool | None] = lambda row: False
    """Whether growth of a row is use, not loss; None where it is good news."""
    sort: str = "growth"
    """The order at the start."""
    leads_to: Callable[[Row], str] | None = None
    """The name of the pane to which Enter goes from a row; None: it opens the row's drill-down."""
    letter: str = ""
    """The key that goes to a pane of few kernels, which has no place beside the others and fills the screen."""

    @property
    def key(self) -> str:
        """The key that goes to it."""
        return self.letter or str(self.order)


_PATIENCE = 0.05
"""Seconds that a filter may take over one row; Python's own re would go on for years, and cannot be stopped."""


class PatternError(ValueError):
    """The filter is no regular expression; the message says where."""


def matcher(pattern: str) -> Callable[[str], bool]:
    """A filter from what the user typed: a regular expression, smart case, "!" in front inverts.

    Raises:
        PatternError: it is no regular expression.
    """
    inverted = pattern.startswith("!")
    body = pattern[1:] if inverted else pattern
    letters = regex.sub(r"\\.", "", body)  # the S of \S is no capital letter
    flags = regex.IGNORECASE if letters == letters.lower() else 0
    try:
        found = regex.compile(body, flags).search
    except (regex.error, OverflowError, RecursionError) as error:
        raise PatternError(f"not a regular expression: {error}") from error

    def matches(text: str) -> bool:
        try:
            return (found(text, timeout=_PATIENCE) is None) == inverted
        except TimeoutError as error:
            raise PatternError("this expression takes too long: it repeats what repeats") from error

    return matches


def arrange(pane: PaneView, frame: Frame, choice: Choice) -> list[Row]:
    """The rows of a pane, filtered and in order: the chosen column, then size, then name.

    Raises:
        PatternError: the filter is no regular expression.
    """
    rows = list(pane.rows(frame, choice.switches))
    if choice.pattern:
        matches = matcher(choice.pattern)
        rows = [row for row in rows if matches(sanitise(pane.haystack(row)).rstrip())]
    column = next((column for column in pane.columns if column.name == choice.sort), pane.columns[0])
    # Three stable sorts, the least important first, so that rows which do not move keep their places.
    rows.sort(key=next((named.value for named in pane.columns if named.is_flexible), column.value))
    rows.sort(key=lambda row: row.size.value or 0, reverse=True)
    known: list[tuple[Any, Row]] = []
    unknown: list[tuple[Any, Row]] = []
    for row in rows:
        value = column.value(row)
        (unknown if value is None else known).append((value, row))
    known.sort(key=lambda pair: pair[0], reverse=column.ascending == choice.is_reversed)
    return [row for _, row in known] + [row for _, row in unknown]


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
