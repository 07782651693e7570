"""Records ticks as they come: into the last hour's tape, into a file while one is wanted, with what the clocks did."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, NamedTuple, Protocol

import leaktop
from leaktop.model.sample import Event
from leaktop.recording.encoder import Encoder
from leaktop.recording.file import FLOOR, LAST_PATIENCE, PATIENCE, RecordingFile, rotate
from leaktop.recording.layout import signpost_frame
from leaktop.recording.lines import Header
from leaktop.recording.passage import gap_from
from leaktop.zstd import ZstdError

if TYPE_CHECKING:
    from collections.abc import Callable

    from leaktop.model.sample import Machine, Probe, Tick
    from leaktop.recording.encoder import Chapter
    from leaktop.recording.redact import Redactor
    from leaktop.recording.tape import Tape

_JUMP = 2.0
"""Seconds that a clock must be set by to be worth a word; less is what NTP does all day."""


def header_for(machine: Machine, probes: tuple[Probe, ...], interval: float) -> Header:
    """The header of a session that begins here."""
    return Header(machine, interval, probes, leaktop.__version__)


class Limits(NamedTuple):
    """When a file is full, and how many full ones stay."""

    size: int | None = None
    """Bytes."""
    age: float | None = None
    """Seconds."""
    keep: int = 1


class Status(NamedTuple):
    """How the recording to a file goes."""

    path: str
    seconds: float
    """Since it began."""
    size: int
    trouble: str | None


class Sink(Protocol):
    """Takes the bytes of a recording: a file, or standard output."""

    def piece(self, piece: bytes) -> None:
        """Take what comes next."""

    def chapter(self, chapter: Chapter) -> None:
        """Note a chapter whose pieces were given."""


class ClockWatch:
    """Tells gaps, suspends and set clocks from the ticks' times.

    Args:
        suspended: gives the seconds that the machine was suspended for since it was booted.
    """

    def __init__(self, suspended: Callable[[], float]) -> None:
        self._suspended = suspended
        self._before: tuple[float, float, float] | None = None

    def events(self, tick: Tick, interval: float) -> list[Event]:
        """What happened between the tick before and this one."""
        suspended = self._suspended()
        before, self._before = self._before, (tick.mono, tick.wall, suspended)
        if before is None:
            return []
        passed, slept = tick.mono - before[0], suspended - before[2]
        events = []
        if slept > 1:
            events.append(Event(tick.mono, tick.wall, "suspend", "", round(slept, 1)))
        if passed > gap_from(interval):
            events.append(Event(tick.mono, tick.wall, "gap", "", round(passed, 1)))
        jump = tick.wall - before[1] - passed - slept
        if abs(jump) > _JUMP:
            events.append(Event(tick.mono, tick.wall, "clock", "", round(jump, 1)))
        return events


def seconds_suspended() -> float:
    """Since this machine was booted: what CLOCK_BOOTTIME counts and CLOCK_MONOTONIC does not."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) - time.clock_gettime(time.CLOCK_MONOTONIC)


