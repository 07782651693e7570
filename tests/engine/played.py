"""Recordings of a machine that is made of text, and what is compared of two Frames of the same moment."""

from __future__ import annotations

import random
import threading
import time
from itertools import groupby
from typing import TYPE_CHECKING, Any

from leaktop.engine.engine import Engine
from leaktop.engine.player import Player
from leaktop.model.sample import Event, Machine, Probe, RawSample, Tick
from leaktop.recording.lines import Header
from leaktop.recording.reader import Recording, StoredChapters
from leaktop.recording.recorder import Recorder
from leaktop.recording.tape import MemoryStorage
from leaktop.sources.text_form import encode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from leaktop.engine.position import Position
    from leaktop.model.frame import Frame, Row
    from leaktop.recording.encoder import Chapter

PROBES = tuple(
    Probe(name, name, cadence, name) for name, cadence in (("meminfo", 1), ("slabinfo", 1), ("processes", 4))
)
START_MONO, START_WALL = 5000.0, 1_790_000_000.0
"""2026-09-21 14:13:20 UTC."""
LEAK, STILL, WAVE = ("leak", 0), ("still", 0), ("wave", 0)


def machine(boot: str | None = "boot-1") -> Machine:
    """What is known of it, as a recording gives it back."""
    return Machine("6.1", "lab", 4096, boot, "x86_64", "quiet", vmap_stack=True, is_live=False)


def slab(name: str, slabs: int) -> str:
    """The line of a cache of one-page slabs with four objects each, all in use."""
    return f"{name} {4 * slabs} {4 * slabs} 1024 4 1 : tunables 0 0 0 : slabdata {slabs} {slabs} 0"


def contents(n: int, leaked: int) -> dict[str, bytes]:
    """What the probes that are due at tick n give; processes come two ticks late, as slow probes do."""
    lines = [slab("leak", leaked), slab("still", 50), slab("wave", 20 + 3 * n % 17)]
    amounts = {"MemTotal": 1_000_000, "MemFree": 900_000 - 4 * leaked, "MemAvailable": 900_000 - 4 * leaked}
    given = {
        "meminfo": "".join(f"{name}: {kib} kB\n" for name, kib in {**amounts, "Slab": 4 * leaked}.items()).encode(),
        "slabinfo": "\n".join(["slabinfo - version: 2.1", *lines, ""]).encode(),
    }
    if n % 4 == 2:
        rows = [(1, "init", 8 << 20), (77, "eater", (30 << 20) + 4096 * n)]
        form = [f"{pid}\t{pid}\t{comm}\t{rss}\t{rss}\t0\t0\t0\t1\t4" for pid, comm, rss in rows]
        given["processes"] = encode("processes", form)
    return given


def tick(
    n: int, given: dict[str, bytes], start: tuple[float, float] = (START_MONO, START_WALL), every: float = 1.0
) -> Tick:
    """The tick of that number, so many seconds after the one before."""
    mono, wall = round(start[0] + n * every, 3), round(start[1] + n * every, 3)
    return Tick(mono, wall, tuple(RawSample(name, text, None, mono, wall, 0.001) for name, text in given.items()))


def leaking(
    count: int, begins: int = 0, start: tuple[float, float] = (START_MONO, START_WALL), every: float = 1.0
) -> list[Tick]:
    """So many ticks, of which the leak begins at one: ten pages a tick, give or take."""
    chance = random.Random(count)
    ticks, leaked = [], 30
    for n in range(count):
        leaked += chance.randrange(8, 13) if n > begins else 0
        ticks.append(tick(n, contents(n, leaked), start, every))
    return ticks


def header(boot: str | None = "boot-1", interval: float = 1.0) -> Header:
    """Of a session of the machine."""
    return Header(machine(boot), interval, PROBES, "0.1")


class Memory(MemoryStorage):
    """Where a recorder writes, and a reader reads."""

    def piece(self, piece: bytes) -> None:
        self.append(piece)

    def chapter(self, chapter: Chapter) -> None:
        pass


def recorder_to(memory: Memory, head: Header | None = None) -> Recorder:
    """A recorder of the machine."""
    recorder = Recorder(head or header(), suspended=lambda: 0.0)
    recorder.write_to(memory)
    return recorder


