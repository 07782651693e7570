"""The manual, the completions and the help: that nothing is missing, and that the tools which take them do."""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from leaktop.cli import VERBS, main, whole_parser
from leaktop.cli.about import ABOUT, GROUPS, status_table
from leaktop.model.settings import MEANINGS
from tests.e2e.terminal import REPO

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def commands(parser: argparse.ArgumentParser | None = None) -> Iterator[argparse.ArgumentParser]:
    """The command line, and that of every verb and action."""
    parser = parser or whole_parser()
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                yield from commands(below)


@pytest.fixture
def page(capsys: pytest.CaptureFixture[str]) -> str:
    assert main(["manual"]) == 0
    return capsys.readouterr().out


def rendered(page: str, tmp_path: Path) -> str:
    """As `man` shows it, in words with a space between."""
    man = shutil.which("man")
    if man is None:
        pytest.skip("man is not installed")
    file = tmp_path / "leaktop.1"
    file.write_text(page)
    done = subprocess.run(
        [man, "--warnings", "-l", str(file)], capture_output=True, text=True, check=True,
        env={"MANWIDTH": "400", "LC_ALL": "C.UTF-8", "PATH": os.environ["PATH"], "MANPAGER": "/bin/cat"},
    )  # fmt: skip
    assert done.stderr == ""
    return re.sub(r"\s+", " ", re.sub(r".\x08", "", done.stdout))


def test_the_manual_has_every_verb_option_status_and_setting(page: str, tmp_path: Path) -> None:
    text = rendered(page, tmp_path)
    for parser in commands():
        assert parser.prog in text
        for action in parser._actions:
            for option in action.option_strings:
                assert option in text, (parser.prog, option)
    for about in ABOUT.values():
        for words in filter(None, (*about.exits.values(), *about.examples)):
            assert words in text, words
    for meaning in MEANINGS:
        assert meaning.words in text
    for file in ("/etc/leaktop.toml", "~/.config/leaktop/config.toml", "NO_COLOR", "SUDO_UID"):
        assert file in text


def test_every_variable_that_is_read_is_in_the_manual(page: str, tmp_path: Path) -> None:
    text = rendered(page, tmp_path)
    read = set()
    for path in (REPO / "leaktop").rglob("*.py"):
        read |= set(re.findall(r"(?:environ(?:\.get)?[\[(]|getenv\()\s*\"([A-Z_]+)\"", path.read_text()))
    assert read
    assert {name for name in read if name not in text} == set()


def test_a_linter_of_manuals_finds_nothing(page: str) -> None:
    groff = shutil.which("groff")
    if groff is None:
        pytest.skip("groff is not installed")
    done = subprocess.run(
        [groff, "-man", "-Tutf8", "-ww", "-z"], input=page, capture_output=True, text=True, check=True
    )  # fmt: skip
    assert done.stderr == ""


def test_every_verb_stands_in_a_group_and_says_how_it_ends() -> None:
    assert sorted(VERBS) == sorted(name for names in GROUPS.values() for name in names)
    assert len(set(VERBS)) == len(VERBS)
    assert set(ABOUT) == {"", *VERBS}
    assert all(about.examples and 0 in about.exits for about in ABOUT.values())


def test_the_readme_has_the_table_of_statuses() -> None:
    assert status_table() in (REPO / "README.md").read_text()


@pytest.mark.parametrize("verb", ["", *VERBS])
def test_help_fits_eighty_columns(
    verb: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit) as end:
        main([*([verb] if verb else []), "--help"])
    assert end.value.code == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0].startswith(f"usage: leaktop {verb}".rstrip())
    assert "examples:" in lines
    assert "exit status:" in lines


def test_the_examples_are_command_lines() -> None:
    for verb, about in ABOUT.items():
        for example in about.examples:
            words = re.sub(r"^(ssh host )?sudo ", "", example.split(" | ")[-1].split(" > ")[0]).split()
            if words[0] != "leaktop":
                words = example.split(" | ")[0].split()
            given = words[1 : words.index("--") if "--" in words else None]
            assert whole_parser().parse_args(given).run, example
            assert verb in words or not verb
