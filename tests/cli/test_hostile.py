"""Every verb over a hostile machine, recording, log and command line: nothing reaches the terminal raw."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import sys
from typing import TYPE_CHECKING, Any, Literal
from xml.etree import ElementTree as ET

import pytest
from markdown_it import MarkdownIt

from leaktop.cli import main
from leaktop.cli.junit import junit
from leaktop.cli.outcome import Outcome, document, text
from leaktop.engine.gate import Finding
from leaktop.recording.reader import read_file
from tests import hostile
from tests.cli.recorded import write
from tests.hostile import ALL, NAMES, check_harmless, file_name
from tests.view.test_report_formats import Page

if TYPE_CHECKING:
    from pathlib import Path

EVIL_FILES = {kind: file_name(name) for kind, name in NAMES.items()}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where all the input lies; the names of the files are as bad as what is in them."""
    return tmp_path_factory.mktemp("hostile")


@pytest.fixture(scope="module")
def tree(place: Path) -> Path:
    return hostile.plant(place)


@pytest.fixture(scope="module")
def recording(place: Path) -> Path:
    return write(place / file_name("\x1b]0;r\x07\u202e"), (hostile.HEADER, hostile.entries()))


class Said:
    """What a verb printed: standard output and error, and its status."""

    def __init__(self, status: int, out: str, err: str) -> None:
        self.status = status
        self.out = out
        self.err = err
        check_harmless(re.sub(r"\r\x1b\[K", "", err))


