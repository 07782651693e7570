"""A recording that can be walked through: chapters by number, ticks by place, moments by time; and what is missing."""

from __future__ import annotations

import os
from bisect import bisect_left
from collections import OrderedDict
from typing import TYPE_CHECKING, NamedTuple, Protocol

from leaktop.model.sample import Event, Tick
from leaktop.recording.chapter import Chapter
from leaktop.recording.layout import (
    FRAME_MAGIC,
    Moment,
    Signpost,
    find_start,
    frame_end,
    read_seek_table,
    read_signpost,
)
from leaktop.recording.lines import Header, LineError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from leaktop.recording.layout import Storage
    from leaktop.recording.tape import Tape

_OPEN_AT_ONCE = 3
"""Chapters kept unpacked."""
_PIECE = 1 << 20


class RecordingError(Exception):
    """There is no tick to be read; the message says why, for people."""


class Place(NamedTuple):
    """A tick: the number of its chapter, and its place in it."""

    chapter: int
    ordinal: int


class Damage(NamedTuple):
    """What cannot be read, and what was lost with it."""

    offset: int
    """Where in the file, in bytes."""
    bytes: int
    reason: str
    first: Moment | None
    """The span that is missing, where that is known."""
    last: Moment | None
    ticks: int | None
    """How many ticks are lost, where that is known."""


class Stretch(NamedTuple):
    """A chapter as it lies there, not unpacked."""

    number: int
    offset: int
    length: int
    signpost: Signpost
    is_closed: bool


class Source(Protocol):
    """Where the chapters of a recording come from: a file that may grow, or the tape of the live screen."""

    def stretches(self) -> tuple[list[Stretch], list[Damage]]:
        """The chapters that are there now, in order, and what is damaged between them."""

    def packed(self, stretch: Stretch, start: int) -> Iterator[bytes]:
        """The bytes of a chapter from a place in it on, a piece at a time."""


