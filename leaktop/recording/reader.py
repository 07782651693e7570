"""A recording that can be walked through: chapters by number, ticks by place, moments by time; and what is missing."""

from __future__ import annotations

from bisect import bisect_left
from collections import OrderedDict
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar

from leaktop.model.sample import Tick
from leaktop.recording.chapter import Chapter
from leaktop.recording.layout import UNDESCRIBED, Damage, Moment, Stretch
from leaktop.recording.lines import Header, LineError
from leaktop.recording.passage import between, gap_from
from leaktop.recording.stored import FileStorage, StoredChapters
from leaktop.recording.tape import TapedChapters
from leaktop.recording.verdict import describe, judge

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from leaktop.model.sample import Event

__all__ = [
    "Damage",
    "FileStorage",
    "Place",
    "Recording",
    "RecordingError",
    "Source",
    "StoredChapters",
    "Stretch",
    "TapedChapters",
    "gap_from",
    "read_file",
]

_OPEN_AT_ONCE = 3
"""Chapters kept unpacked, unless they are large."""
_BYTES_OPEN = 256 << 20
"""Text of the chapters that are kept unpacked; one is, however large."""
_NOWHERE = Moment(0.0, 0.0)
_T = TypeVar("_T")


class RecordingError(Exception):
    """There is no tick to be read; the message says why, for people."""


class Place(NamedTuple):
    """A tick: the number of its chapter, and its place in it."""

    chapter: int
    ordinal: int


class Source(Protocol):
    """Where the chapters of a recording come from: a file that may grow, or the tape of the live screen."""

    def stretches(self) -> tuple[list[Stretch], list[Damage]]:
        """The chapters that are there now, in order, and what is damaged.

        The last may be under way, and then its signpost is UNDESCRIBED.
        """

    def packed(self, stretch: Stretch, start: int) -> Iterator[bytes]:
        """The bytes of a chapter from a place in it on, a piece at a time."""


class _Opened(NamedTuple):
    """A chapter that is kept unpacked."""

    offset: int
    chapter: Chapter
    fed: int
    """Bytes of it that were unpacked."""


