"""Leak or cache: what `K` offers on the row under the cursor, and what is said and recorded of what came back."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from leaktop.control import reclaim
from leaktop.control.reclaim import ReclaimError
from leaktop.recording.reader import Recording, TapedChapters
from leaktop.ui import experiment
from leaktop.ui.app import LeaktopApp
from leaktop.ui.travel import Replayed
from leaktop.view.experiment import cache_of
from tests.ui.fake_source import START_MONO, Live, growing, live, meminfo, moment, slabinfo
from tests.ui.replayed import press, travelled

if TYPE_CHECKING:
    from collections.abc import Callable

    from leaktop.model.sample import Event
    from tests.ui.fake_source import Contents

FULL = {"dentry": 20_000, "kmalloc-2k": 6_000, "signal_cache": 4}


@pytest.fixture(autouse=True)
def kernel(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was written to the kernel; nothing is."""
    written: list[str] = []
    monkeypatch.setattr(reclaim, "drop_caches", lambda what: written.append(f"drop {what}"))
    monkeypatch.setattr(reclaim, "shrink_cache", lambda name: written.append(f"shrink {name}"))
    monkeypatch.setattr(reclaim, "can_shrink", lambda name: name in FULL)
    monkeypatch.setattr(experiment, "SETTLING", 0.0)
    return written


def full() -> Contents:
    return {**moment(0), "slabinfo": slabinfo(FULL), "meminfo": meminfo(SReclaimable=400_000, Cached=800_000)}


def dropped() -> Contents:
    """Nearly all dentries are gone, and kmalloc-2k stays as it is."""
    return {**moment(0), "slabinfo": slabinfo({**FULL, "dentry": -125_000}), "meminfo": meminfo(Cached=-500_000)}


def script() -> list[Contents]:
    return [moment(0), full(), full(), *[dropped()] * 20]


def at_once(shown: Live, monkeypatch: pytest.MonkeyPatch, name: str, kernel: list[str]) -> None:
    """Let what is written show in the very next read."""
    original: Callable[[str], None] = getattr(reclaim, name)

    def act(argument: str) -> None:
        original(argument)
        shown.source.now = 3

    monkeypatch.setattr(reclaim, name, act)


async def settled(shown: Live) -> None:
    for thread in threading.enumerate():
        if thread.name == "leaktop-reclaim-write":
            thread.join(5)
    await shown.settle()


def said(shown: Live) -> str:
    return " ".join(shown.said().split())


def asked(shown: Live) -> str:
    return " ".join(shown.text("#confirm").replace("│", " ").split())


def taped(shown: Live) -> list[Event]:
    assert shown.app.live is not None
    return list(Recording(TapedChapters(shown.app.live.tape)).events())


async def to_cache(shown: Live, name: str) -> None:
    """Put the cursor of the slab pane on a cache."""
    await shown.press("2", "c", "g")
    for _ in range(60):
        key = cache_of(shown.app.dashboard["slab"].table.current)
        if key is not None and key[0] == name:
            return
        await shown.press("down")
    raise AssertionError(name)


