"""The screen over a recording of the scripted machine, and waiting for what the player's thread does."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from leaktop.engine.engine import Engine
from leaktop.recording.reader import Recording, StoredChapters
from leaktop.recording.recorder import Recorder, header_for
from leaktop.recording.tape import MemoryStorage
from leaktop.ui.app import LeaktopApp
from leaktop.ui.preferences import Preferences
from leaktop.ui.travel import Replayed
from tests.ui.fake_source import MACHINE, START_MONO, START_WALL, FakeSource, Live, growing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence

    from leaktop.model.sample import Event, Machine
    from leaktop.recording.encoder import Chapter
    from tests.ui.fake_source import Content


class Memory(MemoryStorage):
    """Where a recorder writes, and a reader reads."""

    def piece(self, piece: bytes) -> None:
        self.append(piece)

    def chapter(self, chapter: Chapter) -> None:
        pass


class Script:
    """A recorder of the scripted machine, a tick at a time."""

    def __init__(
        self,
        ticks: Sequence[Mapping[str, Content]] | None = None,
        events: Sequence[tuple[int, Event]] = (),
        machine: Machine = MACHINE,
    ) -> None:
        self.source = FakeSource(growing(40) if ticks is None else ticks, machine)
        self.memory = Memory()
        self.recorder = Recorder(header_for(machine, self.source.probes, 1.0), suspended=lambda: 0.0)
        self.recorder.write_to(self.memory)
        self._events = list(events)

    def record(self, count: int) -> Script:
        """So many ticks more, each after the events that stand before it."""
        for _ in range(count):
            for at, event in self._events:
                if at == self.source.now:
                    self.recorder.event(event)
            self.recorder.take(self.source.tick())
        return self

    def recording(self, *, is_growing: bool = False) -> Recording:
        """What was recorded so far."""
        if not is_growing:
            self.recorder.stop()
        return Recording(StoredChapters(self.memory, is_growing=is_growing), is_growing=is_growing)


def number(wall: float) -> int:
    """Of the tick at a time of day."""
    return round(wall - START_WALL)


async def until(shown: Live, condition: Callable[[], object], what: str = "it") -> None:
    """Wait until something holds of the screen."""
    end = time.monotonic() + 15
    while not condition():
        assert time.monotonic() < end, f"{what} did not come to pass:\n{shown.text()}"
        await asyncio.sleep(0.005)
    await shown.settle()


async def travelled(shown: Live) -> None:
    """Wait until the player has done what was asked for, and the screen shows it."""
    player = shown.app._travel._player
    assert player is not None

    async def passes(condition: Callable[[], object], what: str) -> None:
        while not condition():
            assert time.monotonic() < end, what
            await asyncio.sleep(0.002)

    end = time.monotonic() + 15
    for _ in range(2):  # the second time for what the last turn of the first one shows
        done: list[bool] = []
        player._worker.ask(lambda done=done: done.append(True))  # type: ignore[misc]  # mypy has no type for a lambda with a default
        await passes(lambda done=done: done, "the command")  # type: ignore[misc]  # mypy has no type for a lambda with a default
        await passes(lambda: not (player._refining or player._is_behind or player._survey.is_busy), "the exact Frame")
    await until(
        shown, lambda: shown.app._travel.newest is None or shown.app._shown is shown.app._travel.newest[0], "its paint"
    )


async def press(shown: Live, *keys: str) -> None:
    """Press keys of time travel, each seen on the screen before the next."""
    for key in keys:
        await shown.press(key)
        if shown.app._travel.is_on:
            await travelled(shown)


def at(shown: Live) -> int:
    """The number of the tick on the screen."""
    frame = shown.app._shown
    return -1 if frame is None else number(frame.wall)


@asynccontextmanager
async def replaying(
    script: Script | None = None,
    size: tuple[int, int] = (120, 36),
    *,
    plays: bool = False,
    wish: str | None = None,
    is_growing: bool = False,
    **options: Any,
) -> AsyncIterator[Live]:
    """A running app on a recording, of 40 ticks where no other is given, that shows its first Frame."""
    script = script or Script().record(40)
    recording = script.recording(is_growing=is_growing)
    app = LeaktopApp(None, None, Preferences(**options), replayed=Replayed(recording, is_growing, wish, plays))
    app.animation_level = "none"
    async with app.run_test(size=size, notifications=True) as pilot:
        shown = Live(app, pilot, script.source, Engine(script.source.machine))
        await shown.settle()
        if not plays:
            await travelled(shown)
        yield shown


__all__ = ["START_MONO", "START_WALL", "Script", "at", "number", "press", "replaying", "travelled", "until"]
