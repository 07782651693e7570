"""What a start loads: a program that is slow to start, or large, is no help on a machine without memory."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

import pytest

import leaktop
from leaktop.cli import VERBS
from leaktop.cli.options import share

REPO = Path(leaktop.__file__).parents[1]


def leaktop_run(*arguments: str) -> tuple[int, str, str, set[str]]:
    """Its status, what it printed and said, and the modules that it loaded."""
    code = (
        "import sys\nfrom leaktop.cli import main\n"
        f"try:\n    status = main({list(arguments)!r})\nexcept SystemExit as error:\n    status = error.code\n"
        "print('\\0', *sys.modules, file=sys.stderr)\nsys.exit(status)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        cwd=REPO,
        env={**os.environ, "XDG_CONFIG_HOME": "/nonexistent"},
    )
    said, _, modules = done.stderr.partition("\0")
    return done.returncode, done.stdout, said, set(modules.split())


def test_the_version_loads_no_verb_and_none_of_the_rooms() -> None:
    status, out, _, modules = leaktop_run("--version")
    assert (status, out) == (0, f"leaktop {leaktop.__version__}\n")
    assert not modules & {f"leaktop.cli.{verb}" for verb in VERBS}
    assert not modules & {"asyncio", "subprocess", "json", "textual", "regex", "leaktop.sources.filesystem"}
    assert not modules & {"leaktop.engine.engine", "leaktop.engine.poller", "leaktop.recording.recorder"}


def test_show_loads_only_itself_and_no_event_loop() -> None:
    status, out, said, modules = leaktop_run("show", "memory")
    assert (status, said) == (0, "")
    assert "MemAvailable" in out
    assert not modules & {f"leaktop.cli.{verb}" for verb in VERBS if verb != "show"}
    assert not modules & {"asyncio", "ssl", "textual", "rich", "plotext", "leaktop.recording.recorder"}


def test_what_is_no_verb_is_answered_with_all_of_them() -> None:
    status, out, said, _ = leaktop_run("shwo", "memory")
    assert (status, out) == (2, "")
    assert all(verb in said for verb in VERBS)


@pytest.mark.parametrize("help_", ["-h", "--help", "--hel"])
def test_the_help_lists_every_verb(help_: str) -> None:
    status, out, _, _ = leaktop_run(help_)
    assert status == 0
    assert all(verb in out for verb in VERBS)
    assert "--budget" in out
    assert "--protect" in out


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("2%", 0.02),
        ("2", 0.02),
        ("0.5%", 0.005),
        ("150 %", 1.5),
        ("0", None),
        ("0%", None),
        ("none", None),
        ("NONE", None),
    ],
)
def test_a_budget_is_a_share_of_a_core(text: str, wanted: float | None) -> None:
    assert share(text) == wanted


@pytest.mark.parametrize("text", ["", "-1", "two", "1e3", "nan", "inf", "2%%", "٢", "9999999999"])
def test_what_is_no_share_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        share(text)