def recorded(*sessions: Iterable[Tick | Event], boots: Sequence[str | None] = ("boot-1", "boot-2", "boot-3")) -> bytes:
    """Recordings of one boot each, one after another, as `cat a b` makes them."""
    memory = Memory()
    for boot, session in zip(boots, sessions, strict=False):
        recorder = recorder_to(memory, header(boot))
        for entry in session:
            if isinstance(entry, Event):
                recorder.event(entry)
            else:
                recorder.take(entry)
        recorder.stop()
    return memory.read(0, memory.size())


def opened(content: bytes) -> Recording:
    """The recording in some bytes."""
    return Recording(StoredChapters(MemoryStorage(content)))


def fed(ticks: Iterable[Tick | Event], who: Machine | None = None) -> list[Frame]:
    """The Frames of feeding one tick after another, as the live screen does."""
    engine = Engine(who or machine())
    frames = []
    for entry in ticks:
        if not isinstance(entry, Event):
            frames.append(engine.feed(entry))
        elif entry.kind == "baseline":
            engine.mark_baseline()
    return frames


def row(frame: Frame, key: tuple[Any, ...], section: str = "slab") -> Row:
    """One row of a Frame."""
    return next(row for row in frame.sections[section].rows if row.key == key)


def differences(one: Frame, other: Frame) -> list[str]:
    """What a user could see differ between two Frames; what reading costs is no part of it."""
    found = [
        f"{name}: {getattr(one, name)} {getattr(other, name)}"
        for name in ("mono", "wall", "baseline_wall", "suspects")
        if getattr(one, name) != getattr(other, name)
    ]
    assert one.sections.keys() == other.sections.keys()
    for name, section in one.sections.items():
        twin = other.sections[name]
        for part in ("fault", "notes", "extras", "mono", "wall"):
            if getattr(section, part) != getattr(twin, part):
                found.append(f"{name}.{part}: {getattr(section, part)} {getattr(twin, part)}")
        if len(section.rows) != len(twin.rows):
            found.append(f"{name}: {len(section.rows)} rows, {len(twin.rows)} rows")
        found += [f"{name}: {a} {b}" for a, b in zip(section.rows, twin.rows, strict=False) if a != b]
    return found


class Watched:
    """A player, and all that it showed and said, of a recording with a tick so many seconds."""

    def __init__(self, recording: Recording, *, is_growing: bool = False, every: float = 1.0, **start: Any) -> None:
        self.every = every
        self.shown: list[tuple[Frame, Position]] = []
        self.words: list[str] = []
        self.recording = recording
        self.player = Player(
            recording, lambda *shown: self.shown.append(shown), self.words.append, is_growing=is_growing
        )
        self.player.start(**start)

    def __enter__(self) -> Watched:
        return self

    def __exit__(self, *_: object) -> None:
        self.player.stop()

    @property
    def frame(self) -> Frame:
        """The Frame that is on the screen."""
        return self.shown[-1][0]

    @property
    def position(self) -> Position:
        """Where it lies."""
        return self.shown[-1][1]

    @property
    def at(self) -> int:
        """The number of the tick that is on the screen, -1 while none is."""
        return self.number(self.frame) if self.shown else -1

    def number(self, frame: Frame) -> int:
        """Of a Frame's tick."""
        return round((frame.wall - START_WALL) / self.every)

    def passed(self) -> list[int]:
        """The numbers of the ticks that were shown, one after another."""
        return [number for number, _ in groupby(self.number(frame) for frame, _ in self.shown)]

    def until(self, condition: Callable[[], object], what: str = "it") -> None:
        """Wait until something holds."""
        until(condition, lambda: f"{what}: at {self.at}, said {self.words}")

    def settled(self) -> None:
        """Wait until everything that was asked for is done, slopes and history included."""
        player = self.player
        done = threading.Event()
        player._worker.ask(done.set)
        assert done.wait(10)
        self.until(lambda: not player._refining and not player._is_behind and not player._survey.is_busy, "the rest")
        player._worker.ask(done.clear)
        self.until(lambda: not done.is_set(), "the rest")

    def after(self, action: Callable[[], object]) -> int:
        """The number of the tick that is on the screen once that is done."""
        action()
        self.settled()
        return self.at


def until(condition: Callable[[], object], what: Callable[[], str] = lambda: "it", seconds: float = 15.0) -> None:
    """Wait until something holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"it did not come to pass: {what()}"
        time.sleep(0.005)
