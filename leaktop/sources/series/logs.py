"""A log that a shell loop appended: `date; cat /proc/meminfo; cat /proc/slabinfo`, again and again.

It is gone through twice: once to find where each dump lies, then, a capture at a time, to hand the dumps over.
"""

from __future__ import annotations

import errno
import os
import re
import tempfile
from collections import defaultdict
from dataclasses import dataclass, field, replace
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from leaktop.model.sample import Event, RawSample
from leaktop.sources.faults import explain
from leaktop.sources.machine import captured_machine
from leaktop.sources.probes import PROBES
from leaktop.sources.series.log_forms import FORMS, Form
from leaktop.sources.series.moments import LONGEST_LINE, time_of_line
from leaktop.sources.series.session import Capture, SeriesError, counted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import IO

    from leaktop.model.sample import Machine

_LONGEST = 1 << 16
"""Bytes of a line that are looked at; no kernel file has longer ones."""
_WHOLE = 0.97
"""The part of the usual lines that a dump at the end of the log has, where nothing but the last line's end is lost."""
_UNDATED = "there are no dates in the log; its captures are taken to be 1 s apart"
_UPTIME = re.compile(rb"([0-9]{1,8}\.[0-9]{2})(?: [0-9]{1,12}\.[0-9]{2})?")
"""What `cat /proc/uptime` prints, or its first field."""
_UNAME = re.compile(rb"Linux (\S{1,64}) [0-9]+\.[0-9]+\S* .*")
_PROBES = tuple(probe for probe in PROBES if probe.name != "sock_diag")


class _Dump(NamedTuple):
    """One kernel file, as it lies in the log."""

    form: Form
    offset: int
    length: int
    lines: int
    is_cut: bool


class _Uptime(float):
    """Seconds since the boot, where another line says a date."""


@dataclass(slots=True)
class _Block:
    """What belongs to one moment."""

    date: float | None = None
    dumps: dict[str, _Dump] = field(default_factory=dict)


def captures_of_log(log: IO[bytes], name: str, notes: list[str]) -> list[Capture]:
    """The captures in a log, in its order, not read yet.

    A line with a date and a time of day dates the dumps that follow it, or, where there is none in the log, an uptime;
    where the log begins with a dump and ends with a date, those before it. A dump of a file that the block has already
    begins another block. Without a date, blocks are taken to be 1 s apart, the last of them as old as the log.

    Args:
        log: the file, open as long as the captures are read.
        name: of the log, for people.
        notes: takes a sentence for whatever is not certain or was left out.

    Raises:
        SeriesError: there is no dump in it.
    """
    dumps: list[_Dump | float] = []
    uname = None
    for item in _items(log):
        if isinstance(item, bytes):
            uname = uname or item
        else:
            dumps.append(item)
    items, cut = _whole(_on_one_clock(dumps))
    if cut:
        notes.append(f"{name}: {counted(cut, 'dump')} cut short, left out")
    blocks = _blocks(items)
    if not blocks:
        raise SeriesError(f"{name}: there is no whole dump of a kernel file in it")
    dated = _dated(blocks, os.fstat(log.fileno()).st_mtime, name, notes)
    first = {probe: dump for block in reversed(blocks) for probe, dump in block.dumps.items()}
    machine, memory = _machine(log, first, uname), _memory(log, first)
    absent = {probe.name for probe in _PROBES} - first.keys()
    return [
        Capture(
            f"{name} #{number + 1}",
            wall,
            steady,
            machine,
            _PROBES,
            _reader(log, block, set() if number else absent),
            memory=memory,
            event=event,
        )
        for number, (block, wall, steady, event) in enumerate(_steady(dated))
    ]


def _items(log: IO[bytes]) -> Iterator[_Dump | float | bytes]:
    """Dumps, dates (seconds since the epoch), uptimes and the line of `uname -a`, in the order of the log."""
    form: Form | None = None
    first, begin, lines, offset = b"", 0, 0, 0
    while True:
        line = log.readline(_LONGEST)
        text = line.rstrip(b"\r\n")
        opened = None if form is not None and _continues(form, first, text) else _opening(text)
        if form is not None and (opened is not None or not form.line.fullmatch(text)):
            # A line without its end is where the log ends, in the midst of the dump as a rule.
            yield _Dump(form, begin, offset - begin, lines, is_cut=line != b"" and not line.endswith(b"\n"))
            form = None
        if not line:
            return
        if opened is not None:
            form, first, begin, lines = opened, text, offset, 0
        if form is not None:
            if not line.endswith(b"\n"):  # likewise; the line may be half a number, and is left out
                if lines:
                    yield _Dump(form, begin, offset - begin, lines, is_cut=True)
                form = None
            lines += 1
        elif _UNAME.fullmatch(text):
            yield text
        elif uptime := _UPTIME.fullmatch(text):
            yield _Uptime(uptime[1])
        elif 8 < len(text) <= LONGEST_LINE:
            date = time_of_line(text.decode("utf-8", "replace"))
            if date is not None:
                yield date
        offset += len(line)


def _opening(text: bytes) -> Form | None:
    return next((form for form in FORMS if form.opening.fullmatch(text)), None)


def _continues(form: Form, first: bytes, text: bytes) -> bool:
    """Whether a line goes on with the dump, rather than to begin another of its kind."""
    if not form.line.fullmatch(text):
        return False
    mine, its = form.identity.match(text), form.identity.match(first)
    return mine is None or its is None or mine[0] != its[0]


