"""The `hist` file of a trace event whose hist trigger has the calling function as its key: how often each called.

hist_trigger_show() in kernel/trace/trace_events_hist.c, 4.7 and newer with CONFIG_HIST_TRIGGERS; with `.hex` the
address alone stands there, with `.sym` in brackets before the name. Every trigger of the event has a part of its own.

    # trigger info: hist:keys=call_site.hex:vals=hitcount:sort=hitcount:size=2048 if bytes_alloc == 64 [active]
    { call_site: ffffffffa00005ec } hitcount:        300
    Totals:
        Hits: 335
        Entries: 6
        Dropped: 0
"""

from __future__ import annotations

import re
from typing import NamedTuple

from leaktop.model.sample import ParseError
from leaktop.parsers.lines import decode

_CALLER = re.compile(r"^\{ call_site: +\[?([0-9a-f]{1,16})\b[^}\n]*\} hitcount: +([0-9]{1,20})", re.MULTILINE)
_DROPPED = re.compile(r"^    Dropped: ([0-9]{1,20})\n", re.MULTILINE)


class CallCounts(NamedTuple):
    """What a hist trigger has counted since it was set."""

    by_caller: dict[int, int]
    """Calls by the address that they return to."""
    dropped: int
    """Calls that the kernel's table had no room for."""


def parse_call_counts(content: bytes) -> CallCounts:
    """The counts of all parts together; an entry without its end is left out.

    Raises:
        ParseError: this is no `hist` file whose trigger has finished writing.
    """
    text = decode(content)
    dropped = _DROPPED.findall(text)
    if not dropped:
        raise ParseError("not the counts of a hist trigger: there are no totals")
    counts: dict[int, int] = {}
    for address, hits in _CALLER.findall(text):
        counts[int(address, 16)] = counts.get(int(address, 16), 0) + int(hits)
    return CallCounts(counts, sum(map(int, dropped)))
