"""The bundled recording: small, whole, and told in words where there is no terminal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from leaktop.cli import main
from leaktop.cli.demo import DEMO
from leaktop.recording.reader import read_file

if TYPE_CHECKING:
    import pytest


def test_it_is_small_and_whole() -> None:
    assert Path(DEMO).stat().st_size < 300_000
    recording = read_file(DEMO)
    assert recording.verify() == []
    assert recording.ticks > 150


def test_without_a_terminal_it_says_what_grew(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo"]) == 0
    lines = capsys.readouterr().out.splitlines()
    [cache] = [line for line in lines if "leakgen_cache " in line]
    assert "+392K" in cache
    assert "shares its slabs with leakgen_twin" in cache
    assert any("kmalloc-2k" in line and "+3.48M" in line for line in lines)
