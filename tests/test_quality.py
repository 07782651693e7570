"""Ruff, mypy and import-linter are part of the tests: one command says whether a change is fit."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize(
    "command",
    [
        [sys.executable, "-m", "ruff", "check", "."],
        [sys.executable, "-m", "ruff", "format", "--check", "."],
        [sys.executable, "-m", "mypy"],
        [str(Path(sys.executable).with_name("lint-imports"))],
    ],
    ids=["ruff", "ruff-format", "mypy", "import-linter"],
)
def test_the_tree_is_clean(command: list[str]) -> None:
    """The tool finds nothing; what it found is the message of the failure."""
    outcome = subprocess.run(command, cwd=REPO, capture_output=True, text=True, check=False)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