class Recorder:
    """Takes every tick. One thread feeds it; files may be started and stopped from any.

    Args:
        header: the session.
        tape: keeps the last hour; None where nobody will look back.
        suspended: gives the seconds that the machine was suspended for.
        redactor: rewrites everything before it is recorded; the header must be its own already.

    Attributes:
        interval: seconds between ticks now; what takes much longer is a gap.
        failure: why the recording to a file ended by itself, for people; None where it did not.
    """

    def __init__(
        self,
        header: Header,
        tape: Tape | None = None,
        suspended: Callable[[], float] = seconds_suspended,
        redactor: Redactor | None = None,
    ) -> None:
        self.interval = header.interval
        self._encoder = Encoder(header, self._piece, self._chapter)
        self._tape = tape
        self._watch = ClockWatch(suspended)
        self._redactor = redactor
        self._lock = threading.RLock()
        self._sinks: list[Sink] = [tape] if tape is not None else []
        self._file: RecordingFile | None = None
        self._limits = Limits()
        self._floor = FLOOR
        self._began = self._opened = 0.0
        self._total = 0
        self._loss: str | None = None
        """What was lost of this recording with a file that somebody removed."""
        self._want: str | None = None
        """What kept the newest tick out of the recording."""
        self.failure: str | None = None

    @property
    def status(self) -> Status | None:
        """How the recording to a file goes; None where there is none."""
        file = self._file
        if file is None:
            return None
        trouble = file.trouble or self._want or self._loss
        return Status(file.path, time.monotonic() - self._began, self._total + file.size, trouble)

    @property
    def trouble(self) -> str | None:
        """What stands in the way of the recording to a file, for people; None where nothing does."""
        status = self.status
        return self.failure or (status.trouble if status else None)

    def take(self, tick: Tick) -> None:
        """Record a tick, and what the clocks did before it. Trouble with the file shows in `status`."""
        with self._lock:
            file = self._file
            if file is not None and file.trouble is None and self._is_full(file):
                self._begin_another(file, is_removed=False)  # only now, when there is something to put into it
            try:
                for event in self._watch.events(tick, self.interval):
                    self._encoder.event(event)
                self._encoder.tick(self._redactor.tick(tick) if self._redactor else tick)
                self._want = None
            except (MemoryError, ZstdError):
                self._give_up_chapter()
            if self._file is not None:
                self._look_after(self._file)

    def event(self, event: Event) -> None:
        """Record an event; it stands before the next tick."""
        with self._lock:
            self._encoder.event(self._redactor.event(event) if self._redactor else event)

    def write_to(self, sink: Sink) -> None:
        """Let everything from here on go there too."""
        with self._lock:
            self._close_chapter()
            self._sinks.append(sink)

    def start(self, path: str, limits: Limits | None = None, floor: int = FLOOR, *, with_tape: bool = False) -> None:
        """Record to a new file from here on; one that is being written is ended.

        Args:
            path: of the file; nothing may be there yet.
            limits: when to begin another.
            floor: bytes to be left free on its file system.
            with_tape: begin with what is in memory.

        Raises:
            OSError: the file cannot be made.
        """
        with self._lock:
            file = RecordingFile(path, floor=floor, patience=PATIENCE)
            self._close_chapter()
            if with_tape and self._tape is not None:
                for _, chapter in self._tape.contents()[0]:
                    file.piece(chapter.content)
                    file.piece(signpost_frame(chapter.signpost))
                    file.chapter(chapter)
            self._end_file()
            self._limits, self._floor = limits or Limits(), floor
            self._began = self._opened = time.monotonic()
            self._total = 0
            self._loss = self.failure = None
            self._file = file
            self._sinks.append(file)

    def stop(self, patience: float = LAST_PATIENCE) -> str | None:
        """End the file, whole.

        Args:
            patience: seconds to wait for a disk that hangs.

        Returns:
            what went wrong, for people; None where nothing did, or there was no file.
        """
        with self._lock:
            self._close_chapter()
            return self._end_file(patience) or self._want

    def _close_chapter(self) -> None:
        try:
            self._encoder.close_chapter()
        except (MemoryError, ZstdError):
            self._give_up_chapter()

    def _give_up_chapter(self) -> None:
        """Memory is short, which is what we are here to watch: lose a tick, not the recorder."""
        self._want = "not enough memory to record"
        self._encoder.abandon()
        if self._tape is not None:
            self._tape.abandon()

    def _end_file(self, patience: float = LAST_PATIENCE) -> str | None:
        file, self._file = self._file, None
        if file is None:
            return None
        self._sinks.remove(file)
        return file.close(patience)

    def _look_after(self, file: RecordingFile) -> None:
        if file.trouble is not None:
            file.write()
        if file.is_removed:
            self._begin_another(file, is_removed=True)
        elif file.is_hopeless:
            self.failure = f"{file.path}: {file.trouble}; given up, what the file holds is intact"
            self._end_file()

    def _is_full(self, file: RecordingFile) -> bool:
        limits = self._limits
        is_old = limits.age is not None and time.monotonic() - self._opened >= limits.age
        is_large = limits.size is not None and file.size >= limits.size
        return file.size > 0 and (is_old or is_large)

    def _begin_another(self, file: RecordingFile, *, is_removed: bool) -> None:
        self._close_chapter()
        is_in_place = file.is_in_place
        trouble = self._end_file()
        try:
            if is_in_place:  # else somebody moved it: what has its name now, if anything, is not ours to rename
                rotate(file.path, self._limits.keep)
            another = RecordingFile(file.path, floor=self._floor, patience=PATIENCE)
        except OSError as error:
            self.failure = f"{file.path}: no new file could be begun: {error.strerror or error}"
            return
        if is_removed:
            self._loss = "the file was removed, and what it held is lost; a new one has begun"
        elif trouble is not None:
            self._loss = f"{file.path}.1: {trouble}"
        self._total += file.size
        self._opened = time.monotonic()
        self._file = another
        self._sinks.append(another)

    def _piece(self, piece: bytes) -> None:
        for sink in self._sinks:
            sink.piece(piece)

    def _chapter(self, chapter: Chapter) -> None:
        for sink in self._sinks:
            sink.chapter(chapter)
