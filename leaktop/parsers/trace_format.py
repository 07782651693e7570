"""The `format` file of a trace event, and of a page of the ring buffer: where each field lies in the bytes.

f_show() in kernel/trace/trace_events.c; ring_buffer_print_page_header() in kernel/trace/ring_buffer.c. Fields differ by
version, so nothing is taken for granted but the names.

    name: kmalloc
    ID: 557
    format:
            field:const void * ptr;	offset:16;	size:8;	signed:0;

    print fmt: "... gfp_flags=%s", ... {( unsigned long)(( gfp_t)((((1UL))) << (22))), "__GFP_ACCOUNT"} ...
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

from leaktop.model.sample import ParseError
from leaktop.parsers.lines import decode

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_FIELD = re.compile(
    r"^\s*field: ?[^;\n]*?(\w{1,100})(?:\[[^\];\n]*\])?;"
    r"\s*offset:([0-9]{1,6});\s*size:([0-9]{1,6});(?:\s*signed:([01]);)?",
    re.MULTILINE,
)
_NAME = re.compile(r"^name: (\S{1,200})$", re.MULTILINE)
_NUMBER = re.compile(r"^ID: ([0-9]{1,9})$", re.MULTILINE)
_FLAG = re.compile(r'\{([^{}"]{1,400}), "(_*GFP_\w{1,40})"\}')
_BIT = re.compile(r"1U?L?\)*\s*<<\s*\(*([0-9]{1,2})\)*")
_VALUE = re.compile(r"(?<!\w)(0x[0-9a-f]{1,16})u?l*", re.IGNORECASE)
_CODES = {1: "b", 2: "h", 4: "i", 8: "q"}

Extract = Callable[[bytes, int], tuple[int, ...]]
"""Takes the bytes and where the event begins in them; gives the fields in the order that they were asked for.

Raises struct.error where the bytes end before.
"""


class Field(NamedTuple):
    """Where a field lies; bytes from the start of the event."""

    offset: int
    size: int
    is_signed: bool


@dataclass(frozen=True, slots=True)
class EventFormat:
    """What an event looks like in the ring buffer."""

    name: str
    number: int
    """What the event's first field says, so that it can be told from others."""
    fields: Mapping[str, Field]
    flags: Mapping[str, int]
    """The values of __GFP_ names, where the event prints them: they differ by version."""

    def extractor(self, names: Sequence[str]) -> Extract:
        """A function that takes these fields out of the bytes of an event.

        Raises:
            ParseError: there is no such field, or it is no number.
        """
        wanted = sorted({name: self._number(name) for name in names}.items(), key=lambda item: item[1].offset)
        code, position = "=", 0
        for name, field in wanted:
            if field.offset < position:
                raise ParseError(f"{self.name}: {name} lies in another field")
            letter = _CODES[field.size]
            code += f"{field.offset - position}x{letter if field.is_signed else letter.upper()}"
            position = field.offset + field.size
        unpack = struct.Struct(code).unpack_from
        order = [[name for name, _ in wanted].index(name) for name in names]
        if order == list(range(len(wanted))):
            return unpack
        if len(order) == 1:
            return unpack
        pick = itemgetter(*order)
        return lambda content, at: pick(unpack(content, at))

    def _number(self, name: str) -> Field:
        field = self.fields.get(name)
        if field is None or field.size not in _CODES:
            raise ParseError(f"{self.name} has no field {name}")
        return field


def parse_event_format(content: bytes) -> EventFormat:
    """One event's format.

    Raises:
        ParseError: it has no name, no number or no fields.
    """
    text = decode(content)
    name, number, fields = _NAME.search(text), _NUMBER.search(text), _fields(text)
    if name is None or number is None or not fields:
        raise ParseError(f"not the format of a trace event: {text[:60]!r}")
    return EventFormat(name[1], int(number[1]), fields, _flags(text))


class PageLayout(NamedTuple):
    """How a page of the ring buffer begins; bytes."""

    commit_size: int
    """Of the field behind the 8 bytes of time: a long of the kernel's, 4 or 8."""
    start: int
    """Where the events begin."""


def parse_page_layout(content: bytes) -> PageLayout:
    """The events/header_page of tracefs.

    Raises:
        ParseError: it is none.
    """
    fields = _fields(decode(content))
    commit, start = fields.get("commit"), fields.get("data")
    if commit is None or start is None or commit.offset != 8 or commit.size not in {4, 8} or start.offset < 12:
        raise ParseError(f"not the header of a page of the ring buffer: {decode(content[:60])!r}")
    return PageLayout(commit.size, start.offset)


def _fields(text: str) -> dict[str, Field]:
    return {
        name: Field(int(offset), int(size), signed == "1")
        for name, offset, size, signed in _FIELD.findall(text)
    }  # fmt: skip


def _flags(text: str) -> dict[str, int]:
    """Values that are one bit or one number; combinations are left out, and so are bits that have only a name."""
    flags: dict[str, int] = {}
    for expression, name in _FLAG.findall(text):
        bits, values = _BIT.findall(expression), _VALUE.findall(expression)
        if len(bits) == 1 and not values:
            flags[name] = 1 << int(bits[0])
        elif len(values) == 1 and not bits:
            flags[name] = int(values[0], 16)
    return flags