class Recording:
    """Ticks by place and by time.

    Args:
        source: the chapters.

    Raises:
        RecordingError: there is no tick in it, nor is one to come.
    """

    def __init__(self, source: Source, *, is_growing: bool = False) -> None:
        self._source = source
        self._open: OrderedDict[tuple[int, bool], tuple[Chapter, int]] = OrderedDict()
        self._stretches: list[Stretch] = []
        self._gaps: list[Damage] = []
        self._found: dict[int, Damage] = {}
        self._header: Header | None = None
        self.refresh()
        if not is_growing:
            self._require_header()

    @property
    def header(self) -> Header | None:
        """The first session; None where nothing came yet."""
        return self._header

    @property
    def stretches(self) -> list[Stretch]:
        """The chapters that hold a tick or an event, in order."""
        return self._stretches

    def refresh(self) -> bool:
        """Look for what came since; whether there is more."""
        before = self._stretches[-1] if self._stretches else None
        stretches, self._gaps = self._source.stretches()
        self._stretches = [self._described(stretch) for stretch in stretches]
        self._header = self._header or self._first_header()
        return not self._stretches or self._stretches[-1] != before

    @property
    def damage(self) -> list[Damage]:
        """What is known to be damaged: between chapters, and in those that were opened so far."""
        return sorted([*self._gaps, *self._found.values()])

    def verify(self) -> list[Damage]:
        """Unpack every chapter, and list all damage."""
        for stretch in self._stretches:
            self.chapter(stretch.number)
        return self.damage

    def events(self) -> list[Event]:
        """Everything that happened, in order; gaps and reboots between chapters among them."""
        events: list[Event] = []
        interval = self._header.interval if self._header else 1.0
        before: Stretch | None = None
        for stretch in self._stretches:
            if before is not None:
                events += _between(before.signpost, stretch.signpost, interval)
            events += stretch.signpost.events
            before = stretch
        return events

    @property
    def ticks(self) -> int:
        """How many there are, as far as is known without unpacking all."""
        return sum(stretch.signpost.ticks for stretch in self._stretches)

    def chapter(self, number: int) -> Chapter:
        """One chapter, unpacked as far as it came."""
        stretch = self._stretches[number - self._stretches[0].number]
        key = number, stretch.is_closed
        chapter, fed = self._open.get(key, (None, 0))
        if chapter is None:
            chapter = Chapter()
        if fed < stretch.length:
            for piece in self._source.packed(stretch, fed):
                chapter.feed(piece)
                fed += len(piece)
            self._judge(stretch, chapter)
        self._open[key] = chapter, fed
        self._open.move_to_end(key)
        while len(self._open) > _OPEN_AT_ONCE:
            self._open.popitem(last=False)
        return chapter

    def header_at(self, place: Place) -> Header:
        """The session that a tick belongs to."""
        return self.chapter(place.chapter).header or self._require_header()

    def tick(self, place: Place) -> Tick:
        """The samples of one tick; none where its line is damaged."""
        try:
            return self.chapter(place.chapter).tick(place.ordinal)
        except LineError:
            return Tick(*self.moment(place), ())

    def state(self, place: Place) -> Tick:
        """The newest sample of every probe at a tick, as one tick."""
        try:
            return self.chapter(place.chapter).state(place.ordinal)
        except LineError:
            return Tick(*self.moment(place), ())

    def moment(self, place: Place) -> Moment:
        """When a tick was."""
        try:
            return Moment(*self.chapter(place.chapter).moment(place.ordinal))
        except LineError:
            return self._stretches[place.chapter - self._stretches[0].number].signpost.first

    def first(self) -> Place | None:
        """The first tick that can be read."""
        return next((Place(s.number, 0) for s in self._stretches if len(self.chapter(s.number))), None)

    def last(self) -> Place | None:
        """The newest tick that can be read."""
        for stretch in reversed(self._stretches):
            count = len(self.chapter(stretch.number))
            if count:
                return Place(stretch.number, count - 1)
        return None

    def step(self, place: Place, count: int) -> Place:
        """The tick so many further on, or back; the last or the first where there are not so many."""
        number, index = place
        first, last = self._stretches[0].number, self._stretches[-1].number
        if number < first:
            return self.first() or place
        index += count
        while index >= len(self.chapter(number)):
            if number == last:
                return self.last() or place
            index -= len(self.chapter(number))
            number += 1
        while index < 0:
            if number == first:
                return self.first() or place
            number -= 1
            index += len(self.chapter(number))
        return Place(number, index)

    def walk(self, start: Place | None = None) -> Iterator[tuple[Place, Tick]]:
        """Every tick from a place on, in order."""
        for stretch in list(self._stretches):
            if start is not None and stretch.number < start.chapter:
                continue
            begin = start.ordinal if start is not None and stretch.number == start.chapter else 0
            for index in range(begin, len(self.chapter(stretch.number))):
                place = Place(stretch.number, index)
                yield place, self.tick(place)

    def at(self, wall: float) -> Place | None:
        """The first tick at or after a time of day, or the last there is."""
        for stretch in self._stretches:
            if stretch.signpost.last.wall < wall:
                continue
            chapter = self.chapter(stretch.number)
            places = [Place(stretch.number, i) for i in range(len(chapter))]
            index = bisect_left(places, wall, key=lambda place: self.moment(place).wall)
            if index < len(places):
                return places[index]
        return self.last()

    def _judge(self, stretch: Stretch, chapter: Chapter) -> None:
        lost = max(stretch.signpost.ticks - len(chapter), 0) if stretch.is_closed else None
        reason = chapter.fault
        if reason is None and stretch.is_closed and not chapter.is_complete:
            reason = "it is cut"
        if reason is None and chapter.header is None and len(chapter):
            reason = "its header is lost"
        if reason is not None:
            first, last = stretch.signpost.first, stretch.signpost.last
            self._found[stretch.number] = Damage(stretch.offset, stretch.length, reason, first, last, lost)

    def _described(self, stretch: Stretch) -> Stretch:
        """With what its signpost would say, where it has none yet."""
        if stretch.signpost.ticks >= 0:
            return stretch
        known = next((s for s in self._stretches if s.number == stretch.number and s.length == stretch.length), None)
        if known is not None:
            return known
        self._stretches = [*(s for s in self._stretches if s.number < stretch.number), stretch]
        chapter = self.chapter(stretch.number)
        moments = []
        for index in (0, -1) if len(chapter) else ():
            try:
                moments.append(Moment(*chapter.moment(index)))
            except LineError:
                continue
        moments = moments or [Moment(event.mono, event.wall) for event in chapter.events[:1]] or [Moment(0.0, 0.0)]
        signpost = Signpost(stretch.length, len(chapter), moments[0], moments[-1], tuple(chapter.events))
        return stretch._replace(signpost=signpost)

    def _first_header(self) -> Header | None:
        return next((h for s in self._stretches if (h := self.chapter(s.number).header)), None)

    def _require_header(self) -> Header:
        if self._header is None:
            reasons = [damage.reason for damage in self.damage]
            raise RecordingError("no tick can be read" + (f": {reasons[0]}" if reasons else ": it is empty"))
        return self._header


