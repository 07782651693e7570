"""Keys by name: what people write for them, and which wishes can be granted."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.binding import Binding
from textual.keys import _character_to_key

from leaktop.ui.row_table import RowTable
from leaktop.view.keys import ALWAYS, EVERYWHERE, IN_PANES, key_code, key_map, shown_key
from leaktop.view.panes import PANES, pane_named
from leaktop.view.personal import with_columns, with_order

ALL = {key.name: key for key in (*EVERYWHERE, *IN_PANES)}


@pytest.mark.parametrize("character", string.punctuation + string.ascii_letters + string.digits)
def test_a_character_is_what_textual_calls_it(character: str) -> None:
    assert key_code(character) == _character_to_key(character)
    assert shown_key(key_code(character)) == character


@pytest.mark.parametrize("key", ["ctrl+x", "shift+tab", "f5", "space", "pageup", "question_mark", "ctrl+f12"])
def test_keys_with_names(key: str) -> None:
    assert key_code(key) == key


@pytest.mark.parametrize("key", ["", "xx", "ctrl+", "hyper+x", "ctrl+?", "f99", "é", "\x1b", "ctrl+x,y", "x,y"])
def test_what_is_no_key(key: str) -> None:
    with pytest.raises(ValueError, match="there is no key"):
        key_code(key)


def test_keys_can_change_places() -> None:
    assert key_map({"pause": ["m"], "mark": ["space"]}) == ({"pause": "m", "mark": "space"}, [])


@pytest.mark.parametrize(
    ("wishes", "name", "words"),
    [
        ({"pauze": ["x"]}, "pauze", "there is nothing of that name; there are quit, help"),
        ({"pause": ["m"]}, "pause", "m is the key of mark, which wants another one first"),
        ({"pause": ["s"]}, "pause", "s sorts in the slab pane"),
        ({"pause": ["U"]}, "pause", "U is for 'unreclaimable only' in the slab pane"),
        ({"pause": ["j"]}, "pause", "j moves or opens rows"),
        ({"pause": ["P"]}, "pause", "P is the key of pane_P"),
        ({"pause": ["x"], "zoom": ["x"]}, "zoom", "x is wanted for pause as well"),
        ({"back": ["x"]}, "back", "its key stays"),
        ({"pane_1": ["x"]}, "pane_1", "its key stays"),
        ({"quit": ["hyper+q"]}, "quit", "there is no key"),
    ],
)
def test_what_cannot_be_granted(wishes: dict[str, list[str]], name: str, words: str) -> None:
    granted, refused = key_map(wishes)
    assert next(why for refused_name, why in refused if refused_name == name).startswith(words)
    assert name not in granted


def test_who_is_refused_has_its_own_keys_again_and_they_are_not_given_away() -> None:
    # mark gives m away for p, which it cannot have; so pause cannot have m either.
    granted, refused = key_map({"pause": ["m"], "mark": ["p"]})
    assert granted == {}
    assert [name for name, _ in refused] == ["mark", "pause"]


@given(
    st.dictionaries(
        st.sampled_from(sorted(ALL)), st.lists(st.sampled_from(list("xyzmqQ?[+12")), min_size=1, max_size=3), max_size=6
    )
)
def test_whatever_is_wished_for_every_key_does_one_thing(wishes: dict[str, list[str]]) -> None:
    granted, refused = key_map(wishes)
    assert {*granted, *(name for name, _ in refused)} == set(wishes)
    codes = [code for name, key in ALL.items() for code in granted.get(name, key.keys).split(",")]
    assert len(codes) == len(set(codes))
    assert not ALWAYS & set(codes)


def test_every_key_that_moves_is_reserved() -> None:
    moving = {code for binding in RowTable.BINDINGS if isinstance(binding, Binding) for code in binding.key.split(",")}
    assert moving <= ALWAYS


def test_the_usual_keys_do_not_clash_among_themselves() -> None:
    codes = [code for key in ALL.values() for code in key.keys.split(",")]
    assert len(codes) == len(set(codes))
    for pane in PANES:
        assert not {*pane.letters, *(switch.key for switch in pane.switches)} & set(codes), pane.name


def test_a_pane_with_other_columns() -> None:
    pane = with_columns(pane_named("slab"), ["growth", "name", "size", "name"])
    assert [column.name for column in pane.in_view] == ["growth", "name", "size"]
    assert pane.columns == pane_named("slab").columns  # sorting and show know all of them
    with pytest.raises(ValueError, match="there is no column 'grow'; there are name"):
        with_columns(pane, ["grow"])
    with pytest.raises(ValueError, match="'name' has to be among them"):
        with_columns(pane, ["size"])


def test_a_pane_in_another_order() -> None:
    pane = with_order(pane_named("slab"), "-objs")
    assert (pane.sort, pane.is_reversed) == ("objs", True)
    with pytest.raises(ValueError, match="there is no column 'bytes' to sort by"):
        with_order(pane, "bytes")
