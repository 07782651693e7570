"""The first run: the tour comes once for each person, and what cannot be remembered does no harm."""

from __future__ import annotations

import stat
import time
from typing import TYPE_CHECKING

from tests.e2e.terminal import LEAKTOP, Terminal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

TITLE = "leaktop: a first look"


def seen_in(
    home: Path, *arguments: str, environment: Mapping[str, str | None] | None = None, reads: float = 1.2
) -> bool:
    """Whether the tour came up; it is read for a while, then a key goes on and another quits."""
    own: dict[str, str | None] = {"HOME": str(home), "XDG_STATE_HOME": str(home / "state"), "LEAKTOP_TOUR": None}
    with Terminal((*LEAKTOP, *arguments), (100, 30), {**own, **(environment or {})}) as terminal:
        terminal.wait_for("Memory", "1")
        is_there = bool(terminal.line(TITLE))
        end = time.monotonic() + reads
        while is_there and time.monotonic() < end:
            terminal.read(0.05)
        terminal.press("2")
        terminal.wait_for("2 Slab")
        assert not terminal.line(TITLE)
        time.sleep(0.2)  # what is remembered is written aside
        terminal.press("q")
        assert terminal.exit_status() == 0
    return is_there


def test_it_comes_once_and_is_remembered_in_a_private_file(tmp_path: Path) -> None:
    assert seen_in(tmp_path, "demo")
    found = tmp_path / "state" / "leaktop" / "tour-seen"
    assert stat.S_IMODE(found.stat().st_mode) == 0o600
    assert found.stat().st_size == 0
    assert not seen_in(tmp_path, "demo")
    assert seen_in(tmp_path, "demo", "--tour")


def test_a_home_that_cannot_be_written_shows_it_again(tmp_path: Path) -> None:
    blocked = {"XDG_STATE_HOME": "/proc/nowhere"}
    assert seen_in(tmp_path, "demo", environment=blocked)
    assert not list(tmp_path.iterdir())


def test_read_only_and_whoever_wants_none_see_none(tmp_path: Path) -> None:
    assert not seen_in(tmp_path, "--read-only")
    assert not seen_in(tmp_path, "demo", environment={"LEAKTOP_TOUR": "never"})
    assert not (tmp_path / "state").exists()