UNDESCRIBED = Signpost(1, -1, Moment(0.0, 0.0), Moment(0.0, 0.0), ())
"""For a chapter that no signpost follows: what it holds is known when it is unpacked."""


class StoredChapters:
    """The chapters of a file, or of bytes that arrive; found by the seek table, or else one after another.

    Args:
        storage: the bytes.
        is_growing: more may come at the end, so that a cut end is no damage.
    """

    def __init__(self, storage: Storage, *, is_growing: bool = False) -> None:
        self._storage = storage
        self._is_growing = is_growing
        self._known: list[Stretch] = []
        self._damage: list[Damage] = []
        self._position = 0
        self._scanned = -1
        self._tail: list[Stretch] = []
        self._tail_damage: list[Damage] = []
        sizes = read_seek_table(storage)
        if sizes is not None:
            self._follow(sizes)

    def stretches(self) -> tuple[list[Stretch], list[Damage]]:
        """Look on from where the last closed chapter ended."""
        size = self._storage.size()
        if size != self._scanned:
            self._scanned = size
            self._scan(size)
        return [*self._known, *self._tail], [*self._damage, *self._tail_damage]

    def packed(self, stretch: Stretch, start: int) -> Iterator[bytes]:
        """The bytes of a chapter, a piece at a time."""
        position, end = stretch.offset + start, stretch.offset + stretch.length
        while position < end:
            piece = self._storage.read(position, min(_PIECE, end - position))
            if not piece:
                return
            yield piece
            position += len(piece)

    def _follow(self, sizes: list[int]) -> None:
        """Take the boundaries that the seek table gives, as far as they fit."""
        position = 0
        for size in sizes:
            if self._storage.read(position, 4) == FRAME_MAGIC:
                described = read_signpost(self._storage, position + size)
                if described is None or described[0].length != size:
                    break
                self._add(position, size, described[0])
                self._position = described[1]
            position += size

    def _scan(self, size: int) -> None:
        self._tail, self._tail_damage = [], []
        position = self._position
        while position < size:
            end = frame_end(self._storage, position)
            if end is None:
                position = self._skip_damage(position, size)
                continue
            stop, is_whole = end
            if self._storage.read(position, 4) != FRAME_MAGIC:  # a signpost out of place, a seek table
                position = stop
                if is_whole:
                    self._position = position
                continue
            if not is_whole:
                found = find_start(self._storage, position + 1)
                if found is not None:
                    # Its block headers lead nowhere, yet more follows: it is damaged, not unfinished.
                    position = self._skip_damage(position, size)
                    continue
                self._tail.append(Stretch(len(self._known), position, size - position, UNDESCRIBED, is_closed=False))
                if not self._is_growing:
                    reason = "it was not closed: the recorder is still writing, or was killed"
                    self._tail_damage.append(Damage(position, 0, reason, None, None, 0))
                return
            described = read_signpost(self._storage, stop)
            if described is None or described[0].length != stop - position:
                if stop == size and self._is_growing:
                    self._tail.append(
                        Stretch(len(self._known), position, stop - position, UNDESCRIBED, is_closed=False)
                    )
                    return
                self._add(position, stop - position, UNDESCRIBED)
                position = self._position = stop
            else:
                self._add(position, stop - position, described[0])
                position = self._position = described[1]

    def _add(self, offset: int, length: int, signpost: Signpost) -> None:
        self._known.append(Stretch(len(self._known), offset, length, signpost, is_closed=True))

    def _skip_damage(self, position: int, size: int) -> int:
        """Go on behind damaged bytes; what a signpost says of the chapter that they were is kept."""
        found = find_start(self._storage, position + 1)
        stop, signpost = found if found is not None else (size, None)
        if signpost is not None and position <= stop - signpost.length:
            begin = stop - signpost.length
            if begin > position:
                self._damage.append(Damage(position, begin - position, "it is no recording", None, None, None))
            self._add(begin, signpost.length, signpost)
        elif self._storage.read(position, 4) == FRAME_MAGIC:
            self._add(position, stop - position, UNDESCRIBED)
        else:
            self._damage.append(Damage(position, stop - position, "it is no recording", None, None, None))
        self._position = stop
        return stop


