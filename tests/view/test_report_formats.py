"""What every format makes of a hostile machine: no control character, no markup, nothing that is loaded or run."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import pytest

from leaktop.view.report import document, html, markdown, text
from tests.view.reported import EVIL, hostile

VOID = {"meta", "br", "hr", "img", "input", "link"}


class Page(HTMLParser):
    """The elements of a page, which must be balanced; its attributes, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] != ["style"]:
            self.text += data


@pytest.mark.parametrize("form", [text, markdown, html])
def test_nothing_that_a_terminal_would_obey(form: object) -> None:
    page: str = form.render(hostile())  # type: ignore[attr-defined]  # found by name
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", page)
    assert "\\x1b" in page
    page.encode()


def test_html_is_balanced_and_holds_no_element_of_anybody_else() -> None:
    page = html.render(hostile())
    found = Page(page)
    assert "<script" not in page
    assert not found.tags & {"script", "iframe", "object", "embed", "img", "link", "base", "form", "a", "foreignobject"}
    assert not [name for name, _ in found.attributes if name.startswith("on") or name in {"href", "src", "xlink:href"}]
    assert "x</script><b onload=a>|`y`\\x1b]0;t" in found.text
    assert not re.search(r"""(?:url\(|@import|src=|href=)""", page)
    assert "http" not in re.sub(r"\(http://evil", "", page)


def test_html_shows_both_schemes_and_prints() -> None:
    page = html.render(hostile())
    assert "@media (prefers-color-scheme:dark)" in page
    assert "@media print" in page
    assert page.startswith("<!DOCTYPE html>")
    assert '<meta charset="utf-8">' in page


def test_html_draws_what_is_free_and_the_first_suspects() -> None:
    page = html.render(hostile(leaks=9))
    assert page.count("<svg") == 1 + 6
    assert page.count("<article") == 9


def test_markdown_tables_keep_their_columns() -> None:
    lines = markdown.render(hostile()).splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith("| | step"))
    for line in lines[at + 2 : at + 3]:
        assert len(re.findall(r"(?<!\\)(?:\\\\)*\|", line)) == 5
    page = re.sub(r"(?ms)^(`{3,})sh$.*?^\1$", "", "\n".join(lines))
    assert not re.search(r"(?<!\\)\[a\]\(", re.sub(r"(`+).*?\1", "", page))


def test_commands_in_markdown_cannot_leave_their_block() -> None:
    lines = markdown.render(hostile("```\x1b")).splitlines()
    assert "````sh" in lines
    assert lines.count("````") == 2


def test_text_fits_a_page() -> None:
    page = text.render(hostile("kmalloc-64"))
    assert max(map(len, page.splitlines())) <= 100
    assert page.startswith("Kernel memory leak (kernel-leak)\n")
    assert page.count("█") >= 3


def test_json_holds_names_as_they_are() -> None:
    page = document.render(hostile())
    assert page.isascii()
    found = json.loads(page)
    suspect = found["suspects"][0]
    assert suspect["name"] == EVIL
    assert suspect["aliases"] == [EVIL] * 6
    assert found["machine"]["hostname"] == EVIL
    assert found["lockstep"][0]["members"] == [EVIL, "b"]
    assert found["lockstep"][0]["ratio"] == [1, 1.5]


def test_json_has_no_words_for_infinity() -> None:
    report = hostile()
    cases = (report.diagnosis.cases[0]._replace(eta=float("inf"), rate=float("nan")),)
    diagnosis = type(report.diagnosis)(report.diagnosis.verdict, cases, (), (), 1.0, float("-inf"))
    found = json.loads(document.render(report._replace(diagnosis=diagnosis)))
    assert found["suspects"][0]["eta_s"] is None
    assert found["suspects"][0]["bytes_per_s"] is None
    assert found["loss_bytes_per_s"] is None
