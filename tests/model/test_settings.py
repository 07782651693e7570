"""The settings of a TOML text: what they are taken for, and what is said of what cannot be."""

from __future__ import annotations

import contextlib
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaktop.model.settings import MEANINGS, Complaint, Settings, line_of, parse_settings, template

EVERYTHING = """\
interval = "500ms"
budget = "5%"
theme = "nord"
ascii = true
mouse = false
plain = false
read_only = true
[probes]
slabinfo = 5
"net/tcp" = 0.5
[keys]
pause = ["x", "f5"]
quit = "Q"
[columns]
slab = ["name", "size"]
[sort]
slab = "-size"
"""


def test_every_setting_is_taken() -> None:
    settings, complaints = parse_settings(EVERYTHING)
    assert complaints == []
    assert settings == Settings(
        interval=0.5, budget="5%", theme="nord", ascii=True, mouse=False, plain=False, read_only=True,
        probes={"slabinfo": 5.0, "net/tcp": 0.5}, keys={"pause": ("x", "f5"), "quit": ("Q",)},
        columns={"slab": ("name", "size")}, sort={"slab": "-size"},
    )  # fmt: skip
    assert all(getattr(settings, meaning.name) not in {None, ()} for meaning in MEANINGS if not meaning.is_table)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('interval = "soon"', "'soon' is not a time"),
        ("interval = true", "a time is wanted"),
        ("interval = -1", "is not a time"),
        ('budget = "much"', "not a share of a core"),
        ("ascii = 1", "true or false is wanted"),
        ("theme = 3", "a text in quotes is wanted"),
        ("colour = 3", "there is no such setting; there are interval, budget"),
        ("keys = 3", "a table is wanted: [keys]"),
        ("probes.slabinfo = 0", "from 0.1 to 10000"),
        ("keys.pause = []", "a list of texts is wanted"),
        ("sort.slab = 2", "a text in quotes is wanted"),
    ],
)
def test_what_is_wrong_is_said_with_its_line_and_the_rest_counts(line: str, words: str) -> None:
    settings, [complaint] = parse_settings(f"\n{line}\n[columns]\nslab = ['name']\n")
    assert words in complaint.words
    assert complaint.key == line.partition(" =")[0]
    assert complaint.line == 2
    assert settings == Settings(columns={"slab": ("name",)})


def test_what_is_no_toml_is_said_with_its_line() -> None:
    assert parse_settings("ascii = true\n[keys\n") == (
        Settings(),
        [Complaint("not TOML: Expected ']' at the end of a table declaration", "", 2)],
    )


def test_lines_are_found_however_a_key_is_written() -> None:
    text = "# keys.a = 1\n[probes]\na = 1\n\n[ keys ]\n'a' = 2\nb = 3\n[sort] # a = 1\na = 4\n"
    found = {key: line_of(text, key) for key in ("probes.a", "keys.a", "keys.b", "sort.a", "keys.c", "keys")}
    assert found == {"probes.a": 3, "keys.a": 6, "keys.b": 7, "sort.a": 9, "keys.c": None, "keys": 5}
    assert line_of("keys.a = 1", "keys.a") == 1


@given(st.text())
def test_any_text_is_answered(text: str) -> None:
    parse_settings(text)


@given(
    st.recursive(
        st.one_of(st.booleans(), st.integers(), st.floats(), st.text()),
        lambda below: st.one_of(st.lists(below), st.dictionaries(st.text(), below)),
    )
)
def test_any_value_is_taken_or_refused(value: object) -> None:
    for meaning in MEANINGS:
        with contextlib.suppress(ValueError, TypeError):
            meaning.take(value)


def test_what_counts_more_covers_what_lies_below() -> None:
    below = Settings(interval=1.0, ascii=True, keys={"a": ("x",), "b": ("y",)})
    above = Settings(interval=2.0, keys={"b": ("z",)})
    assert above.over(below) == Settings(interval=2.0, ascii=True, keys={"a": ("x",), "b": ("z",)})


def test_the_template_changes_nothing_and_says_everything() -> None:
    text = template({"probes": ["slabinfo, meminfo"]})
    assert tomllib.loads(text) == {}
    assert "#   slabinfo, meminfo\n#[probes]" in text
    uncommented = "\n".join(line[1:] if line[:1] == "#" and line[1:2] != " " else line for line in text.splitlines())
    assert list(tomllib.loads(uncommented)) == [meaning.name for meaning in MEANINGS]
    assert parse_settings(uncommented)[1] == []
    for meaning in MEANINGS:
        assert f"# {meaning.words}" in text
