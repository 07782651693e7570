"""What reaches the terminal is harmless, whatever the kernel or a user wrote."""

from __future__ import annotations

import re
import sys
import unicodedata
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaktop.parsers.lines import decode
from leaktop.view.cells import LONGEST, safe, sanitise, visible
from tests.hostile import NAMES, check_harmless

if TYPE_CHECKING:
    from collections.abc import Iterable

HOSTILE = "\x1b\x07\x9b\x00\x08\x7f\u202e\u2066\u200b\u200d\ufeff\u0301\u061c\u2028\u3164\udcff\ud800\n\r\t\x85\xad"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("kmalloc-64", "kmalloc-64"),
        ("[nf_conntrack] /foo", "[nf_conntrack] /foo"),
        ("Grüße 世界", "Grüße 世界"),
        ("\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"),
        ("\x1b]52;c;cm0gLXJm\x07", "\\x1b]52;c;cm0gLXJm\\x07"),
        ("\x9b2J", "\\x9b2J"),
        ("a\nb\tc\rd\0", "a\\nb\\tc\\rd\\0"),
        ("abc\u202edef", "abc\\u202edef"),
        ("\u2066x\u2069", "\\u2066x\\u2069"),
        ("a\u200bb\ufeff", "a\\u200bb\\ufeff"),
        ("e\u0301", "e\\u0301"),
        ("\u3164\u115f", "\\u3164\\u115f"),
        ("caf\udce9", "caf\\xe9"),
        ("\ud800", "\\ud800"),
        ("\U000e0041", "\\ue0041"),
        ("", ""),
    ],
)
def test_what_is_shown(text: str, shown: str) -> None:
    assert sanitise(text) == shown


@given(st.text(st.characters() | st.sampled_from(HOSTILE), max_size=600))
def test_any_text_becomes_printable(text: str) -> None:
    shown = sanitise(text)
    assert shown.isprintable()
    assert not {unicodedata.category(character) for character in shown} & {
        "Cc",
        "Cf",
        "Cs",
        "Co",
        "Cn",
        "Mn",
        "Me",
        "Zl",
        "Zp",
    }
    shown.encode()


@given(st.binary(max_size=200))
def test_any_bytes_become_printable(content: bytes) -> None:
    assert sanitise(decode(content)).isprintable()


@given(st.text(st.characters(codec="utf-8", categories=["Ll", "Lu", "Nd", "Po"]), max_size=LONGEST))
def test_plain_words_stay(text: str) -> None:
    assert sanitise(text) == text


def test_every_code_point_in_use_is_harmless() -> None:
    ignored = re.compile("[\u115f\u1160\u3164\uffa0]")
    for start in (*range(0, 0x20000, 256), *range(0xE0000, 0xE1000, 256), sys.maxunicode - 255):
        shown = "".join(sanitise(chr(code)) for code in range(start, start + 256))
        assert shown.isprintable()
        assert not ignored.search(shown)


@pytest.mark.parametrize(
    "codes",
    [
        range(0x20), range(0x7F, 0xA0), (0x061C, 0x200E, 0x200F), range(0x202A, 0x202F), range(0x2066, 0x206A),
        range(0x200B, 0x200E), (0x2060, 0xFEFF, 0xAD, 0x180E), range(0xE0000, 0xE0080), range(0xFE00, 0xFE10),
        range(0xE0100, 0xE01F0), range(0x180B, 0x180E), range(0xFFF9, 0xFFFC), (0x2028, 0x2029, 0x85),
        range(0xD800, 0xE000),
    ],
    ids=["C0", "C1", "marks", "embeddings", "isolates", "zero width", "joiners", "tags", "selectors", "selectors 2",
         "mongolian", "interlinear", "separators", "surrogates"],
)  # fmt: skip
def test_what_is_obeyed_or_does_not_show_is_written_out(codes: Iterable[int]) -> None:
    for code in codes:
        for form in (sanitise, safe, visible):
            shown = form(f"a{chr(code)}b")
            assert shown[:2] == "a\\"
            assert shown.isascii()


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_hostile_names(name: str) -> None:
    for form in (sanitise, safe, visible):
        check_harmless(form(name))
    assert len(sanitise(name)) < 5 * LONGEST
    assert len(safe(name)) < 41 * LONGEST


def test_nothing_is_left_out_of_a_file() -> None:
    assert visible("x" * 10_000 + "\n") == "x" * 10_000 + "\\n"


def test_a_megabyte_of_name_is_cut() -> None:
    for name in ("x" * (1 << 20), "\x1b" * (1 << 20)):
        shown = sanitise(name)
        assert len(shown) < 5 * LONGEST
        assert shown.endswith("... (1048576 characters)")
        assert shown.isprintable()
    assert sanitise("x" * LONGEST) == "x" * LONGEST
