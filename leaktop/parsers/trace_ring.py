"""per_cpu/cpuN/trace_pipe_raw: a page of a CPU's ring buffer, events with their times; include/linux/ring_buffer.h.

Binary, since the text of a stack costs the kernel a look-up for each of its frames, a hundred times as much.

    u64 time of the page, in ns; long commit: bytes of events, and what was lost before them; then events of
    u32 header (type_len: 5 bits, time_delta: 27 bits), u32 array[]

type_len 1..28: the event has so many words; 0: array[0] tells the bytes, itself among them; 29: padding; 30: array[0]
are higher bits of time_delta; 31: the two are a time. Which bits come first is as on this machine.
"""

from __future__ import annotations

import struct
import sys
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from leaktop.parsers.trace_format import PageLayout

_PADDING, _TIME_EXTEND, _TIME_STAMP = 29, 30, 31
_COMMIT_BITS = (1 << 27) - 1
_MISSED_EVENTS, _MISSED_STORED = 1 << 31, 1 << 30
_TIME_BITS = 27
_STAMP_BITS = _TIME_BITS + 32
"""Of an absolute time; the higher ones are those of the page."""


class RingPage(NamedTuple):
    """What one read gave."""

    events: list[tuple[int, int, int]]
    """Of each event: its time in ns, where it begins in the page, and its bytes."""
    missed: int | None
    """Events that were overwritten before this page was read; None: some were, nobody knows how many."""


def parse_ring_page(page: bytes, layout: PageLayout) -> RingPage:
    """The events of a page, oldest first. What is behind a header that cannot be is left out."""
    if len(page) < layout.start:
        return RingPage([], 0)
    now: int = _LONG[8].unpack_from(page, 0)[0]
    commit: int = _LONG[layout.commit_size].unpack_from(page, 8)[0]
    end = min(layout.start + (commit & _COMMIT_BITS), len(page))
    events: list[tuple[int, int, int]] = []
    at, word = layout.start, _WORD.unpack_from
    while at + 4 <= end:
        header = word(page, at)[0]
        kind, delta = (header & 31, header >> 5) if _IS_LITTLE else (header >> 27, header & ((1 << 27) - 1))
        at += 4
        if 0 < kind < _PADDING:
            length = kind * 4
            now += delta
            if at + length > end:
                break
            events.append((now, at, length))
            at += length
            continue
        if at + 4 > end:
            break
        extra: int = word(page, at)[0]
        if kind == _TIME_EXTEND:
            now += delta + (extra << _TIME_BITS)
            at += 4
        elif kind == _TIME_STAMP:
            stamp = (now >> _STAMP_BITS << _STAMP_BITS) | delta | (extra << _TIME_BITS)
            now = stamp if stamp >= now else stamp + (1 << _STAMP_BITS)
            at += 4
        elif extra < 4 or at + extra > end or (kind == _PADDING and delta == 0):
            break  # the rest of the page is unused
        else:
            now += delta
            if kind != _PADDING:
                events.append((now, at + 4, extra - 4))
            at += (extra + 3) & ~3
    return RingPage(events, _missed(page, layout, commit))


def _missed(page: bytes, layout: PageLayout, commit: int) -> int | None:
    if not commit & _MISSED_EVENTS:
        return 0
    at = layout.start + (commit & _COMMIT_BITS)
    if commit & _MISSED_STORED and at + layout.commit_size <= len(page):
        stored: int = _LONG[layout.commit_size].unpack_from(page, at)[0]
        return stored
    return None


_IS_LITTLE = sys.byteorder == "little"
_WORD = struct.Struct("=I")
_LONG = {4: struct.Struct("=I"), 8: struct.Struct("=Q")}