class TapedChapters:
    """The chapters of the live screen's last hour."""

    def __init__(self, tape: Tape) -> None:
        self._tape = tape

    def stretches(self) -> tuple[list[Stretch], list[Damage]]:
        """The chapters that are kept, and the one under way."""
        closed, number, under_way = self._tape.contents()
        found = [Stretch(n, 0, len(c.content), c.signpost, is_closed=True) for n, c in closed]
        if under_way:
            found.append(Stretch(number, 0, len(under_way), UNDESCRIBED, is_closed=False))
        return found, []

    def packed(self, stretch: Stretch, start: int) -> Iterator[bytes]:
        """The bytes of a chapter, at once."""
        closed, number, under_way = self._tape.contents()
        content = next((c.content for n, c in closed if n == stretch.number), b"")
        if stretch.number == number:
            content = under_way
        yield content[start : stretch.length]


class FileStorage:
    """A file, opened for reading: a plain file and nothing else, so that no device or pipe blocks us.

    Raises:
        OSError: it cannot be opened, or is no plain file.
    """

    def __init__(self, path: str) -> None:
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)

    def size(self) -> int:
        """Bytes that are there now."""
        return os.fstat(self._descriptor).st_size

    def read(self, offset: int, length: int) -> bytes:
        """At most so many bytes from there; none where the disk fails."""
        try:
            return os.pread(self._descriptor, length, offset)
        except OSError:
            return b""

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)


def read_file(path: str, *, is_growing: bool = False) -> Recording:
    """The recording in a file.

    Raises:
        RecordingError: no tick in it can be read.
        OSError: it cannot be opened.
    """
    return Recording(StoredChapters(FileStorage(path), is_growing=is_growing), is_growing=is_growing)


def _between(before: Signpost, after: Signpost, interval: float) -> Iterator[Event]:
    """What the passage from one chapter to the next says that no event does."""
    mono, wall = after.first
    passed = mono - before.last.mono
    if passed < 0:
        away = wall - before.last.wall
        yield Event(mono, wall, "reboot", "another boot, or another machine", away if away > 0 else None)
    elif passed > gap_from(interval) and not any(event.kind in {"gap", "suspend"} for event in after.events[:2]):
        yield Event(mono, wall, "gap", "", passed)


def gap_from(interval: float) -> float:
    """Seconds without a tick from which on that is a gap."""
    return 3 * interval + 1
