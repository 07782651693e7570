"""kmemleak end to end: every command that its file takes, and the screen, in a kernel that has it.

In the guest: python -m tests.lab.test_kmemleak
"""

from __future__ import annotations

import os
import re
import time
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.terminal import LEAKTOP, Terminal
from tests.lab.guest import SHARED, answer, leakgen, leaktop, load_leakgen, run_in_guest, say

KMEMLEAK = Path("/sys/kernel/debug/kmemleak")
LEAKED = 40
FOUND = 30
"""Of those: a stale pointer somewhere hides one or another."""
SLOW = 240.0
"""Seconds that anything on the screen may take: the guest is twenty times slower than the host."""


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return run_in_guest(__name__, tmp_path_factory.mktemp("lab"), timeout=1500)


def groups(report: dict[str, Any], function: str) -> list[dict[str, Any]]:
    return [group for group in report["json"]["groups"] if any(frame.startswith(function) for frame in group["frames"])]


def test_status_says_that_it_runs(found: dict[str, Any]) -> None:
    assert found["status"]["status"] == 0
    assert found["status"]["json"] == {"enabled": True, "reason": None, "automatic_scans": True}


@pytest.mark.parametrize("word", ["scan=600", "scan=off", "stack=off", "stack=on"])
def test_every_setting_is_taken(found: dict[str, Any], word: str) -> None:
    assert found[word]["status"] == 0, found[word]["errors"]
    assert found[word]["json"] == {"set": [word]}


def test_automatic_scans_stop(found: dict[str, Any]) -> None:
    assert found["status with scan=off"]["json"]["automatic_scans"] is False


def test_a_scan_names_the_function_that_leaked(found: dict[str, Any]) -> None:
    assert found["scan"]["status"] == 1, found["scan"]["errors"]
    [group] = groups(found["scan"], "leakgen_kmalloc")
    assert FOUND <= group["count"] <= LEAKED
    assert group["bytes"] == 64 * group["count"]
    assert [found["scan of another module"]["status"], found["scan of another module"]["json"]["groups"]] == [0, []]


def test_an_object_is_dumped(found: dict[str, Any]) -> None:
    assert found["dump"]["status"] == 0, found["dump"]["errors"]
    assert found["address"] in found["dump"]["output"]
    assert "leakgen_kmalloc" in found["dump"]["output"]


def test_clear_saves_the_report_and_empties_the_list(found: dict[str, Any]) -> None:
    assert found["clear"]["status"] == 0, found["clear"]["errors"]
    assert "leakgen_kmalloc" in found["saved"]
    assert found["saved mode"] == 0o600
    assert groups(found["show"], "leakgen_") == []
    assert groups(found["show saved"], "leakgen_kmalloc")[0]["count"] >= FOUND


def test_off_wants_to_be_meant_and_is_told_afterwards(found: dict[str, Any]) -> None:
    assert found["off"]["status"] == 2
    assert "--yes-until-reboot" in found["off"]["errors"]
    assert found["really off"]["status"] == 0
    assert found["status when off"]["json"]["enabled"] is False
    assert found["status when off"]["json"]["reason"]
    assert found["scan when off"]["status"] == 2


def test_the_screen_scans_groups_drills_down_clears_and_scans_again(found: dict[str, Any]) -> None:
    screens = found["screens"]
    assert re.search(r"scan 1 of 2|scanning|waiting", screens["scanning"])
    assert "leakgen_kmalloc" in screens["found"]
    assert "backtrace" in screens["drill-down"]
    assert "leakgen_kmalloc" in screens["drill-down"]
    assert "the report is in" in screens["cleared"]
    assert "leakgen_nomerge_alloc" in screens["found again"]


def test_quitting_is_not_held_up_by_a_scan(found: dict[str, Any]) -> None:
    assert found["screens"]["quit status"] == 0
    assert found["screens"]["was scanning when it quit"]


