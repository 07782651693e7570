"""The kmemleak workbench on the screen: what `K` offers, the countdown, cancelling, quitting, the guided workflow."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from leaktop.control import kmemleak, mounting
from leaktop.control.kmemleak import KmemleakError
from leaktop.engine.kmemleak import confirming
from leaktop.engine.kmemleak.suppressions import Suppressions, put_in_force
from leaktop.model.sample import Fault
from tests.ui.fake_source import Live, live, moment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.ui.fake_source import Contents


def leaked(count: int, function: str = "leaky", comm: str = "insmod", pid: int = 7) -> bytes:
    return b"".join(
        f'unreferenced object 0xffff{i:04x} (size 64):\n  comm "{comm}", pid {pid}, jiffies 5\n'
        f"  backtrace (crc 0):\n    __kmalloc_noprof+0x1/0x9\n    {function}+0x1/0x9 [bad]\n".encode()
        for i in range(count)
    )


class Kernel:
    """What was written, and scans that last until a test lets them end."""

    def __init__(self) -> None:
        self.written: list[str] = []
        self.may_scan = threading.Event()
        self.may_scan.set()

    def scan(self) -> float:
        self.written.append("scan")
        assert self.may_scan.wait(20)
        return 2.0

    def note(self, command: str) -> None:
        self.written.append(command)


@pytest.fixture(autouse=True)
def kernel(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Kernel]:
    mine = Kernel()
    monkeypatch.setattr(kmemleak, "scan", mine.scan)
    monkeypatch.setattr(kmemleak, "clear", lambda: mine.note("clear"))
    monkeypatch.setattr(kmemleak, "switch_off", lambda: mine.note("off"))
    monkeypatch.setattr(kmemleak, "set_automatic_scans", lambda when: mine.note(f"scan={when}"))
    monkeypatch.setattr(kmemleak, "set_stack_scans", lambda is_on: mine.note(f"stack={is_on}"))
    monkeypatch.setattr(confirming, "WAIT", 0.0)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("SUDO_UID", raising=False)
    yield mine
    mine.may_scan.set()
    put_in_force(Suppressions())


def script(*reports: bytes | Fault) -> list[Contents]:
    return [{**moment(0), "kmemleak": report} for report in reports]


async def settled(shown: Live) -> None:
    for thread in threading.enumerate():
        if thread.name == "leaktop-kmemleak-write":
            thread.join(10)
    await shown.settle()


async def until_waiting(shown: Live) -> None:
    for _ in range(2000):
        await shown.settle()
        if "waiting" in shown.app._kernel._kmemleak.status:
            return
    raise AssertionError(shown.app._kernel._kmemleak.status)


def said(shown: Live) -> str:
    return " ".join(shown.said().split())


def total(shown: Live) -> str:
    """The words at the bottom of the pane's border, which a notice may lie upon."""
    return str(shown.app.dashboard["kmemleak"].border_subtitle)


def dialog(shown: Live, selector: str) -> str:
    return " ".join(shown.text(selector).replace("│", " ").split())


async def test_the_title_counts_down_between_two_scans(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confirming, "WAIT", 300.0)
    kernel.may_scan.clear()
    async with live(size=(100, 30)) as shown:
        await shown.press("5", "K", "s", "y")
        await shown.ticks()
        assert "5 Kmemleak · scan 1 of 2, 0s" in shown.pane("kmemleak")
        kernel.may_scan.set()
        await until_waiting(shown)
        await shown.ticks()
        assert "for the second scan" in shown.pane("kmemleak")
        assert "waiting 5m00s" in shown.pane("kmemleak") or "waiting 4m5" in shown.pane("kmemleak")
        await shown.press("K", "s")  # once more: cancels, and asks nothing
        await settled(shown)
        assert "Cancelled: there will be no second scan" in said(shown)
        await shown.ticks()
        assert "waiting" not in shown.pane("kmemleak")
        assert kernel.written == ["scan"]


async def test_quitting_waits_for_no_scan(kernel: Kernel) -> None:
    kernel.may_scan.clear()
    async with live() as shown:
        await shown.press("K", "s", "y")
        [thread] = [thread for thread in threading.enumerate() if thread.name == "leaktop-kmemleak-write"]
        assert thread.daemon
        await shown.press("q")
        assert not shown.app.is_running
        assert thread.is_alive()
    kernel.may_scan.set()
    thread.join(10)
    assert not thread.is_alive()  # and what it has to say falls on no one's head


async def test_while_the_kernel_is_busy_nothing_else_is_asked_of_kmemleak(kernel: Kernel) -> None:
    kernel.may_scan.clear()
    async with live() as shown:
        await shown.press("K", "s", "y", "K", "c")
        assert "kmemleak is busy" in said(shown)
        await shown.press("y")
        kernel.may_scan.set()
        await settled(shown)
        assert "clear" not in kernel.written


