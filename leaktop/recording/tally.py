"""What a recording holds, counted over all its ticks without parsing their texts.

Inside a JSON string every quote stands behind a backslash, so that `":{"text":"` and `","ms":` can only be the
recorder's own. Lines of any other hand are parsed.
"""

from __future__ import annotations

import json
import re
from array import array
from typing import TYPE_CHECKING, NamedTuple

from leaktop.recording.layout import Moment
from leaktop.recording.lines import LineError

if TYPE_CHECKING:
    from leaktop.recording.chapter import Chapter
    from leaktop.recording.reader import Recording

_HEAD = re.compile(rb'\{"tick":([0-9]{1,9}),"mono":([-+.0-9e]{1,32}),"wall":([-+.0-9e]{1,32}),"samples":\{')
_SAMPLE = re.compile(rb'[{,]"([^"\\]*+)":\{"(?:(text)":"|(fault)":\{|same":(-?[0-9]{1,9}))')
_COST = re.compile(rb'"ms":([-+.0-9e]{1,32})')
_END = b'","ms":'


class Counted(NamedTuple):
    """What one read of a probe gave."""

    probe: str
    bytes: int | None
    """None: there was a fault instead."""
    ms: float


class ProbeTally:
    """The reads of one probe."""

    def __init__(self) -> None:
        self.samples = self.faults = self.bytes = 0
        self.costs = array("d")
        """Milliseconds, one a read."""

    def take(self, read: Counted) -> None:
        """Count one read."""
        self.samples += 1
        self.costs.append(read.ms)
        if read.bytes is None:
            self.faults += 1
        else:
            self.bytes += read.bytes


class Tally:
    """All that can be read of a recording.

    Attributes:
        ticks: how many there are.
        seconds: from the first tick of each boot to its last, summed.
        probes: the reads of each.
        first: the first tick; None where there is none.
        last: likewise.
    """

    def __init__(self) -> None:
        self.ticks = 0
        self.seconds = 0.0
        self.probes: dict[str, ProbeTally] = {}
        self.first: Moment | None = None
        self.last: Moment | None = None
        self._boot: str | None = None

    def chapter(self, chapter: Chapter) -> None:
        """Count the ticks of one chapter."""
        sizes = _Sizes(chapter)
        for index, line in enumerate(chapter.lines()):
            try:
                reads = _scan(line, sizes) or _parse(chapter, index)
                moment = Moment(*chapter.moment(index))
            except LineError:
                continue
            header = chapter.header_at(index)
            self._pass(moment, header.machine.boot_id if header else self._boot)
            for read in reads:
                self.probes.setdefault(read.probe, ProbeTally()).take(read)

    def _pass(self, moment: Moment, boot: str | None) -> None:
        if self.last is not None and boot == self._boot and moment.mono >= self.last.mono:
            self.seconds += moment.mono - self.last.mono
        self._boot = boot
        self.first = self.first or moment
        self.last = moment
        self.ticks += 1


def tally(recording: Recording) -> Tally:
    """Count a recording; afterwards its `damage` is all that there is."""
    found = Tally()
    for stretch in recording.stretches:
        found.chapter(recording.chapter(stretch.number))
    return found


class _Sizes:
    """How long the texts are that later ticks of a chapter refer to."""

    def __init__(self, chapter: Chapter) -> None:
        self._chapter = chapter
        self._known: dict[tuple[bytes, int], int] = {}
        self._carried: dict[str, int] | None = None

    def keep(self, probe: bytes, ordinal: int, size: int) -> None:
        """Note the text that a tick gave."""
        self._known[probe, ordinal] = size

    def find(self, probe: bytes, ordinal: int) -> int | None:
        """Bytes of the text that a tick gave, or the state before the first; None where it is lost."""
        if ordinal >= 0:
            return self._known.get((probe, ordinal))
        if self._carried is None:
            samples = self._chapter.state(0).samples
            self._carried = {sample.probe: len(sample.content) for sample in samples if sample.content is not None}
        return self._carried.get(probe.decode("utf-8", "replace"))


def _scan(line: bytes, sizes: _Sizes) -> list[Counted] | None:
    """The reads of a line; None where the line has to be parsed."""
    head = _HEAD.match(line)
    if head is None:
        return None
    reads = []
    position = head.end() - 1
    while found := _SAMPLE.match(line, position):
        probe, text, fault, same = found.groups()
        size = None
        end = found.end()
        if text:
            end = line.find(_END, end)
            size = _length(line[found.end() : end])
            sizes.keep(probe, int(head[1]), size)
        elif not fault:
            size = sizes.find(probe, int(same))
        cost = _COST.search(line, end) if fault else _COST.match(line, end + 2 if text else end + 1)
        if end < 0 or cost is None:
            return None
        reads.append(Counted(probe.decode("utf-8", "replace"), size, float(cost[1])))
        position = line.find(b"}", cost.end()) + 1
    return reads if line.startswith(b"}", position) else None


def _parse(chapter: Chapter, index: int) -> list[Counted]:
    return [
        Counted(sample.probe, None if sample.content is None else len(sample.content), sample.cost * 1000)
        for sample in chapter.tick(index).samples
    ]


def _length(text: bytes) -> int:
    """Bytes of what a JSON string stands for."""
    if b"\\u" not in text and b"\\\\" not in text:
        return len(text) - text.count(b"\\")
    try:
        return len(json.loads(b'"%b"' % text).encode("utf-8", "surrogateescape"))
    except ValueError:
        return len(text)