def in_guest() -> None:
    """The commands first, then the screen, and off at last."""
    load_leakgen()
    found: dict[str, Any] = {"status": leaktop("kmemleak", "status", "--json")}
    for word in ("scan=600", "stack=off", "stack=on", "scan=off"):
        found[word] = leaktop("kmemleak", "set", word, "--json")
    found["status with scan=off"] = leaktop("kmemleak", "status", "--json")
    leakgen(f"leak kmalloc64 {LEAKED}")
    found["scan"] = leaktop("kmemleak", "scan", "--json")
    say(f"scan: {found['scan']['status']}")
    found["scan of another module"] = leaktop("kmemleak", "scan", "--once", "--json", "--module", "nfs")
    blocks = KMEMLEAK.read_text().split("unreferenced object ")
    found["address"] = next(block.split()[0] for block in blocks if "leakgen_kmalloc" in block)
    found["dump"] = leaktop("kmemleak", "dump", found["address"])
    found["clear"] = leaktop("kmemleak", "clear", "--json", "--directory", SHARED)
    path = found["clear"]["json"]["report"]
    found["saved"], found["saved mode"] = Path(path).read_text(), os.stat(path).st_mode & 0o777
    found["show"] = leaktop("kmemleak", "show", "--json")
    found["show saved"] = leaktop("kmemleak", "show", "--json", path)
    found["screens"] = on_screen()
    found["off"] = leaktop("kmemleak", "set", "off")
    found["really off"] = leaktop("kmemleak", "set", "off", "--yes-until-reboot")
    found["status when off"] = leaktop("kmemleak", "status", "--json")
    found["scan when off"] = leaktop("kmemleak", "scan", "--json")
    answer(found)


def on_screen() -> dict[str, Any]:
    """What a user sees who scans, looks, clears, scans again, and quits during a scan."""
    screens: dict[str, Any] = {}
    leakgen(f"leak kmalloc2048 {LEAKED}")
    with Terminal((*LEAKTOP, "--budget", "none"), cwd=SHARED) as terminal:  # an emulated CPU is soon over it
        terminal.wait_for("Kmemleak", timeout=SLOW)
        terminal.press("5", "z")
        choose(terminal, "s", "Scan")
        terminal.wait(lambda: re.search(r"scan 1 of 2|scanning|waiting", terminal.text), "a scan under way", SLOW)
        screens["scanning"] = terminal.text
        terminal.wait_for("leakgen_kmalloc", timeout=SLOW)
        screens["found"] = terminal.text
        say("found on the screen")
        terminal.wait_for("both together", timeout=SLOW)
        terminal.press("enter")
        terminal.wait_for("backtrace", timeout=SLOW)
        screens["drill-down"] = terminal.text
        terminal.press("escape")
        choose(terminal, "c", "clear")
        terminal.wait_for("the report is in", timeout=SLOW)
        screens["cleared"] = terminal.text
        say("cleared on the screen")
        leakgen(f"leak nomerge {LEAKED}")
        choose(terminal, "s", "Scan")
        terminal.wait_for("leakgen_nomerge_alloc", timeout=SLOW)
        screens["found again"] = terminal.text
        terminal.wait_for("both together", timeout=SLOW)
        choose(terminal, "s", "Scan")
        terminal.wait(lambda: re.search(r"scan 1 of 2|scanning", terminal.text), "a scan under way", SLOW)
        screens["was scanning when it quit"] = re.search(r"scan 1 of 2|scanning", terminal.text) is not None
        terminal.press("q")
        screens["quit status"] = terminal.exit_status(60)
        terminal.check_restored()
    return screens


def choose(terminal: Terminal, key: str, word: str) -> None:
    """Open the menu of kernel actions, choose one, and say yes."""
    terminal.press("K")
    terminal.wait_for("Each asks before it writes", timeout=SLOW)
    terminal.press(key)
    terminal.wait_for("Cancel (n)", timeout=SLOW)
    terminal.press("y")
    terminal.wait(lambda: not terminal.line("Cancel (n)"), f"the question about {word} to go", SLOW)


if __name__ == "__main__":
    time.sleep(1)
    in_guest()
