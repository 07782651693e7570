"""kmemleak=off on the kernel's command line: its file reads as empty, like that of a kernel that leaks nothing.

In the guest: python -m tests.lab.test_kmemleak_off
"""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.lab.guest import answer, leaktop, run_in_guest


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return run_in_guest(__name__, tmp_path_factory.mktemp("lab"), parameters="kmemleak=off")


def test_status_says_that_it_is_off_and_why(found: dict[str, Any]) -> None:
    assert found["status"]["json"]["enabled"] is False
    assert "kmemleak=off" in found["status"]["json"]["reason"]


@pytest.mark.parametrize("action", ["scan", "set scan=on", "clear"])
def test_what_cannot_be_done_is_said_in_words(found: dict[str, Any], action: str) -> None:
    assert found[action]["status"] == 2
    assert re.search("kmemleak=off|switched off", found[action]["errors"])


def test_the_pane_does_not_claim_that_nothing_leaks(found: dict[str, Any]) -> None:
    assert found["show"]["status"] == 2
    assert found["show"]["json"]["status"] == "unavailable"


def in_guest() -> None:
    """Ask for everything."""
    actions = ("status --json", "scan", "set scan=on", "clear", "show --json")
    answer({action.removesuffix(" --json"): leaktop("kmemleak", *action.split()) for action in actions})


if __name__ == "__main__":
    in_guest()
