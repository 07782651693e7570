"""The rows of a pane, filtered and in order: of a hundred thousand rows, fast enough for every key and every tick.

No call into C may take long, since it holds the interpreter's lock, and with it the keys: large lists are sorted in
slices first.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence
from contextlib import suppress
from itertools import compress
from typing import TYPE_CHECKING, Any, NamedTuple, overload

from leaktop.courtesy import give_way, in_slices, in_turns
from leaktop.view.cells import sanitise

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from leaktop.model.frame import Frame, Key, Row
    from leaktop.view.pane import Choice, PaneView

    PlaceOf = Callable[[Key], int | None]
    """Tells where the row of a key stands."""

_PATIENCE = 0.05
"""Seconds that a filter may take over one row; Python's own re would go on for years, and cannot be stopped."""
_SLICE = 8192
"""Rows that are sorted at once: some milliseconds."""
_WORD = re.compile(r"[A-Za-z0-9_ /:@,=%-]+")
"""A filter that stands for itself, as nearly all do."""
_PLAIN = re.compile(r"\^?[A-Za-z0-9_ /:@,=%.-]+\$?")
"""One in which nothing is repeated: Python's own re, four times as fast, cannot go astray in it."""
_PARTS = re.compile(r"[A-Za-z0-9_ /:@,=%-]*(\.\*[A-Za-z0-9_ /:@,=%-]*)+")
"""Words in this order, with anything between them."""


class PatternError(ValueError):
    """The filter is no regular expression; the message says where."""


class Filter(NamedTuple):
    """What the user typed, ready to be used."""

    keeps: Callable[[str], bool]
    is_folded: bool
    """Whether it wants texts without capital letters."""
    word: str | None = None
    """What has to be in a text, where that is all."""


def filter_of(pattern: str) -> Filter:
    """A filter from what the user typed: a regular expression, smart case, "!" in front inverts.

    Raises:
        PatternError: it is no regular expression.
    """
    inverted = pattern.startswith("!")
    body = pattern[1:] if inverted else pattern
    letters = re.sub(r"\\.", "", body)  # the S of \S is no capital letter
    ignores_case = letters == letters.lower()
    if _WORD.fullmatch(body):
        if inverted:
            return Filter(lambda text: body not in text, ignores_case)
        return Filter(lambda text: body in text, ignores_case, body)
    if _PLAIN.fullmatch(body):
        search = re.compile(body).search
        return Filter(lambda text: (search(text) is None) == inverted, ignores_case)
    if _PARTS.fullmatch(body.removeprefix("^")):
        holds = _in_this_order(body)
        return Filter(lambda text: holds(text) != inverted, ignores_case)
    import regex  # noqa: PLC0415  # most filters stand for themselves, and a start need not wait for what others take

    try:
        found = regex.compile(body, regex.IGNORECASE if ignores_case else 0).search
    except (regex.error, OverflowError, RecursionError) as error:
        raise PatternError(f"not a regular expression: {error}") from error

    def keeps(text: str) -> bool:
        try:
            return (found(text, timeout=_PATIENCE) is None) == inverted
        except TimeoutError as error:
            raise PatternError("this expression takes too long: it repeats what repeats") from error

    return Filter(keeps, is_folded=False)


def _in_this_order(body: str) -> Callable[[str], bool]:
    """Whether the words that a "^" may precede, and ".*" part, stand in a text one after the other."""
    first, *others = body.removeprefix("^").split(".*")
    begins = body.startswith("^")

    def holds(text: str) -> bool:
        at = text.find(first)
        if at < 0 or (begins and at > 0):
            return False
        at += len(first)
        for word in others:
            at = text.find(word, at)
            if at < 0:
                return False
            at += len(word)
        return True

    return holds


def matcher(pattern: str) -> Callable[[str], bool]:
    """The same for single texts.

    Raises:
        PatternError: it is no regular expression.
    """
    keeps, is_folded, _ = filter_of(pattern)
    return (lambda text: keeps(text.casefold())) if is_folded else keeps


