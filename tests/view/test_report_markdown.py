"""Markdown: nothing that the kernel or a user named may become markup, a table, a link or HTML."""

from __future__ import annotations

import pytest

from leaktop.view.report.markdown import cell_code, code, plain


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("kmalloc-2k", "kmalloc-2k"),
        ("leakgen_cache", "leakgen_cache"),
        ("_x_", r"\_x\_"),
        ("*bold*", r"\*bold\*"),
        ("a|b", r"a\|b"),
        ("`x`", r"\`x\`"),
        ("<img src=x>", r"\<img src=x\>"),
        ("[a](javascript:x)", r"\[a\](javascript:x)"),
        ("https://evil.example/", "https:/<!-- -->/evil.example/"),
        ("www.evil.example", "www<!-- -->.evil.example"),
        ("# title", r"\# title"),
        ("- item", r"\- item"),
        ("a\\|b", r"a\\\|b"),
        ("\x1b[31m", r"\\x1b\[31m"),
        ("&lt;", r"\&lt;"),
        ("me@x.example", "me@<!-- -->x.example"),
        ("mailto:a", "mailto:<!-- -->a"),
        ("see #1", r"see \#<!-- -->1"),
        ("@everyone", "@<!-- -->everyone"),
        ("a # b @ c", r"a \# b @ c"),
    ],
)
def test_text_is_nothing_but_text(text: str, shown: str) -> None:
    assert plain(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [("a", "`a`"), ("`a", "`` `a ``"), ("a``b", "```a``b```"), ("", "`  `"), ("\x1b", r"`\x1b`")],
)
def test_code_holds_any_backticks(text: str, shown: str) -> None:
    assert code(text) == shown


def test_a_pipe_in_the_code_of_a_table_does_not_part_it() -> None:
    assert cell_code("a|b") == r"`a\|b`"