async def test_clear_run_the_workload_scan(kernel: Kernel, tmp_path: Path) -> None:
    ticks = script(*[leaked(3, "old")] * 3, b"", leaked(2, "fresh"))
    async with live(ticks, size=(100, 30), directory=str(tmp_path)) as shown:
        await shown.press("5", "K", "w")
        words = dialog(shown, "#confirm")
        assert "writes 'scan' twice and then 'clear'" in words
        assert "There is no undo" in words
        assert kernel.written == []
        await shown.press("y")
        await settled(shown)
        assert kernel.written == ["scan", "scan", "clear"]
        assert "Now run the workload, then press Scan" in said(shown)
        [report] = tmp_path.glob("kmemleak-*.txt")
        assert report.read_bytes().count(b"old+0x1") == 3
        await shown.ticks()
        assert "5 Kmemleak · run the workload, then press Scan" in shown.pane("kmemleak")
        await shown.ticks()
        assert "kmemleak reports no leak" in shown.pane("kmemleak")
        await shown.press("K", "s", "y")
        await settled(shown)
        assert "the workload's leaks" in said(shown)
        await shown.ticks()
        assert "fresh" in shown.rows("kmemleak")[0]
        assert "old [bad]" not in "".join(shown.rows("kmemleak"))
        assert "run the workload" not in shown.lines("#pane-kmemleak")[0]


async def test_cancelled_before_the_clear_nothing_is_cleared(kernel: Kernel, tmp_path: Path) -> None:
    kernel.may_scan.clear()
    async with live(directory=str(tmp_path)) as shown:
        await shown.press("K", "w", "y", "K", "s")
        kernel.may_scan.set()
        await settled(shown)
        assert kernel.written == ["scan"]
        assert "nothing was cleared" in said(shown)
        assert list(tmp_path.glob("kmemleak-*")) == []


@pytest.mark.parametrize(
    ("key", "word", "written"),
    [
        ("i", "on", "scan=True"),
        ("i", "off", "scan=False"),
        ("i", "600", "scan=600"),
        ("t", "on", "stack=True"),
        ("t", "off", "stack=False"),
    ],
)
async def test_settings_are_typed(kernel: Kernel, key: str, word: str, written: str) -> None:
    async with live() as shown:
        await shown.press("K", key)
        assert "/sys/kernel/debug/kmemleak" in dialog(shown, "#typed")
        await shown.type(word)
        await shown.press("enter")
        await settled(shown)
        assert kernel.written == [written]


@pytest.mark.parametrize(("key", "word"), [("i", "0"), ("i", "9999999999999"), ("i", "yes"), ("t", "5"), ("t", "")])
async def test_a_wrong_word_is_not_written_and_may_be_typed_again(kernel: Kernel, key: str, word: str) -> None:
    async with live() as shown:
        await shown.press("K", key)
        await shown.type(word)
        await shown.press("enter")
        assert dialog(shown, "#typed").count("Type on") == 2
        await shown.press("escape")
        await settled(shown)
        assert kernel.written == []


async def test_off_has_to_be_typed_and_is_on_no_key(kernel: Kernel) -> None:
    async with live() as shown:
        await shown.press("K")
        assert "switch it off until the next boot" in shown.text("#actions")
        for key in "0123456789fghijklruvzbO":  # all those that stand for nothing else
            await shown.press(key)
        await shown.press("space")
        assert kernel.written == []
        await shown.press("escape")
        await shown.press("K")
        await shown.click("#off", x=4)
        assert "Nothing but a reboot" in dialog(shown, "#typed")
        await shown.press("enter", "y", "enter")
        assert kernel.written == []
        await shown.press("backspace")
        await shown.type("off")
        await shown.press("enter")
        await settled(shown)
        assert kernel.written == ["off"]
        assert "off until the next boot" in said(shown)