class OrderedRows(Sequence["Row"]):
    """Rows in an order, each taken when it is asked for: to show forty, a hundred thousand need not be touched.

    Args:
        rows: in any order.
        order: their indices.
    """

    def __init__(self, rows: Sequence[Row], order: list[int]) -> None:
        self._rows = rows
        self.order = order

    def __len__(self) -> int:
        return len(self.order)

    def __iter__(self) -> Iterator[Row]:
        return map(self._rows.__getitem__, self.order)

    @overload
    def __getitem__(self, at: int) -> Row: ...
    @overload
    def __getitem__(self, at: slice) -> list[Row]: ...
    def __getitem__(self, at: int | slice) -> Row | list[Row]:
        if isinstance(at, slice):
            return [self._rows[index] for index in self.order[at]]
        return self._rows[self.order[at]]


class Arrangement(NamedTuple):
    """What a pane shows of a Frame, or why it shows nothing."""

    frame: Frame
    choice: Choice
    rows: Sequence[Row]
    wrong: str = ""
    """What is wrong with the filter."""
    headline: str | None = None
    """The words for the border, where they were made as well."""
    place_of: PlaceOf | None = None
    """Tells where the row of a key stands, at once; None where that was not asked for."""


class Arranger:
    """Arranges the rows of one pane again and again, and remembers what it takes from one Frame to the next.

    For one thread.

    Args:
        pane: whose rows they are.
    """

    def __init__(self, pane: PaneView) -> None:
        self._pane = pane
        flexible = next((column.value for column in pane.columns if column.is_flexible), pane.columns[0].value)
        self._names = _Kept(flexible)
        self._texts = _Kept(lambda row: sanitise(pane.haystack(row)).rstrip())
        self._folded = _Kept(lambda row: sanitise(pane.haystack(row)).rstrip().casefold())
        self._of: tuple[object, frozenset[str]] | None = None
        """What the rows are of: the section, the same one until it is read again; where there is none, the Frame."""
        self._last: tuple[Choice, OrderedRows] | None = None
        self._rows: Sequence[Row] = ()
        self._base: list[int] = []
        """The rows by size, then by name: what does not depend on the column."""
        self._values: dict[str, list[Any]] = {}
        """Of the columns that the rows were sorted by."""
        self._numbers: dict[Key, int] | None = None
        """Of the rows, by key."""
        self._order: tuple[tuple[str, bool], list[int]] | None = None
        """All rows in the order of a column, and which: a letter of a filter leaves it as it is."""

    def arrange(self, frame: Frame, choice: Choice) -> OrderedRows:
        """The rows, filtered and in order: the chosen column, then size, then name; what is not known comes last.

        Raises:
            PatternError: the filter is no regular expression.
        """
        self._look_at(frame, choice.switches)
        if self._last is None or self._last[0] != choice:
            self._last = choice, OrderedRows(self._rows, self._in_order_of(choice))
        return self._last[1]

    def finder(self) -> PlaceOf:
        """Tells where a row stands among those that were arranged last; None where it is not among them."""
        if self._numbers is None:
            self._numbers = {row.key: at for at, row in enumerate(in_turns(self._rows))}
        numbers, order = self._numbers, self._last[1].order if self._last is not None else []

        def place_of(key: Key) -> int | None:
            at = numbers.get(key)
            with suppress(ValueError):
                return None if at is None else order.index(at)
            return None

        return place_of

    def _in_order_of(self, choice: Choice) -> list[int]:
        asked = choice.sort, choice.is_reversed
        if self._order is not None and self._order[0] == asked:
            order = self._kept(self._order[1], choice.pattern)
        else:
            order = self._sorted(self._kept(self._base, choice.pattern), choice)
            if not choice.pattern:
                self._order = asked, order
        return order

    def _kept(self, order: list[int], pattern: str) -> list[int]:
        """Those that the filter keeps."""
        if not pattern:
            return order
        keeps, is_folded, word = filter_of(pattern)
        texts = (self._folded if is_folded else self._texts).of(self._rows)
        if word is None:
            kept = [keeps(text) for some in in_slices(texts) for text in some]
        else:
            kept = [word in text for some in in_slices(texts) for text in some]
        is_kept = kept.__getitem__
        return [at for some in in_slices(order) for at in compress(some, map(is_kept, some))]

    def _sorted(self, order: list[int], choice: Choice) -> list[int]:
        columns = self._pane.columns
        column = next((column for column in columns if column.name == choice.sort), columns[0])
        values = self._values.get(column.name)
        if values is None:
            values = self._values[column.name] = [
                value for some in in_slices(self._rows) for value in map(column.value, some)
            ]
        unknown: list[int] = []
        if None in values:
            known = [at for some in in_slices(order) for at in some if values[at] is not None]
            unknown = [at for some in in_slices(order) for at in some if values[at] is None] if known else order
            order = known
        return _in_order(values, order, reverse=column.ascending == choice.is_reversed) + unknown

    def attempt(self, frame: Frame, choice: Choice) -> Arrangement:
        """The same, with words where the filter is none."""
        try:
            return Arrangement(frame, choice, self.arrange(frame, choice))
        except PatternError as error:
            return Arrangement(frame, choice, [], str(error))

    def _look_at(self, frame: Frame, switches: frozenset[str]) -> None:
        source = frame.sections.get(self._pane.section) or frame
        if self._of is not None and self._of[0] is source and self._of[1] == switches:
            return
        self._of, self._rows, self._last = (source, switches), self._pane.rows(frame, switches), None
        self._values, self._order, self._numbers = {}, None, None
        sizes = [-(row.size.value or 0) for some in in_slices(self._rows) for row in some]
        # Stable sorts, the least important first, so that rows which do not move keep their places.
        by_name = _in_order(self._names.of(self._rows), list(range(len(self._rows))))
        self._base = _in_order(sizes, by_name)


