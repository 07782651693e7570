"""Who allocated the objects of a slab cache, as SLUB's user tracking prints it.

    100 leak_more+0x3c/0x80 [leak] waste=800/8 age=170/170/171 pid=78-90 cpus=0 nodes=0
            leak_more+0x3c/0x80 [leak]
            ctl_write+0x63/0xa0 [leak]

alloc_traces of debugfs (slab_debugfs_show() in mm/slub.c, 5.14 to 7.2) has such a record for each stack, most objects
first; alloc_calls of sysfs (list_locations(), up to 5.13) only the first line, unsorted, and is cut at a page.
"""

from __future__ import annotations

import re

from leaktop.model.records import SlabTrace
from leaktop.model.sample import ParseError
from leaktop.parsers.lines import decode

_HEAD = re.compile(
    r" *([0-9]{1,20}) (<not-available>|\S+(?: \[[^\]]+\])?)(?: waste=([0-9]{1,20})/[0-9]+)?"
    r"(?: age=(-?[0-9]{1,20})(?:/-?[0-9]+/(-?[0-9]{1,20}))?)?(?: pid=(-?[0-9]{1,10})(?:-(-?[0-9]{1,10}))?)?"
    r"(?: (?:cpus|nodes)=\S+)* *"
)
_FRAME = re.compile(r"\s{8}\s*(\S.*)")
_UNTRACKED = "<not-available>"


def parse_alloc_traces(content: bytes) -> list[SlabTrace]:
    """Objects by stack, or by caller, in the kernel's order; none of a cache without objects.

    A last line without its end is dropped, and what is in no known form is skipped.

    Raises:
        ParseError: there is something, and nothing of it is a record.
    """
    traces: list[SlabTrace] = []
    frames: list[str] = []
    lines = decode(content).split("\n")[:-1]
    for line in lines:
        if frame := _FRAME.fullmatch(line):
            frames.append(frame[1].rstrip())
        elif head := _HEAD.fullmatch(line):
            _end(traces, frames)
            frames = []
            traces.append(_trace(head))
    _end(traces, frames)
    if not traces and content.strip() not in {b"", b"No data"}:
        raise ParseError(f"no record of who allocates: {decode(content[:60])!r}")
    return traces


def _trace(head: re.Match[str]) -> SlabTrace:
    count, caller, waste, youngest, oldest, low, high = head.groups()
    is_tracked = caller != _UNTRACKED  # else the age counts from the kernel's first jiffy, and says nothing
    has_age = is_tracked and youngest is not None
    return SlabTrace(
        int(count),
        (caller,) if is_tracked else (),
        int(youngest) if has_age else None,
        int(oldest or youngest) if has_age else None,
        None if low is None or not is_tracked else (int(low), int(high or low)),
        None if waste is None else int(waste),
    )


def _end(traces: list[SlabTrace], frames: list[str]) -> None:
    """Give the last record the stack that was printed below it."""
    if traces and frames:
        traces[-1] = traces[-1]._replace(stack=tuple(frames))
