"""One chapter unpacked: its lines, and the ticks that they hold. It may still be growing, or be damaged."""

from __future__ import annotations

import re
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from leaktop.model.sample import Event, RawSample, Tick
from leaktop.recording.lines import (
    STATE,
    Header,
    LineError,
    is_sealed,
    read_event,
    read_header,
    read_sample,
    times,
    unseal,
)
from leaktop.recording.zstd import DecompressionParameter, ZstdDecompressor, ZstdError

if TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST_LINE = 192 << 20
LARGEST_CHAPTER = 448 << 20
"""Bytes of text; no recorder of ours writes more, and a bomb must not fill memory."""
_WINDOW_LOG_MAX = 27
_PIECE = 1 << 20
_TICK = re.compile(rb'\{"tick":(\d{1,9}),')
_BODIES_KEPT = 8


class Chapter:
    """The lines of one zstd frame, as far as they came and could be read.

    Attributes:
        header: the session's; None where its line is lost.
        events: what happened, in order.
        fault: what is wrong with the chapter; None while nothing is.
        is_complete: the frame's end was seen, and its checksum fits.
        text_bytes: unpacked so far.
    """

    def __init__(self) -> None:
        self.header: Header | None = None
        self.events: list[Event] = []
        self.fault: str | None = None
        self.is_complete = False
        self.text_bytes = 0
        self._unpacker = ZstdDecompressor(options={DecompressionParameter.window_log_max: _WINDOW_LOG_MAX})
        self._partial: list[bytes] = []
        self._partial_bytes = 0
        self._states: dict[int, bytes] = {}
        self._ticks: list[tuple[int, int, bytes]] = []
        """Session within the frame, ordinal, line."""
        self._places: dict[tuple[int, int], int] = {}
        self._session = 0
        self._bodies: OrderedDict[bytes, dict[str, Any]] = OrderedDict()
        self._texts: dict[tuple[int, str, int], bytes | None] = {}
        self._is_dubious = False

    def __len__(self) -> int:
        """How many ticks there are."""
        return len(self._ticks)

    @property
    def has_partial_line(self) -> bool:
        """Whether what came last is not whole yet, or never will be."""
        return self._partial_bytes > 0

    def feed(self, packed: bytes) -> None:
        """Take more of the frame's bytes; whatever they are, nothing is raised."""
        if self.fault is not None or self.is_complete:
            return
        lines: list[bytes] = []
        try:
            while True:
                text = self._unpacker.decompress(packed, _PIECE)
                packed = b""
                if text:
                    self._split(text, lines)
                if self._unpacker.eof or (self._unpacker.needs_input and not text) or self.fault:
                    break
        except (ZstdError, ValueError, EOFError):
            self.fault = "its compressed data is damaged"
        self.is_complete = self._unpacker.eof and self.fault is None
        if self.fault is None and self.is_complete and self._partial_bytes:
            self.fault = "its last line is cut"
        for line in lines:
            self._take(line)
        if self.fault is not None:
            self._keep_sealed()

    def tick(self, index: int) -> Tick:
        """One tick by its place in the chapter.

        Raises:
            LineError: its line is damaged.
        """
        session, ordinal, line = self._ticks[index]
        body = self._body(line)
        mono, wall = times(body)
        return Tick(mono, wall, self._samples(body.get("samples"), session, ordinal, mono, wall))

    def moment(self, index: int) -> tuple[float, float]:
        """When a tick was: mono, wall.

        Raises:
            LineError: its line is damaged.
        """
        return times(self._body(self._ticks[index][2]))

    def state(self, index: int) -> Tick:
        """The newest sample of every probe at a tick, however long ago each was read.

        Raises:
            LineError: the tick's own line is damaged.
        """
        mono, wall = self.moment(index)
        found: dict[str, RawSample] = {}
        session = self._ticks[index][0]
        first = index
        while first > 0 and self._ticks[first - 1][0] == session:
            first -= 1
        carried = self._state_body(session)
        wanted = {p.name for p in self.header.probes} if self.header else None
        for i in range(index, first - 1, -1):
            try:
                samples = self.tick(i).samples
            except LineError:
                continue
            for sample in samples:
                found.setdefault(sample.probe, sample)
            if wanted is not None and found.keys() >= wanted:
                break
        if carried is not None:
            state_mono, state_wall = times(carried)
            for sample in self._samples(carried.get("state"), session, STATE, state_mono, state_wall):
                found.setdefault(sample.probe, sample)
        return Tick(mono, wall, tuple(found.values()))

    def _samples(self, bodies: object, session: int, ordinal: int, mono: float, wall: float) -> tuple[RawSample, ...]:
        def text_of(probe: str, same: int) -> bytes | None:
            return self._text(session, probe, same) if same < ordinal else None

        given: Mapping[str, Any] = bodies if isinstance(bodies, dict) else {}
        return tuple(read_sample(probe, body, mono, wall, text_of) for probe, body in given.items())

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
                samples = None if place is None else self._body(self._ticks[place][2]).get("samples")
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
            body = self._bodies[line] = unseal(line)
            if len(self._bodies) > _BODIES_KEPT:
                self._bodies.popitem(last=False)
        return body

    def _split(self, text: bytes, lines: list[bytes]) -> None:
        self.text_bytes += len(text)
        *whole, rest = text.split(b"\n")
        if whole:
            lines.append(b"".join([*self._partial, whole[0]]))
            lines += whole[1:]
            self._partial, self._partial_bytes = [], 0
        if rest:
            self._partial.append(rest)
            self._partial_bytes += len(rest)
        if self._partial_bytes > LONGEST_LINE or self.text_bytes > LARGEST_CHAPTER:
            self.fault = "it unpacks to more than any recorder writes"
            self._partial, self._partial_bytes = [], 0

    def _take(self, line: bytes) -> None:
        found = _TICK.match(line)
        if found:
            self._add_tick(int(found[1]), line)
            return
        if not line.strip():
            return
        try:
            body = unseal(line)
            if "leaktop" in body:
                header = read_header(body)
                if self.header is not None:
                    self._session += 1  # somebody packed several chapters into one frame
                self.header = self.header or header
            elif "tick" in body:
                self._add_tick(len(self._ticks) if type(body["tick"]) is not int else body["tick"], line)
            elif "event" in body:
                self.events.append(read_event(body))
            elif "state" in body:
                self._states[self._session] = line
        except LineError as error:
            self._is_dubious = True
            if self.header is None and not self._ticks and "format" in str(error):
                self.fault = str(error)

    def _add_tick(self, ordinal: int, line: bytes) -> None:
        self._places[self._session, ordinal] = len(self._ticks)
        self._ticks.append((self._session, ordinal, line))

    def _keep_sealed(self) -> None:
        """Of a damaged frame, keep the lines whose own checksum says that they are whole."""
        kept = [entry for entry in self._ticks if is_sealed(entry[2])]
        self._ticks = kept
        self._places = {(session, ordinal): i for i, (session, ordinal, _) in enumerate(kept)}
        self._states = {session: line for session, line in self._states.items() if is_sealed(line)}