class _Kept:
    """A value of each row, made anew only of rows that are others than the time before."""

    def __init__(self, make: Callable[[Row], Any]) -> None:
        self._make = make
        self._rows: Sequence[Row] = ()
        self._values: list[Any] = []

    def of(self, rows: Sequence[Row]) -> list[Any]:
        if rows is not self._rows:
            make = self._make
            known = {id(row): value for row, value in zip(in_turns(self._rows), self._values, strict=True)}
            self._values = [
                known[id(row)] if id(row) in known else make(row) for some in in_slices(rows) for row in some
            ]
            self._rows = rows
        return self._values


def _in_order(values: list[Any], order: list[int], *, reverse: bool = False) -> list[int]:
    """Indices by their values; those of equal ones stay as they are.

    Slices are sorted, then cut where their values part, and sorted again part by part: no call has all of it to do.
    """
    if reverse:
        return _in_order(values, order[::-1])[::-1]
    value = values.__getitem__
    slices = []
    for start in range(0, len(order), _SLICE):
        give_way()
        slices.append(sorted(order[start : start + _SLICE], key=value))
    count = len(slices)
    if count < 2:
        return slices[0] if slices else []
    samples = sorted(values[some[at * len(some) // count]] for some in slices for at in range(1, count))
    found: list[int] = []
    cuts = [0] * count
    for pivot in samples[count // 2 :: count]:
        give_way()
        ends = [bisect_left(some, pivot, begin, key=value) for some, begin in zip(slices, cuts, strict=True)]
        part = [at for some, begin, end in zip(slices, cuts, ends, strict=True) for at in some[begin:end]]
        found += sorted(part, key=value)  # sorted pieces are taken as they are, and merged
        cuts = ends
    give_way()
    rest = [at for some, begin in zip(slices, cuts, strict=True) for at in some[begin:]]
    return found + sorted(rest, key=value)


def arrange(pane: PaneView, frame: Frame, choice: Choice) -> list[Row]:
    """The rows of a pane, once; see Arranger.

    Raises:
        PatternError: the filter is no regular expression.
    """
    return list(Arranger(pane).arrange(frame, choice))