async def test_an_object_is_dumped_and_what_the_kernel_logged_is_shown(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dump(address: str) -> tuple[str, ...]:
        kernel.note(f"dump={address}")
        return (f"Object {address} (size 64):", "  min_count = 1\x1b[2J")

    monkeypatch.setattr(kmemleak, "dump", dump)
    async with live(script(leaked(2)), size=(100, 30)) as shown:
        await shown.press("K")
        assert "selected group" not in shown.text("#actions")  # another pane has the cursor
        await shown.press("escape", "5", "K", "o")
        assert "writes 'dump=0xffff0000'" in dialog(shown, "#confirm")
        await shown.press("y")
        await settled(shown)
        assert kernel.written == ["dump=0xffff0000"]
        assert "Object 0xffff0000 (size 64)" in shown.text("#typed")
        assert "min_count = 1\\x1b[2J" in shown.text("#typed")
        await shown.press("escape")
        assert "Kmemleak" in shown.pane("kmemleak")


async def test_a_group_is_suppressed_hidden_and_counted(kernel: Kernel, tmp_path: Path) -> None:
    both = leaked(3, "noisy") + leaked(2, "real").replace(b"0xffff", b"0xeeee")
    async with live(script(both), size=(100, 30)) as shown:
        await shown.press("5", "g")
        assert "noisy" in shown.rows("kmemleak")[0]
        await shown.press("K", "x")
        words = dialog(shown, "#confirm")
        assert "noisy [bad]" in words
        assert "Nothing is written to the kernel" in words
        await shown.press("y")
        path = tmp_path / "config/leaktop/kmemleak.suppressions"
        assert path.read_text().splitlines()[1:] == ["noisy [bad]"]
        await shown.ticks(6)  # the border is drawn anew every five seconds
        assert "real" in shown.rows("kmemleak")[0]
        assert "2 objects, 1 group suppressed" in total(shown)
    async with live(script(both), size=(100, 30)) as again:
        await again.press("5")
        assert "1 group suppressed" in total(again)
    assert kernel.written == []


async def test_a_group_without_names_cannot_be_suppressed() -> None:
    nameless = leaked(1).replace(b"__kmalloc_noprof+0x1/0x9", b"0xffffffffa0").replace(b"leaky+0x1/0x9 [bad]", b"0xff1")
    async with live(script(nameless), size=(100, 30)) as shown:
        await shown.press("5", "K")
        assert "never list the selected group" not in shown.text("#actions")


async def test_debugfs_is_mounted_where_it_is_not(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    missing = Fault("missing", "this kernel has no kmemleak, or debugfs is not mounted", "mount it")
    mounted: list[str] = []
    monkeypatch.setattr(mounting, "is_mounted", lambda name: name in mounted)
    monkeypatch.setattr(mounting, "mount", mounted.append)
    async with live(script(missing, missing, leaked(2)), size=(100, 30)) as shown:
        await shown.press("5", "K")
        assert "mount debugfs" in shown.text("#actions")
        await shown.press("m")
        assert "mounts debugfs at /sys/kernel/debug, for root only" in dialog(shown, "#confirm")
        assert mounted == []
        await shown.press("y")
        await settled(shown)
        assert mounted == ["debugfs"]
        assert "debugfs is mounted" in said(shown)
        await shown.ticks()
        assert "leaky" in shown.rows("kmemleak")[0]
        await shown.press("K")
        assert "mount debugfs" not in shown.text("#actions")


async def test_a_refused_setting_is_said(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_when: object) -> None:
        raise KmemleakError("'scan=on' to /sys/kernel/debug/kmemleak: kmemleak is off: booted with kmemleak=off")

    monkeypatch.setattr(kmemleak, "set_automatic_scans", refuse)
    async with live() as shown:
        await shown.press("K", "i")
        await shown.type("on")
        await shown.press("enter")
        await settled(shown)
        assert "booted with kmemleak=off" in said(shown)


async def test_what_is_new_and_what_is_probably_no_leak_stands_in_the_row_and_in_its_drill_down() -> None:
    old = leaked(2, "steady")
    more = leaked(5, "steady") + leaked(1, "at_boot", "swapper/0", 1).replace(b"0xffff", b"0xeeee")
    async with live(script(old, more), size=(140, 50)) as shown:
        await shown.press("5", "z")
        rows = shown.rows("kmemleak")
        assert "+3" in rows[0]
        assert "(false?) at_boot [bad]" in rows[1]
        await shown.press("g", "enter")
        text = " ".join(shown.text().split())
        assert "yes: 3 objects are new in the newest scan" in text
        assert "in the first report that was read: it may be older" in text
        await shown.press("escape", "down", "enter")
        text = " ".join(shown.text().split())
        assert "probably no leak made at boot by a built-in driver, once" in text
        await shown.press("escape")
        await shown.press("slash")
        await shown.type("swapper")
        await shown.press("enter")
        assert ["at_boot" in row for row in shown.rows("kmemleak")] == [True]


async def test_only_what_is_new_on_a_key() -> None:
    old, more = leaked(2, "old"), leaked(2, "old") + leaked(1, "fresh").replace(b"0xffff", b"0xeeee")
    async with live(script(old, more), size=(100, 30)) as shown:
        await shown.press("5")
        assert len(shown.rows("kmemleak")) == 2
        await shown.press("N")
        assert ["fresh" in row for row in shown.rows("kmemleak")] == [True]
        assert "new only" in shown.pane("kmemleak")
