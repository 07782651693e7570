"""What an Arranger remembers from one Frame to the next never shows: the order is that of a plain sort, at any size."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from leaktop.engine.engine import Engine
from leaktop.model.sample import RawSample, Tick
from leaktop.view import arranging
from leaktop.view.arranging import Arranger, PatternError, arrange, matcher
from leaktop.view.pane import Choice
from leaktop.view.panes import pane_named
from tests.bench.big_machine import MACHINE
from tests.bench.big_machine_texts import BigMachine

if TYPE_CHECKING:
    from random import Random

    from leaktop.model.frame import Frame, Row

PANE = pane_named("sockets")
MANY = 20_000
"""More than are sorted at once."""


def frames(sockets: int, *seconds: int) -> list[Frame]:
    """Of one engine, at these seconds."""
    engine, machine = Engine(MACHINE), BigMachine(sockets=sockets)
    contents = [(float(second), machine.socket_list(second, idle=None)) for second in seconds]
    return [engine.feed(Tick(at, at, (RawSample("sock_diag", text, None, at, at),))) for at, text in contents]


def plainly(frame: Frame, choice: Choice) -> list[Row]:
    """The order by the book, without a filter: the column, then size, then name, the unknown last."""
    column = next(column for column in PANE.columns if column.name == choice.sort)
    rows = sorted(frame.sections["sockets"].rows, key=lambda row: (-(row.size.value or 0), PANE.columns[1].value(row)))
    known = [row for row in rows if column.value(row) is not None]
    known.sort(key=column.value, reverse=column.ascending == choice.is_reversed)
    return known + [row for row in rows if column.value(row) is None]


@pytest.mark.parametrize("is_reversed", [False, True])
@pytest.mark.parametrize("sort", ["size", "growth", "local", "proto", "owner"])
def test_many_rows_are_in_the_order_of_a_plain_sort(sort: str, is_reversed: bool, many: list[Frame]) -> None:
    choice = Choice(sort=sort, is_reversed=is_reversed)
    assert PANE.columns[1].name == "local"
    assert arrange(PANE, many[1], choice) == plainly(many[1], choice)


@given(st.lists(st.integers(0, 9), max_size=80), st.randoms(use_true_random=False), st.booleans())
def test_slices_sorted_one_by_one_are_in_the_order_of_all(values: list[int], chance: Random, is_reversed: bool) -> None:
    order = list(range(len(values)))
    chance.shuffle(order)
    with pytest.MonkeyPatch.context() as changed:
        changed.setattr(arranging, "_SLICE", 7)
        found = arranging._in_order(values, order, reverse=is_reversed)
    assert found == sorted(order, key=values.__getitem__, reverse=is_reversed)


def test_a_section_that_was_not_read_again_is_not_put_in_order_again(many: list[Frame]) -> None:
    arranger, choice = Arranger(PANE), Choice(sort="local")
    rows = arranger.arrange(many[1], choice)
    later = replace(many[1], mono=many[1].mono + 1)
    assert arranger.arrange(later, choice) is rows
    assert arranger.arrange(later, Choice(sort="local", is_reversed=True)) is not rows
    assert arranger.arrange(many[0], choice) is not rows


def test_what_is_remembered_never_shows(many: list[Frame]) -> None:
    arranger = Arranger(PANE)
    wishes = [Choice(), Choice(pattern="worker/1"), Choice(pattern="!TCP", sort="local"), Choice(pattern="^udp .*:2")]
    wishes.append(Choice(switches=frozenset({"backlog"}), pattern="tcp"))
    for frame in (many[0], many[1], many[0]):
        for wish in wishes:
            assert list(arranger.arrange(frame, wish)) == arrange(PANE, frame, wish)


def test_a_pattern_that_is_none_leaves_the_arranger_as_it_was() -> None:
    frame = frames(40, 0)[0]
    arranger, choice = Arranger(PANE), Choice(pattern="(")
    with pytest.raises(PatternError):
        arranger.arrange(frame, choice)
    assert arranger.attempt(frame, choice).wrong.startswith("not a regular expression")
    assert len(arranger.arrange(frame, replace(choice, pattern=""))) == 40


ascii_texts = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=12)


@given(st.text(st.sampled_from("abAB1_ /:@,=%-."), min_size=1, max_size=4), st.sampled_from(["", "!"]), ascii_texts)
def test_a_plain_word_finds_what_the_expression_would(word: str, inverts: str, text: str) -> None:
    flags = regex.IGNORECASE if word == word.lower() else 0
    found = regex.search(word, text, flags) is not None
    assert matcher(inverts + word)(text) is (found is not bool(inverts))


@given(st.sampled_from(["^a", "b$", "^ab$", "^a.b", "."]), ascii_texts)
def test_so_does_one_with_its_ends(pattern: str, text: str) -> None:
    assert matcher(pattern)(text) is (regex.search(pattern, text, regex.IGNORECASE) is not None)


parts = st.lists(st.text(st.sampled_from("abA1 -"), max_size=2), min_size=2, max_size=4).map(".*".join)


@given(st.sampled_from(["", "^"]), parts, st.text(st.sampled_from("abAB1 -x"), max_size=12))
def test_so_do_words_one_after_the_other(begins: str, body: str, text: str) -> None:
    flags = regex.IGNORECASE if body == body.lower() else 0
    assert matcher(begins + body)(text) is (regex.search(begins + body, text, flags) is not None)


@pytest.fixture(scope="module")
def many() -> list[Frame]:
    """Two seconds of many sockets."""
    return frames(MANY, 0, 5)
