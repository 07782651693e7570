"""Panes without rows explain themselves on the screen: with the key or the command that helps."""

from __future__ import annotations

import pytest

from leaktop.model.sample import Fault
from leaktop.view.panes import PANES, pane_named
from tests.ui.fake_source import everything, growing, live, moment, sockets
from tests.ui.replayed import Script, press, replaying

READ = [pane_named(name) for name in ("slab", "kmemleak", "allocinfo")]
"""Some; tests/view/test_emptiness.py asks all of them."""


def words(text: str) -> str:
    return " ".join(text.replace("│", " ").split())


async def test_what_is_denied_says_what_helps_in_every_pane() -> None:
    denied = [everything(Fault("denied", "this needs root", "sudo leaktop"))]
    async with live(denied, size=(80, 24), first=1) as shown:
        for pane in READ:
            await shown.press(pane.key)
            text = words(shown.pane(pane.name))
            assert "this needs root" in text
            assert "What helps: sudo leaktop" in text
        await shown.press("8")
        assert "Nothing can be told: this needs root" in words(shown.pane("suspects"))


async def test_what_is_still_being_read_says_so_in_every_pane() -> None:
    async with live([{}], size=(80, 24), first=1) as shown:
        for pane in READ:
            await shown.press(pane.key)
            assert f"Reading {pane.source}" in words(shown.pane(pane.name))


async def test_what_was_not_recorded_says_so_in_every_pane() -> None:
    async with replaying(Script([{"vmstat": moment(0)["vmstat"]}]).record(3), size=(80, 24)) as shown:
        for pane in READ:
            await press(shown, pane.key)
            assert "Nothing of this was recorded up to this moment." in words(shown.pane(pane.name))


async def test_what_a_filter_hides_is_counted_and_escape_brings_it_back() -> None:
    async with live(size=(80, 24)) as shown:
        await shown.press("6", "slash")
        await shown.type("zzz")
        await shown.press("enter")
        assert "3 rows here, of which the filter zzz leaves none. Esc clears the filter." in words(
            shown.pane("processes")
        )
        await shown.press("escape")
        assert len(shown.rows("processes")) == 3


@pytest.mark.parametrize(
    ("key", "switch", "label"), [("4", "B", "with a backlog only"), ("5", "N", "new only"), ("2", "U", "unreclaimable")]
)
async def test_what_a_switch_hides_is_counted_and_the_key_brings_it_back(key: str, switch: str, label: str) -> None:
    ticks = [{**one, "sock_diag": sockets(("udp", "0.0.0.0:1", 0, 71))} for one in growing(3)]
    if key == "2":
        for one in ticks:
            one["slabinfo"] = (
                b"slabinfo - version: 2.1\n# name\ndentry 1 2 192 21 1 : tunables 0 0 0 : slabdata 1 1 0\n"
            )
    pane = PANES[int(key) - 1].name
    async with live(ticks, size=(80, 24)) as shown:
        await shown.press(key)
        before = len(shown.rows(pane))
        await shown.press(switch)
        text = words(shown.pane(pane))
        assert "here, of which" in text
        assert f"{switch} switches" in text
        assert label in text
        await shown.press(switch)
        assert len(shown.rows(pane)) == before


async def test_large_kmallocs_are_a_gauge_where_there_are_any() -> None:
    async with live(size=(120, 40)) as shown:
        await shown.press("1", "z")
        assert "Large kmalloc" in shown.pane("memory")
    nothing = [{**moment(n), "meminfo": b"MemTotal: 8000000 kB\nMemFree: 7000000 kB\nSlab: 4 kB\n"} for n in range(3)]
    async with live(nothing, size=(120, 40)) as shown:
        await shown.press("1", "z")
        assert "Large kmalloc" not in shown.pane("memory")
        assert "MemFree" in shown.pane("memory")