@pytest.fixture
def leaktop(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run a verb; what it says on standard error is harmless whatever it is."""
    monkeypatch.setenv("TZ", "UTC")

    def run(*arguments: str | Path) -> Said:
        try:
            status = main([str(argument) for argument in arguments])
        except SystemExit as ended:
            status = ended.code if isinstance(ended.code, int) else 1
        sys.stdout.flush()
        return Said(status, *capfd.readouterr())

    return run


PANES = ["memory", "slab", "vmalloc", "sockets", "kmemleak", "processes", "tmpfs", "allocinfo", "all"]


@pytest.mark.parametrize("pane", PANES)
def test_show(pane: str, leaktop: Any, tree: Path) -> None:
    said = leaktop("show", pane, "--root", tree)
    assert said.status == 0
    check_harmless(said.out)
    assert "\\x1b" in said.out or pane in {"memory", "sockets"}
    said = leaktop("show", pane, "--root", tree, "--json")
    assert said.out.isascii()
    check_harmless(said.out)
    json.loads(said.out)


@pytest.mark.parametrize("form", ["text", "markdown", "html", "json"])
def test_report(form: str, leaktop: Any, recording: Path, tree: Path) -> None:
    for given in ([recording], ["--from", "+1s", recording], [tree]):
        said = leaktop("report", "--format", form, *given)
        assert said.status == 0, said.err
        check_harmless(said.out)
        assert len(said.out) < 1 << 20
    if form == "json":
        json.loads(said.out)


def test_a_report_in_markdown_holds_no_markup_of_others(leaktop: Any, recording: Path, tree: Path) -> None:
    for given in (recording, tree):
        page = leaktop("report", "--format", "markdown", given).out
        renderer = MarkdownIt("gfm-like", {"linkify": True})
        tokens = [token for block in renderer.parse(page) for token in [block, *(block.children or ())]]
        assert {token.content for token in tokens if token.type.startswith("html")} <= {"<!-- -->"}
        strange = {"link_open", "image", "em_open", "s_open", "hr", "blockquote_open", "ordered_list_open"}
        assert not strange & {token.type for token in tokens}
        rows = re.findall("<tr>.*?</tr>", renderer.render(page), re.DOTALL)
        assert {row.count("<th") + row.count("<td") for row in rows} <= {2, 3, 4, 5}
        shown = re.sub("<!-- -->|<[^>]+>", "", renderer.render(page))
        assert "evil.example" in shown


def test_a_report_in_html_loads_and_runs_nothing(leaktop: Any, recording: Path, tree: Path) -> None:
    for given in (recording, tree):
        found = Page(leaktop("report", "--format", "html", given).out)
        assert not found.tags & {"script", "img", "iframe", "link", "a", "object", "evil", "base", "form"}
        assert not [name for name, _ in found.attributes if name.startswith("on") or name in {"href", "src"}]
        assert "<script>alert(1)" in found.text


@pytest.mark.parametrize("verdict", ["leak", "unknown"])
def test_check_as_junit_and_as_text(verdict: Literal["leak", "unknown"]) -> None:
    findings = tuple(
        Finding("slab", name, (name, ALL), 1.0, 64.0, 64.0, 64.0, tolerated=False, leak=kind != "clear", note=name)
        for kind, name in NAMES.items()
    )
    outcome = Outcome((ALL, "\x1b"), verdict, ALL, 10, findings, {"slab": ALL})
    page = junit(outcome, 1.0)
    found = ET.fromstring(page)  # refuses what XML 1.0 cannot hold
    check_harmless(page.decode())
    assert len(found.findall(".//failure")) == len(NAMES) - 1
    texts = {case.get("name") for case in found.iter("testcase")}
    assert NAMES["xml"] in texts
    assert "\\x1b[2J\\x1b[H\\x1b[31mred" in texts
    for line in text(outcome):
        check_harmless(line)
    json.dumps(document(outcome)).encode("ascii")


@pytest.mark.parametrize(
    "words",
    [["diff", "FILE", "+1s", "+20s"], ["diff", "FILE", "+1s", "+20s", "--json"], ["info", "FILE"],
     ["info", "FILE", "--json"]],
    ids=" ".join,
)  # fmt: skip
def test_diff_and_info(words: list[str], leaktop: Any, recording: Path) -> None:
    said = leaktop(*(str(recording) if word == "FILE" else word for word in words))
    assert said.status == 0, said.err
    check_harmless(said.out)
    assert len(said.out) > 300
    if "--json" in words:
        json.loads(said.out)


def test_export_of_json_lines(leaktop: Any, recording: Path) -> None:
    said = leaktop("export", recording)
    assert said.status == 0, said.err
    check_harmless(said.out)
    names = {row.get("comm") for row in map(json.loads, said.out.splitlines()) if row["section"] == "processes"}
    assert {NAMES["clipboard"], NAMES["html"], NAMES["formula ="]} <= names  # programs get what was there


@pytest.mark.parametrize("section", ["processes", "slab", "vmalloc", "sockets", "tmpfs", "kmemleak", "memory"])
def test_a_spreadsheet_runs_nothing_of_a_csv(section: str, leaktop: Any, recording: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.csv"
    assert leaktop("export", recording, "--format", "csv", "--section", section, "-o", target).status == 0
    rows = list(csv.DictReader(io.StringIO(target.read_text(), newline="")))
    assert rows
    for row in rows:
        for name, cell in row.items():
            check_harmless(cell)
            assert not cell.lstrip(" '").startswith(("=", "@")) or cell.startswith("'"), (name, cell)
            assert cell[:1] not in {"=", "@", "\t", "\r", "+"}, (name, cell)
            assert not cell.startswith("-") or re.fullmatch(r"-[0-9.e+-]+", cell), (name, cell)


@pytest.mark.parametrize("command", [[], ["--json"], ["--limit", "3"]], ids=str)
def test_oom(command: list[str], leaktop: Any, place: Path) -> None:
    log = place / file_name("log" + ALL)
    log.write_bytes(hostile.kernel_log())
    said = leaktop("oom", log, *command)
    assert said.status == 0
    check_harmless(said.out)
    assert len(said.out) > 1000


@pytest.mark.parametrize("command", [[], ["--json"], ["--all"], ["--module", ALL], ["--comm", ALL]], ids=repr)
def test_kmemleak_show(command: list[str], leaktop: Any, place: Path) -> None:
    report, rules = place / file_name("kmemleak" + ALL), place / file_name("rules" + ALL)
    report.write_bytes(hostile.kmemleak_report())
    rules.write_bytes(hostile.suppressions())
    more = [] if "--all" in command else ["--suppressions", str(rules)]
    said = leaktop("kmemleak", "show", report, *more, *command)
    assert said.status in {0, 1}
    check_harmless(said.out)


def test_kmemleak_of_a_tree(leaktop: Any, tree: Path) -> None:
    for action in ("show", "status", "scan", "clear"):
        said = leaktop("--root", tree, "kmemleak", action)
        check_harmless(said.out)


def test_plain_lines(leaktop: Any, recording: Path) -> None:
    said = leaktop("replay", recording, "--plain")
    assert said.status == 0, said.err
    check_harmless(said.out)
    assert "\\x1b" in said.out


def test_a_configuration_of_others(leaktop: Any, tmp_path: Path) -> None:
    path = tmp_path / file_name(ALL)
    for written in (
        ALL,
        "[keys]\n" + json.dumps(ALL) + " = " + json.dumps(ALL),
        f"theme = {json.dumps(NAMES['clear'])}",
    ):
        path.write_bytes(written.encode("utf-8", "surrogatepass"))
        said = leaktop("config", "--check", path)
        assert said.status == 2
        check_harmless(said.out)


def test_trace_and_doctor(leaktop: Any, tree: Path) -> None:
    for command in (["trace", ALL], ["trace", ALL, "--list"], ["trace", "kmalloc-64", "--list"], ["doctor"],
                    ["doctor", "--json"]):  # fmt: skip
        said = leaktop("--root", tree, *command)
        check_harmless(said.out)
        assert said.out or said.err


def test_cut_and_import(leaktop: Any, recording: Path, tree: Path, tmp_path: Path) -> None:
    for kind, name in EVIL_FILES.items():
        said = leaktop("cut", recording, "--from", "+1s", "--to", "+2s", "-o", tmp_path / f"{name}.cut")
        assert said.status == 0, (kind, said.err)
        check_harmless(said.out)
    said = leaktop("import", tree, "-o", tmp_path / file_name("2" + ALL))
    assert said.status == 0, said.err
    check_harmless(said.out)


def test_a_redacted_piece_holds_none_of_the_names(leaktop: Any, recording: Path, tmp_path: Path) -> None:
    target = tmp_path / "redacted"
    assert leaktop("cut", recording, "--redact", "-o", target).status == 0
    piece = read_file(str(target))
    assert piece.header is not None
    assert "evil" not in f"{piece.header.machine.hostname}{piece.header.machine.boot_id}{piece.header.origin}"
    for _, tick in piece.walk():
        for sample in tick.samples:
            if sample.probe in {"processes", "tmpfs", "sock_diag", "socket_owners", "open_files"}:
                assert b"evil.example" not in (sample.content or b""), sample.probe


VERBS = [
    ["replay", "NAME"], ["info", "NAME"], ["diff", "NAME", "+0s", "+1s"], ["report", "NAME"], ["export", "NAME"],
    ["cut", "NAME", "-o", "NAME"], ["import", "NAME", "-o", "NAME"], ["oom", "NAME"], ["kmemleak", "show", "NAME"],
    ["kmemleak", "show", "--suppressions", "NAME"], ["kmemleak", "set", "NAME"], ["kmemleak", "dump", "NAME"],
    ["record", "NAME/NAME", "--for", "1s"], ["show", "all", "--root", "NAME"], ["show", "NAME"], ["NAME"],
    ["show", "all", "--sort", "NAME"], ["trace", "NAME", "--facility", "NAME"], ["doctor", "--root", "NAME"],
    ["check", "--junit", "NAME/NAME", "--", "true"], ["--interval", "NAME"], ["--theme", "NAME"], ["doctor", "NAME"],
    ["config", "--check", "NAME"], ["completion", "NAME"], ["--plain", "--root", "NAME"], ["--plain", "replay", "NAME"],
]  # fmt: skip


@pytest.mark.parametrize("words", VERBS, ids=" ".join)
def test_messages_about_names_on_the_command_line(
    words: list[str], leaktop: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a shell's `*` puts them there. None is found, or understood."""
    monkeypatch.chdir(tmp_path)
    for name in (*EVIL_FILES.values(), file_name(ALL)):
        said = leaktop(*(word.replace("NAME", name) for word in words))
        assert said.status != 0 or name == "--help"
        check_harmless(said.out)


def test_files_of_such_names_that_are_no_recordings(leaktop: Any, tmp_path: Path) -> None:
    for name in EVIL_FILES.values():
        path = tmp_path / name
        path.write_bytes(os.fsencode(name) * 50)
        for words in (["info", path], ["report", path], ["import", path, "-o", f"{path}.out"], ["oom", path]):
            said = leaktop(*words)
            assert said.status in {1, 2}
            check_harmless(said.out)