async def test_a_cache_is_dropped_measured_said_and_recorded(
    kernel: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with live(script(), size=(160, 48), first=2) as shown:
        at_once(shown, monkeypatch, "drop_caches", kernel)
        await to_cache(shown, "dentry")
        await shown.press("K")
        assert "free the empty slabs of dentry" in shown.text("#actions")
        await shown.press("d")
        words = asked(shown)
        assert "writes 2 to /proc/sys/vm/drop_caches, then 1 to /sys/kernel/slab/dentry/shrink" in words
        assert "No content is lost" in words
        assert "read from disk again" in words
        assert "no undo" in words
        assert "dentry is measured before" in words
        assert kernel == []
        await shown.press("y")
        await settled(shown)
        assert kernel == ["drop slab", "shrink dentry"]
        assert "dentry: 590M before dropping slab caches, 24.1M after: 95 % came back: a cache, not a leak." in said(
            shown
        )
        assert taped(shown) == []  # the next tick has it
        await shown.ticks(2)
        [event] = taped(shown)
        assert (event.kind, event.mono) == ("experiment", START_MONO + 3)
        assert event.text in said(shown)


async def test_what_does_not_come_back_is_pinned(kernel: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    async with live(script(), first=2) as shown:
        at_once(shown, monkeypatch, "drop_caches", kernel)
        await to_cache(shown, "kmalloc-2k")
        await shown.press("K", "p")
        assert "writes 3 to /proc/sys/vm/drop_caches" in asked(shown)
        await shown.press("y")
        await settled(shown)
        assert kernel == ["drop all", "shrink kmalloc-2k"]
        assert "nothing came back: pinned. A leak, or in use." in said(shown)
        assert "kmalloc-2k: 1" in said(shown)


async def test_a_cache_alone_is_shrunk(kernel: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    async with live(script(), first=2) as shown:
        at_once(shown, monkeypatch, "shrink_cache", kernel)
        await to_cache(shown, "dentry")
        await shown.press("K", "e")
        assert "Shrink dentry" in shown.text("#confirm")
        assert "writes 1 to /sys/kernel/slab/dentry/shrink" in asked(shown)
        assert "nothing to undo" in asked(shown)
        await shown.press("y")
        await settled(shown)
        assert kernel == ["shrink dentry"]
        assert "empty slabs that the kernel had kept: no leak." in said(shown)


async def test_a_suspect_that_is_a_cache_is_meant(kernel: list[str]) -> None:
    async with live(first=10) as shown:
        await shown.press("8", "slash")
        await shown.type("kmalloc-2k")
        await shown.press("enter", "K")
        assert "free the empty slabs of kmalloc-2k" in shown.text("#actions")
        await shown.press("e", "y")
        await settled(shown)
        assert kernel == ["shrink kmalloc-2k"]


async def test_where_no_cache_is_selected_the_machine_is_measured(
    kernel: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with live(script(), size=(160, 48), first=2) as shown:
        at_once(shown, monkeypatch, "drop_caches", kernel)
        await shown.press("1", "K")
        assert "empty slabs" not in shown.text("#actions")
        await shown.press("e")
        assert "Kernel actions" in shown.text()  # not on offer
        await shown.press("d")
        assert "SReclaimable is measured before" in asked(shown)
        await shown.press("y")
        await settled(shown)
        assert kernel == ["drop slab"]
        assert "SReclaimable:" in said(shown)
        assert "% came back" in said(shown)
        assert "MemAvailable" in said(shown)


@pytest.mark.parametrize("keys", [("d", "n"), ("d", "enter"), ("p", "escape"), ("e", "q"), ("escape",)])
async def test_without_a_yes_nothing_is_written(kernel: list[str], keys: tuple[str, ...]) -> None:
    async with live(first=2) as shown:
        await shown.press("2", "K", *keys)
        await settled(shown)
        await shown.ticks()
        assert kernel == []
        assert taped(shown) == []
        assert "hungry" in shown.pane("processes")


@pytest.mark.parametrize("key", ["d", "e"])
async def test_a_refusal_is_said_and_nothing_recorded(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    def refuse(_what: str) -> None:
        raise ReclaimError("'2' to /proc/sys/vm/drop_caches: needs root: sudo leaktop")

    monkeypatch.setattr(reclaim, "drop_caches", refuse)
    monkeypatch.setattr(reclaim, "shrink_cache", refuse)
    async with live() as shown:
        await shown.press("2", "K", key, "y")
        await settled(shown)
        assert "needs root" in said(shown)
        await shown.ticks()
        assert taped(shown) == []
        assert "reclaiming" not in shown.pane("slab")


async def test_read_only_refuses(kernel: list[str]) -> None:
    async with live(is_read_only=True) as shown:
        await shown.press("6", "K")
        assert "nothing is written" in said(shown)
        await shown.press("2", "K")
        assert "drop" not in shown.text("#actions")
        await shown.press("d", "y")
        await settled(shown)
        assert kernel == []


async def test_the_past_refuses(kernel: list[str]) -> None:
    async with live(first=5) as shown:
        await press(shown, "left_square_bracket", "K")
        assert "This is the past" in said(shown)
        assert kernel == []


async def test_what_cannot_be_measured_is_not_tried(kernel: list[str]) -> None:
    ticks = growing(3)
    async with live(ticks, first=2) as shown:
        await to_cache(shown, "dentry")
        for tick in ticks:
            tick.pop("slabinfo")
        await shown.press("K", "d", "y")
        await settled(shown)
        assert kernel == []
        assert "dentry cannot be measured, so nothing was written." in said(shown)


async def test_one_experiment_at_a_time(kernel: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    may_end = threading.Event()

    def slow(what: str) -> None:
        kernel.append(what)
        may_end.wait(5)

    monkeypatch.setattr(reclaim, "drop_caches", slow)
    async with live() as shown:
        await shown.press("2", "K", "d", "y")
        await shown.ticks()
        assert "reclaiming" in shown.pane("slab")
        await shown.press("K", "p")
        assert "under way" in said(shown)
        may_end.set()
        await settled(shown)
        await shown.ticks()
        assert [written for written in kernel if "shrink" not in written] == ["slab"]
        assert "reclaiming" not in shown.pane("slab")


async def test_without_slub_only_drop_caches_is_written(kernel: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reclaim, "can_shrink", lambda _name: False)
    async with live() as shown:
        await shown.press("2", "K", "d")
        assert "shrink" not in asked(shown)
        await shown.press("y")
        await settled(shown)
        assert kernel == ["drop slab"]


async def test_a_cache_with_a_hostile_name_is_text_and_no_markup(kernel: list[str]) -> None:
    name = "[red]x[/]\x1b]0;t\x07" + "n" * 80
    tick = {**moment(0), "slabinfo": slabinfo({}).replace(b"kmalloc-2k ", name.encode() + b" ")}
    async with live([tick], size=(80, 24), first=1) as shown:
        await shown.press("2", "slash")
        await shown.type("red")
        await shown.press("enter", "K")
        assert "[red]x[/]" in shown.text("#actions")
        assert "\x1b" not in shown.text()
        await shown.press("e")
        assert "\\x1b" in shown.text("#confirm")
        await shown.press("y")
        await settled(shown)
        assert kernel == [f"shrink {name}"]


async def test_a_replay_shows_it_and_the_next_mark_finds_it(kernel: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    async with live(script(), first=2) as shown:
        at_once(shown, monkeypatch, "drop_caches", kernel)
        await to_cache(shown, "dentry")
        await shown.press("K", "d", "y")
        await settled(shown)
        await shown.ticks(10)
        assert shown.app.live is not None
        recording = Recording(TapedChapters(shown.app.live.tape))
        engine, source = shown.engine, shown.source
    app = LeaktopApp(None, None, replayed=Replayed(recording, plays=False))
    async with app.run_test(size=(160, 48), notifications=True) as pilot:
        replayed = Live(app, pilot, source, engine)
        await travelled(replayed)
        assert "◈" in replayed.text("#timeline")
        await press(replayed, "right_parenthesis")
        assert "95 % came back: a cache, not a leak." in replayed.lines("#header")[0]
        assert "95 % came back: a cache, not a leak." in said(replayed)
        await press(replayed, "K")
        assert "This is a replay" in said(replayed)
        assert kernel == ["drop slab", "shrink dentry"]