def _on_one_clock(items: list[_Dump | float]) -> list[_Dump | float]:
    """With dates alone where there is one; else with uptimes, if they rise."""
    uptimes = [item for item in items if isinstance(item, _Uptime)]
    is_dated = any(not isinstance(item, _Dump | _Uptime) for item in items)
    if is_dated or any(after < before for before, after in pairwise(uptimes)):
        return [item for item in items if not isinstance(item, _Uptime)]
    return items


def _whole(items: list[_Dump | float]) -> tuple[list[_Dump | float], int]:
    """Without dumps that were cut, by the end of the log or before it, and how many those were."""
    lengths: dict[str, list[int]] = defaultdict(list)
    for item in items:
        if isinstance(item, _Dump):
            lengths[item.form.probe].append(item.lines)
    usual = {probe: median(lines) for probe, lines in lengths.items()}
    whole = [
        item
        for item in items
        if not isinstance(item, _Dump)
        or item.lines >= usual[item.form.probe] * (_WHOLE if item.is_cut else item.form.least)
    ]
    return whole, len(items) - len(whole)


def _blocks(items: list[_Dump | float]) -> list[_Block]:
    """Dumps of one moment together."""
    is_trailing = len(items) > 1 and isinstance(items[0], _Dump) and not isinstance(items[-1], _Dump)
    blocks: list[_Block] = []
    pending: float | None = None
    for item in reversed(items) if is_trailing else items:
        if not isinstance(item, _Dump):
            pending = item
            continue
        is_later = pending is not None and (not blocks or pending != blocks[-1].date)
        if not blocks or is_later or item.form.probe in blocks[-1].dumps:
            blocks.append(_Block(pending))
        blocks[-1].dumps[item.form.probe] = item
        pending = None
    return blocks[::-1] if is_trailing else blocks


def _dated(blocks: list[_Block], age: float, name: str, notes: list[str]) -> list[tuple[_Block, float]]:
    """Every block with the time of day that it bears, or that follows from those around it."""
    first = next((number for number, block in enumerate(blocks) if block.date is not None), None)
    if first is None:
        if len(blocks) > 1:
            notes.append(f"{name}: {_UNDATED}")
        return [(block, age - (len(blocks) - 1 - number)) for number, block in enumerate(blocks)]
    newest = max(block.date for block in blocks if block.date is not None)
    if isinstance(newest, _Uptime):
        blocks = [replace(block, date=None if block.date is None else block.date + age - newest) for block in blocks]
    if first:
        notes.append(f"{name}: {counted(first, 'capture')} before the first date, left out")
    undated = sum(block.date is None for block in blocks[first:])
    if undated:
        notes.append(f"{name}: {counted(undated, 'capture')} without a date, taken to be 1 s after the one before")
    runs: list[tuple[float, list[_Block]]] = []
    for block in blocks[first:]:
        if block.date is not None and (not runs or block.date != runs[-1][0]):
            runs.append((block.date, [block]))
        else:
            runs[-1][1].append(block)
    found = []
    for (date, run), (after, _) in zip(runs, [*runs[1:], (float("inf"), [])], strict=True):
        # A loop that is faster than the seconds of its date: the captures of one second share it.
        step = 1.0 if any(block.date is None for block in run) else 1.0 / len(run)
        if date < after:
            step = min(step, (after - date) / len(run))
        found += [(block, date + number * step) for number, block in enumerate(run)]
    return found


def _steady(dated: list[tuple[_Block, float]]) -> Iterator[tuple[_Block, float, float, Event | None]]:
    """Each block, the time it bears, that time on a clock that nobody sets back, and what happened just before."""
    walls = [wall for _, wall in dated]
    step = median([b - a for a, b in pairwise(walls) if b > a] or [1.0])
    ahead, before = 0.0, float("-inf")
    event = None
    if len(dated) > 1 and all(block.date is None for block, _ in dated):
        event = Event(0.0, 0.0, "mark", _UNDATED)
    for block, wall in dated:
        behind = before - (wall + ahead)
        if behind >= 0:
            ahead += behind + step
            event = Event(0.0, 0.0, "clock", "the log's clock was set back", -(behind + step))
        before = wall + ahead
        yield block, wall, before, event
        event = None


def _machine(log: IO[bytes], dumps: dict[str, _Dump], uname: bytes | None) -> Machine:
    """What the log tells of the machine, read from a tree of its first dumps like any other captured tree."""
    with tempfile.TemporaryDirectory(prefix="leaktop-") as root:
        os.makedirs(os.path.join(root, "proc", "net"))
        for probe, dump in dumps.items():
            with open(os.path.join(root, "proc", probe), "wb") as file:
                file.write(_content(log, dump))
        if uname is not None:
            for name, content in (("uname", uname), ("hostname", uname.split()[1])):
                with open(os.path.join(root, name), "wb") as file:
                    file.write(content)
        return captured_machine(root)


def _memory(log: IO[bytes], dumps: dict[str, _Dump]) -> int | None:
    found = re.match(rb"MemTotal: *([0-9]+) kB", _content(log, dumps["meminfo"])) if "meminfo" in dumps else None
    return int(found[1]) if found else None


def _content(log: IO[bytes], dump: _Dump) -> bytes:
    return os.pread(log.fileno(), dump.length, dump.offset).replace(b"\r\n", b"\n")


def _reader(log: IO[bytes], block: _Block, absent: set[str]) -> Callable[[], list[RawSample]]:
    """Reads the dumps of one block; of probes that the log has nowhere, it says so."""

    def read() -> list[RawSample]:
        samples = [RawSample(probe, _content(log, dump), None, 0.0, 0.0) for probe, dump in block.dumps.items()]
        nothing = FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        return samples + [
            RawSample(probe.name, None, explain(probe, nothing, is_live=False), 0.0, 0.0)
            for probe in _PROBES
            if probe.name in absent
        ]

    return read
