"""A pane of many rows is arranged elsewhere: keys act meanwhile, the newest wish wins, failures stay in the pane."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from leaktop.engine.engine import Engine
from leaktop.model.sample import RawSample, Tick
from leaktop.ui.app import LeaktopApp
from leaktop.ui.detail import DetailScreen
from leaktop.view import arranging
from tests.bench.big_machine import MACHINE, Silent
from tests.bench.big_machine_texts import BigMachine
from tests.ui.fake_source import live

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import pytest
    from textual.pilot import Pilot

    from leaktop.model.frame import Frame, Row
    from leaktop.ui.pane_box import PaneBox
    from leaktop.view.pane import Choice, Detail

MANY = 3_000


def processes(second: int, engine: Engine) -> Frame:
    """So many processes at a second."""
    content = BigMachine(processes=MANY).process_list(second)
    return engine.feed(Tick(float(second), 1.79e9 + second, (RawSample("processes", content, None, 0.0, 0.0),)))


@asynccontextmanager
async def shown() -> AsyncIterator[tuple[LeaktopApp, PaneBox, Pilot[None], Engine]]:
    """The pane of the processes, alone on the screen, with many of them."""
    engine = Engine(MACHINE)
    app = LeaktopApp(Silent(), engine)
    app.poller.start = lambda: None  # type: ignore[method-assign]  # replaced here on purpose
    async with app.run_test(size=(100, 30)) as pilot:
        app.dashboard.activate("processes")
        app.dashboard.show(processes(0, engine))
        yield app, app.dashboard.active, pilot, engine


async def arrived(box: PaneBox, pilot: Pilot[None]) -> None:
    """Wait for what was wished for last."""
    for _ in range(2000):
        if not box.is_arranging:
            break
        await asyncio.sleep(0.005)
    assert not box.is_arranging
    await pilot.pause()


async def test_the_rows_come_with_their_total() -> None:
    async with shown() as (_app, box, pilot, _engine):
        await arrived(box, pilot)
        assert len(box.table._rows) == MANY
        assert f"of {MANY}" in box.table.place
        assert str(MANY) in str(box.border_subtitle)


async def test_keys_act_while_rows_are_arranged_and_the_newest_wish_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    async with shown() as (_app, box, pilot, _engine):
        await arrived(box, pilot)
        held, asked = threading.Event(), []
        attempt = arranging.Arranger.attempt

        def slow(self: arranging.Arranger, frame: Frame, choice: Choice) -> arranging.Arrangement:
            asked.append(choice.pattern)
            held.wait(10)
            return attempt(self, frame, choice)

        monkeypatch.setattr(arranging.Arranger, "attempt", slow)
        await pilot.press("slash", *"worker/7")
        await pilot.press("enter", "j", "j")
        assert box.table._index == 2, "the cursor moved"
        held.set()
        await arrived(box, pilot)
        assert {row.record.comm for row in box.table._rows} >= {"worker/7", "worker/70"}
        assert all("worker/7" in row.record.comm for row in box.table._rows)
        assert len(asked) < len("worker/7"), "what was overtaken was not arranged"


async def test_the_cursor_stays_on_its_process_when_the_order_changes() -> None:
    async with shown() as (app, box, pilot, engine):
        await arrived(box, pilot)
        await pilot.press("G")
        before = box.table.current
        app.dashboard.show(processes(40, engine))
        box.choose(sort="pid", is_reversed=True)
        await arrived(box, pilot)
        assert before is not None
        assert box.table.current is not None
        assert box.table.current.key == before.key


async def test_a_pane_that_fails_in_the_thread_says_so_and_recovers(monkeypatch: pytest.MonkeyPatch) -> None:
    async with shown() as (app, box, pilot, engine):
        await arrived(box, pilot)
        with monkeypatch.context() as broken:
            broken.setattr(arranging.Arranger, "attempt", lambda *_: 1 / 0)
            app.dashboard.show(processes(4, engine))
            for _ in range(400):
                await asyncio.sleep(0.005)
                if box.table._message:
                    break
            assert "ZeroDivisionError" in box.table._message[0][0]
        app.dashboard.show(processes(8, engine))
        await arrived(box, pilot)
        assert not box.table._message


async def test_keys_act_while_a_drill_down_is_made_and_the_newest_moment_is_shown_in_the_end() -> None:
    async with shown() as (app, box, pilot, engine):
        await arrived(box, pilot)
        held, makers, pane = threading.Event(), [], box.pane

        def slowly(frame: Frame, row: Row) -> Detail:
            makers.append(threading.current_thread())
            held.wait(20)
            return replace(pane.detail(frame, row), title=f"at {frame.mono:.0f}")

        def opened(frame: Frame) -> DetailScreen:
            row = box.table.current
            assert row is not None
            return DetailScreen(
                replace(pane, detail=slowly),
                row.key,
                frame,
                Silent().inspect,
                lambda *_: None,
                app.dashboard.thread,
                is_ascii=True,
            )

        first, *later = (processes(second, engine) for second in (0, 1, 2))
        await app.push_screen(opened(first))
        await pilot.press("j", "escape")
        assert app.screen.id == "_default", "the keys had to wait"
        screen = opened(first)
        await app.push_screen(screen)
        for frame in later:
            screen.show(frame)
        held.set()
        title = screen.query_one("#detail")
        for _ in range(2000):
            if "at 2" in str(title.border_title):
                break
            await asyncio.sleep(0.005)
        assert "at 2" in str(title.border_title)
        assert threading.main_thread() not in makers


async def test_where_no_thread_can_be_started_rows_are_arranged_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    engine = Engine(MACHINE)
    app = LeaktopApp(Silent(), engine)
    app.poller.start = lambda: None  # type: ignore[method-assign]  # replaced here on purpose
    async with app.run_test(size=(100, 30)):
        app.dashboard.activate("processes")
        monkeypatch.setattr(threading.Thread, "start", refused)
        app.dashboard.show(processes(0, engine))
        assert len(app.dashboard.active.table._rows) == MANY
        monkeypatch.undo()


async def test_a_pane_out_of_sight_holds_no_older_moment() -> None:
    async with live(size=(80, 24)) as shown:
        await shown.press("2", "3", "4", "1")
        old = weakref.ref(shown.app.dashboard["slab"].frame)
        await shown.ticks(8)  # beyond the time for which a verdict stands
        gc.collect()
        assert old() is None
        await shown.press("2")
        assert "kmalloc-2k" in shown.pane("slab")
