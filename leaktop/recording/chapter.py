"""One chapter unpacked: its lines, and the ticks that they hold. It may still be growing, or be damaged."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, NamedTuple

from leaktop.model.sample import Event, RawSample, Tick
from leaktop.recording.blocks import Cutter
from leaktop.recording.layout import WINDOW_LOG_MAX, Moment
from leaktop.recording.lines import (
    LONGEST_LINE,
    STATE,
    FormatError,
    Header,
    LineError,
    parse,
    read_event,
    read_header,
    read_sample,
    times,
)
from leaktop.recording.sealing import is_sealed
from leaktop.zstd import DecompressionParameter, ZstdDecompressor, ZstdError

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping

LARGEST_CHAPTER = 448 << 20
"""Bytes of text; no recorder of ours writes more, and a bomb must not fill memory."""
_LINE_COST = 512
"""Bytes that a line takes in memory beside its text: a bomb may be made of short lines, too."""
_PIECE = 1 << 20
_TICK = re.compile(rb'\{"tick":(\d{1,9}),"mono":([-+.\de]{1,32}),"wall":([-+.\de]{1,32}),')
_NAME = re.compile(rb'"((?:[^"\\]{1,80}+|\\.){1,8}+)":\s*+\{\s*+"(?:text|same|fault|ms|at)"')
_BODIES_KEPT = 8
"""Lines that stay parsed, unless they are large."""
_BODY_BYTES_KEPT = 32 << 20


class _Line(NamedTuple):
    """A tick that is not parsed yet."""

    session: int
    """Within the frame, where somebody packed several chapters into one."""
    ordinal: int
    text: bytes


class Chapter:
    """The lines of one zstd frame, as far as they came and can be trusted.

    A line is trusted where the checksum of the whole frame is right, which it is once the frame is complete; before
    that, and without one, where its own is.

    Attributes:
        events: what happened, in order.
        fault: what is wrong with the chapter; None while nothing is.
        is_complete: the frame's end was seen, and its checksum fits.
        text_bytes: unpacked so far.
    """

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.fault: str | None = None
        self.is_complete = False
        self.text_bytes = 0
        self._unpacker: ZstdDecompressor | None = ZstdDecompressor(
            options={DecompressionParameter.window_log_max: WINDOW_LOG_MAX}
        )
        self._cutter = Cutter()
        self._lines = 0
        self._partial: list[bytes] = []
        self._partial_bytes = 0
        self._headers: dict[int, Header] = {}
        self._states: dict[int, bytes] = {}
        self._ticks: list[_Line] = []
        self._places: dict[tuple[int, int], int] = {}
        self._session = 0
        self._mentions: dict[bytes, list[int]] = {}
        """By probe, the ticks that hold a sample of it."""
        self._indexed = 0
        self._bodies: OrderedDict[bytes, dict[str, Any]] = OrderedDict()
        self._texts: dict[tuple[int, str, int], bytes | None] = {}

    def __len__(self) -> int:
        """How many ticks there are."""
        return len(self._ticks)

    @property
    def header(self) -> Header | None:
        """The session; None where its line is lost."""
        return next(iter(self._headers.values()), None)

    def header_at(self, index: int) -> Header | None:
        """The session that a tick belongs to."""
        session = self._ticks[index].session
        return next((header for begun, header in reversed(self._headers.items()) if begun <= session), None)

    def feed(self, pieces: Iterable[bytes]) -> None:
        """Take more of the frame's bytes; whatever they are, nothing is raised."""
        lines: list[bytes] = []
        for piece in pieces:
            for block in self._cutter.cut(piece):
                if self._unpacker is None:
                    break
                self._unpack(self._unpacker, block, lines)
        is_vouched_for = self.is_complete and self._cutter.is_checksummed
        for line in lines:
            try:
                if not is_vouched_for and not is_sealed(line):
                    raise LineError("a line in it is damaged")
                self._take(line)
            except FormatError as error:  # what the lines after this header mean is not known
                self._give_up(str(error))
                return
            except LineError as error:
                self._lose(str(error))

    def lines(self) -> list[bytes]:
        """The lines of its ticks, as they were written."""
        return [line.text for line in self._ticks]

    def tick(self, index: int) -> Tick:
        """One tick by its place in the chapter.

        Raises:
            LineError: its line is damaged.
        """
        session, ordinal, line = self._ticks[index]
        body = self._body(line)
        mono, wall = times(body)
        return Tick(mono, wall, self._samples(body.get("samples"), session, ordinal, mono, wall))

    def moment(self, index: int) -> Moment:
        """When a tick was.

        Raises:
            LineError: its line is damaged.
        """
        line = self._ticks[index].text
        found = _TICK.match(line)
        try:
            body = {"mono": float(found[2]), "wall": float(found[3])} if found else self._body(line)
        except ValueError as error:
            raise LineError("it has no time") from error
        return Moment(*times(body))

    def state(self, index: int) -> Tick:
        """The newest sample of every probe at a tick, however long ago each was read.

        Raises:
            LineError: the tick's own line is damaged.
        """
        mono, wall = self.moment(index)
        session = self._ticks[index].session
        found: dict[str, RawSample] = {}
        for line in self._newest_lines(index):
            try:
                body = self._body(line.text)
                samples = self._samples(body.get("samples"), session, line.ordinal, *times(body), but=found)
            except LineError:
                continue
            found.update((sample.probe, sample) for sample in samples)
        carried = self._state_body(session)
        if carried is not None:
            samples = self._samples(carried.get("state"), session, STATE, *times(carried), but=found)
            found.update((sample.probe, sample) for sample in samples)
        return Tick(mono, wall, tuple(found.values()))

    def _newest_lines(self, index: int) -> list[_Line]:
        """The lines that hold the newest sample of a probe at a tick, the newest first; others need not be parsed."""
        for i in range(self._indexed, index + 1):
            for name in _NAME.findall(self._ticks[i].text):
                self._mentions.setdefault(name, []).append(i)
        self._indexed = max(self._indexed, index + 1)
        session = self._ticks[index].session
        newest = {index} | {given[bisect_right(given, index) - 1] for given in self._mentions.values()}
        return [
            self._ticks[i] for i in sorted(newest, reverse=True) if i <= index and self._ticks[i].session == session
        ]

    def _samples(
        self, bodies: object, session: int, ordinal: int, mono: float, wall: float, but: Container[str] = ()
    ) -> tuple[RawSample, ...]:
        """The samples that a line holds, but those of some probes."""

        def text_of(probe: str, same: int) -> bytes | None:
            return self._text(session, probe, same) if same < ordinal else None

        given: Mapping[str, Any] = bodies if isinstance(bodies, dict) else {}
        return tuple(read_sample(p, body, mono, wall, text_of) for p, body in given.items() if p not in but)

    def _text(self, session: int, probe: str, ordinal: int) -> bytes | None:
        key = session, probe, ordinal
        if key not in self._texts:
            self._texts[key] = self._find_text(session, probe, ordinal)
        return self._texts[key]

    def _find_text(self, session: int, probe: str, ordinal: int) -> bytes | None:
        try:
            if ordinal == STATE:
                samples = (self._state_body(session) or {}).get("state")
            else:
                place = self._places.get((session, ordinal))
                samples = None if place is None else self._body(self._ticks[place].text).get("samples")
        except LineError:
            return None
        body = samples.get(probe) if isinstance(samples, dict) else None
        return read_sample(probe, body, 0.0, 0.0, lambda *_: None).content

    def _state_body(self, session: int) -> dict[str, Any] | None:
        line = self._states.get(session)
        try:
            body = None if line is None else self._body(line)
            if body is not None:
                times(body)
        except LineError:
            return None
        return body

    def _body(self, line: bytes) -> dict[str, Any]:
        body = self._bodies.get(line)
        if body is None:
            body = self._bodies[line] = parse(line)
            while len(self._bodies) > 1 and (
                len(self._bodies) > _BODIES_KEPT or sum(map(len, self._bodies)) > _BODY_BYTES_KEPT
            ):
                self._bodies.popitem(last=False)
        return body

    def _unpack(self, unpacker: ZstdDecompressor, packed: bytes, lines: list[bytes]) -> None:
        try:
            while True:
                text = unpacker.decompress(packed, _PIECE)
                packed = b""
                if text:
                    self._split(text, lines)
                if self._unpacker is None or (unpacker.needs_input and not text):
                    return
                if unpacker.eof:
                    break
        except (ZstdError, ValueError, EOFError):
            self._give_up("its compressed data is damaged")
            return
        self._unpacker = None
        self.is_complete = True
        if self._partial:
            lines.append(b"".join(self._partial))

    def _split(self, text: bytes, lines: list[bytes]) -> None:
        self.text_bytes += len(text)
        *whole, rest = text.split(b"\n")
        self._lines += len(whole)
        if whole:
            whole[0] = b"".join([*self._partial, whole[0]])
            lines += filter(None, whole)
            self._partial, self._partial_bytes = [], 0
        if rest:
            self._partial.append(rest)
            self._partial_bytes += len(rest)
        if self._partial_bytes > LONGEST_LINE or self.text_bytes + self._lines * _LINE_COST > LARGEST_CHAPTER:
            self._give_up("it unpacks to more than any recorder writes")

    def _give_up(self, reason: str) -> None:
        """Unpack no further; the window and what is left over need not stay in memory."""
        self.fault = reason
        self._unpacker = None
        self._partial, self._partial_bytes = [], 0

    def _lose(self, reason: str) -> None:
        """Note a damaged line. What it was is not known, so that nothing after it may refer to what stood before it."""
        self.fault = self.fault or reason
        self._session += 1

    def _take(self, line: bytes) -> None:
        found = _TICK.match(line)
        if found:
            self._add_tick(int(found[1]), line)
            return
        body = parse(line)
        if "leaktop" in body:
            self._add_header(read_header(body))
        elif "tick" in body:
            ordinal = body["tick"]
            if type(ordinal) is not int:
                raise LineError("a tick in it has no number")
            self._add_tick(ordinal, line)
        elif "event" in body:
            self.events.append(read_event(body))
        elif "state" in body:
            self._states[self._session] = line

    def _add_header(self, header: Header) -> None:
        self._session += 1
        self._headers[self._session] = header

    def _add_tick(self, ordinal: int, line: bytes) -> None:
        last = self._ticks[-1] if self._ticks else None
        if last is not None and last.session == self._session and ordinal <= last.ordinal:
            self._session += 1  # of another chapter, whose header somebody took out
        self._places[self._session, ordinal] = len(self._ticks)
        self._ticks.append(_Line(self._session, ordinal, line))
