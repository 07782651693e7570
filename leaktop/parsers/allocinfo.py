"""/proc/allocinfo: bytes and calls of each allocating source line; allocinfo_show() in lib/alloc_tag.c, 6.10 to 7.2.

    allocinfo - version: 2.0
    #     <size>  <calls> <tag info>
           19200      100 drivers/leak.c:111 [leak] func:leak_more accurate:no

Kernels of 6.10-rc have no heading. Tags end with a space or not; 2.0 appends pairs of key and value. Most lines are
zero, and of the others most do not change from read to read: so a read is split first, and whoever keeps the lines of
the read before parses what differs.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from leaktop.model.records import AllocTag
from leaktop.model.sample import ParseError
from leaktop.parsers.lines import decode

if TYPE_CHECKING:
    from collections.abc import Iterable

UNUSED = b"           0        0 "
"""How a line begins that holds nothing: two figures that fill 12 and 8 columns."""
_HEADING = b"allocinfo - version"
_TAG = re.compile(
    r" *(-?[0-9]{1,20}) +([0-9]{1,20}) (\S(?:.*\S)?:[0-9]+)(?: \[([^\]]+)\])? func:([^\s]+)((?: +[\w-]+:\S*)*) *"
)


def split_allocinfo(content: bytes) -> list[bytes]:
    """The lines that are tags, in the kernel's order. A last line without its end is dropped.

    Raises:
        ParseError: the content is empty, or not allocinfo.
    """
    if not content:
        raise ParseError("empty allocinfo")
    lines = content.split(b"\n")
    lines.pop()
    first = 0
    while first < len(lines) and (lines[first].startswith((_HEADING, b"#")) or not lines[first]):
        first += 1
    if not content.startswith(_HEADING) and (first == len(lines) or parse_tag(lines[first]) is None):
        raise ParseError(f"not allocinfo: {decode(content[:60])!r}")
    return lines[first:]


def parse_tag(line: bytes) -> AllocTag | None:
    """The tag of one line; None where it is none."""
    found = _TAG.fullmatch(decode(line))
    if found is None:
        return None
    size, calls, location, module, function, pairs = found.groups()
    return AllocTag(location, module, function, int(size), int(calls), "accurate:no" not in pairs.split())


def parse_allocinfo(content: bytes) -> list[AllocTag]:
    """Every tag, in the order of first sight. One that is printed again is summed.

    An inline function of a header has an instance in each file that uses it, all under one name.

    Raises:
        ParseError: as split_allocinfo.
    """
    tags: dict[tuple[str, str | None, str], AllocTag] = {}
    for tag in map(parse_tag, split_allocinfo(content)):
        if tag is not None:
            before = tags.get(tag[:3])
            tags[tag[:3]] = tag if before is None else sum_tags((before, tag))
    return list(tags.values())


def sum_tags(tags: Iterable[AllocTag]) -> AllocTag:
    """Instances of one tag together; accurate where all are."""
    first, *others = tags
    return first._replace(
        bytes=first.bytes + sum(tag.bytes for tag in others),
        calls=first.calls + sum(tag.calls for tag in others),
        is_accurate=first.is_accurate and all(tag.is_accurate for tag in others),
    )