class Recording:
    """Ticks by place and by time. Places that are no more, as on a tape, hold nothing; none of this raises for them.

    Args:
        source: the chapters.
        is_growing: ticks may come later, so that none is no error.

    Raises:
        RecordingError: there is no tick in it, nor is one to come.
    """

    def __init__(self, source: Source, *, is_growing: bool = False) -> None:
        self._source = source
        self._open: OrderedDict[int, _Opened] = OrderedDict()
        self._stretches: list[Stretch] = []
        self._given: list[Damage] = []
        self._found: dict[int, Damage] = {}
        self._counts: dict[int, tuple[int, int]] = {}
        """By chapter, the ticks that unpacking so many bytes of it gave."""
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
        before = self._stretches[-1:]
        self._stretches, self._given = self._source.stretches()
        if self._stretches and self._stretches[-1].signpost is UNDESCRIBED:
            under_way = self._stretches.pop()
            signpost = describe(self._opened(under_way), under_way.length)
            if signpost.ticks or signpost.events:
                self._stretches.append(under_way._replace(signpost=signpost))
        if self._header is None:
            self._header = self._first_header()
        if self._header is None:
            self._stretches = []  # ticks of nobody knows what: the line that says it was damaged, or may yet come
        return self._stretches[-1:] != before

    @property
    def damage(self) -> list[Damage]:
        """What is known to be damaged: between chapters, and in those that were opened so far."""
        known = {(damage.offset, damage.reason): damage for damage in [*self._found.values(), *self._given]}
        return [known[key] for key in sorted(known)]

    def verify(self) -> list[Damage]:
        """Unpack every chapter, and list all damage."""
        for stretch in self._stretches:
            self._opened(stretch)
        return self.damage

    def events(self) -> list[Event]:
        """Everything that happened, in order; gaps and reboots between chapters among them."""
        events: list[Event] = []
        interval = self._header.interval if self._header else 1.0
        before: Stretch | None = None
        for stretch in self._stretches:
            if before is not None:
                events += between(before.signpost, stretch.signpost, interval)
            events += stretch.signpost.events
            before = stretch
        return events

    @property
    def ticks(self) -> int:
        """How many there are, as far as is known without unpacking all."""
        return sum(map(self._count, self._stretches))

    def chapter(self, number: int) -> Chapter:
        """One chapter, unpacked as far as it came; an empty one where there is none of that number."""
        at = self._index(number)
        if at < len(self._stretches) and self._stretches[at].number == number:
            return self._opened(self._stretches[at])
        return Chapter()

    def header_at(self, place: Place) -> Header:
        """The session that a tick belongs to.

        Raises:
            RecordingError: there is no tick at all.
        """
        chapter = self.chapter(place.chapter)
        return _of_tick(chapter, place, chapter.header_at) or chapter.header or self._require_header()

    def tick(self, place: Place) -> Tick:
        """The samples of one tick; none where there is none, or its line is damaged."""
        chapter = self.chapter(place.chapter)
        return _of_tick(chapter, place, chapter.tick) or Tick(*self.moment(place), ())

    def state(self, place: Place) -> Tick:
        """The newest sample of every probe at a tick, as one tick."""
        chapter = self.chapter(place.chapter)
        return _of_tick(chapter, place, chapter.state) or Tick(*self.moment(place), ())

    def moment(self, place: Place) -> Moment:
        """When a tick was; of one that is no more, when the next chapter begins."""
        chapter = self.chapter(place.chapter)
        found = _of_tick(chapter, place, chapter.moment)
        if found is None:
            near = self._stretches[self._index(place.chapter) :] or self._stretches[-1:]
            found = near[0].signpost.first if near else _NOWHERE
        return found

    def first(self) -> Place | None:
        """The first tick that can be read."""
        return next((Place(s.number, 0) for s in self._stretches if len(self._opened(s))), None)

    def last(self) -> Place | None:
        """The newest tick that can be read."""
        counts = ((stretch.number, len(self._opened(stretch))) for stretch in reversed(self._stretches))
        return next((Place(number, count - 1) for number, count in counts if count), None)

    def step(self, place: Place, count: int) -> Place:
        """The tick so many further on, or back; the last or the first where there are not so many.

        Chapters that are passed over are taken to hold what their signposts say, and are not unpacked.
        """
        at = self._index(place.chapter)
        is_there = at < len(self._stretches) and self._stretches[at].number == place.chapter
        ordinal = (place.ordinal if is_there else 0) + count
        while 0 <= at < len(self._stretches):
            stretch = self._stretches[at]
            if ordinal < 0:
                at -= 1
                if at >= 0:
                    before = self._stretches[at]
                    held = self._count(before)
                    ordinal += held if ordinal + held < 0 else len(self._opened(before))
            elif ordinal < self._count(stretch) and ordinal < len(self._opened(stretch)):
                return Place(stretch.number, ordinal)
            else:
                ordinal -= self._count(stretch)
                at += 1
        return (self.first() if at < 0 else self.last()) or place

    def walk(self, start: Place | None = None) -> Iterator[tuple[Place, Tick]]:
        """Every tick from a place on, in order."""
        for stretch in list(self._stretches):
            if start is not None and stretch.number < start.chapter:
                continue
            begin = start.ordinal if start is not None and stretch.number == start.chapter else 0
            for index in range(max(begin, 0), len(self._opened(stretch))):
                place = Place(stretch.number, index)
                yield place, self.tick(place)

    def at(self, wall: float) -> Place | None:
        """The first tick at or after a time of day, or the last there is."""
        for stretch in self._stretches:
            if stretch.signpost.last.wall >= wall:
                found = self._bisect(stretch, wall, lambda moment: moment.wall)
                if found is not None:
                    return found
        return self.last()

    def at_mono(self, chapter: int, mono: float) -> Place | None:
        """The first tick of a chapter at or after a time of its boot, else the first after it, else the last."""
        for stretch in self._stretches[self._index(chapter) :]:
            found = self._bisect(stretch, mono if stretch.number == chapter else 0.0, lambda moment: moment.mono)
            if found is not None:
                return found
        return self.last()

    def _bisect(self, stretch: Stretch, value: float, key: Callable[[Moment], float]) -> Place | None:
        """The first tick of a chapter at or after a value of its clock."""
        count = len(self._opened(stretch))
        index = bisect_left(range(count), value, key=lambda i: key(self.moment(Place(stretch.number, i))))
        return Place(stretch.number, index) if index < count else None

    def _index(self, number: int) -> int:
        """Where in the list the chapter of a number is, or the next after it."""
        return bisect_left(self._stretches, number, key=lambda stretch: stretch.number)

    def _count(self, stretch: Stretch) -> int:
        """The ticks of a chapter: what its signpost says, unless it was unpacked."""
        length, count = self._counts.get(stretch.number, (-1, 0))
        return count if length == stretch.length else stretch.signpost.ticks

    def _opened(self, stretch: Stretch) -> Chapter:
        number = stretch.number
        opened = self._open.get(number)
        if opened is None or opened.offset != stretch.offset or opened.fed > stretch.length:
            opened = _Opened(stretch.offset, Chapter(), 0)
        chapter = opened.chapter
        if opened.fed < stretch.length:
            fed = opened.fed

            def counted() -> Iterator[bytes]:
                nonlocal fed
                for piece in self._source.packed(stretch, fed):
                    fed += len(piece)
                    yield piece

            chapter.feed(counted())
            opened = opened._replace(fed=fed)
            self._counts[number] = stretch.length, len(chapter)
            self._judge(stretch, chapter)
        self._open[number] = opened
        self._open.move_to_end(number)
        while len(self._open) > 1 and (
            len(self._open) > _OPEN_AT_ONCE or sum(o.chapter.text_bytes for o in self._open.values()) > _BYTES_OPEN
        ):
            self._open.popitem(last=False)
        return chapter

    def _judge(self, stretch: Stretch, chapter: Chapter) -> None:
        damage = judge(stretch, chapter)
        if damage is None:
            self._found.pop(stretch.number, None)
        else:
            self._found[stretch.number] = damage

    def _first_header(self) -> Header | None:
        return next((header for stretch in self._stretches if (header := self._opened(stretch).header)), None)

    def _require_header(self) -> Header:
        if self._header is None:
            reasons = [damage.reason for damage in self.damage]
            raise RecordingError("no tick can be read" + (f": {reasons[0]}" if reasons else ": it is empty"))
        return self._header


def read_file(path: str, *, is_growing: bool = False) -> Recording:
    """The recording in a file.

    Raises:
        RecordingError: no tick in it can be read.
        OSError: it cannot be opened.
    """
    return Recording(StoredChapters(FileStorage(path), is_growing=is_growing), is_growing=is_growing)


def _of_tick(chapter: Chapter, place: Place, part: Callable[[int], _T]) -> _T | None:
    """What a chapter says of a tick; None where it has no such tick, or its line is damaged."""
    if not 0 <= place.ordinal < len(chapter):
        return None
    try:
        return part(place.ordinal)
    except LineError:
        return None
