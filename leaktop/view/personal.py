"""A pane as the user wants it: which columns, and in which order the rows come."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from leaktop.view.pane import PaneView


def with_columns(pane: PaneView, names: Sequence[str]) -> PaneView:
    """The pane with these columns only, from left to right.

    Raises:
        ValueError: there is none of such a name, or the one that names the rows is missing.
    """
    known = [column.name for column in pane.columns]
    for name in names:
        if name not in known:
            raise ValueError(f"there is no column {name!r}; there are {', '.join(known)}")
    subject = next((column.name for column in pane.columns if column.is_flexible), known[0])
    if subject not in names:
        raise ValueError(f"{subject!r} has to be among them: without it the rows have no name")
    return replace(pane, shown=tuple(dict.fromkeys(names)))


def with_order(pane: PaneView, wish: str) -> PaneView:
    """The pane sorted by this column from the start; a minus in front turns the order round.

    Raises:
        ValueError: there is no such column.
    """
    name = wish.removeprefix("-")
    known = [column.name for column in pane.columns]
    if name not in known:
        raise ValueError(f"there is no column {name!r} to sort by; there are {', '.join(known)}")
    return replace(pane, sort=name, is_reversed=wish.startswith("-"))
