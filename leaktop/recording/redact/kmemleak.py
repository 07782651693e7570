"""Redacts kmemleak's report, also out of a log: functions, sizes, pids and ages stay.

What objects hold is zeroed, checksums of it too: 32 bytes of a leaked buffer may be anybody's secret. A line of no
known format keeps its place but not its words.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from leaktop.recording.redact.sockets import escaped

if TYPE_CHECKING:
    from leaktop.recording.redact.fakes import Fakes, Words

_COMM = re.compile(rb'(  comm ")([\s\S]{0,90}?)(", pid -?[0-9]{1,10}, jiffies )')
"""A comm has 15 bytes and may hold newlines; in a log each line of it stands behind a time."""
_LOG_PREFIX = re.compile(rb".*?kmemleak: ")
_LINE_END = re.compile(rb"\n(?:\[[^\]\n]*\](?:\S* *\[[^\]\n]*\])? )?")
_HEADER = re.compile(rb"(unreferenced object(?: \(\w+\))? 0x)([0-9a-f]{1,16})( \(size [0-9]{1,20}\): *)")
_COMM_LINE = re.compile(
    rb'  comm "[^"\n]*", pid -?[0-9]{1,10}, jiffies [0-9]{1,20}(?: \(age -?[0-9]{1,12}\.[0-9]{3}s\))? *'
)
_HEX_DUMP = re.compile(rb"  hex dump \(first [0-9]+ bytes(?: on cpu [0-9]{1,6})?\): *")
_BACKTRACE = re.compile(rb"(  backtrace)(?: \(crc ([0-9a-f]{1,8})\))?(: *)")
_BYTES = re.compile(rb"    ((?:[0-9a-f]{2} )*[0-9a-f]{2})(  +)?([^\n]*)")
_HEX_DIGITS = re.compile(rb"[0-9a-f]")
_FRAME = re.compile(
    rb"    (?:(\[<)([0-9a-f]{1,16}|\(\w*\))(>\] ))?(?:0x([0-9a-f]{1,16})|([\w.$]+(?:\+0x[0-9a-f]+/0x[0-9a-f]+)?"
    rb"(?: (?!/)[\w./-]+\.[chS]:[0-9]+)?(?: \[[\w. -]+\])?)) *"
)


def redact_kmemleak(content: bytes, fakes: Fakes, words: Words) -> bytes:
    """The report with other commands and addresses, and nothing of what the objects hold."""
    whole = content[: content.rfind(b"\n") + 1]
    text = _COMM.sub(lambda found: found[1] + fakes.comm(_comm(found[2])) + found[3], whole)
    in_log = b"kmemleak: unreferenced object" in text
    lines = []
    for line in text.split(b"\n")[:-1]:
        bare = _LOG_PREFIX.sub(b"", line, count=1) if in_log else line
        is_logged = in_log and bare is not line and len(bare) < len(line)
        lines.append((b"kmemleak: " if is_logged else b"") + words.strip(_line(bare, fakes)))
    return b"\n".join([*lines, b""])


def _comm(printed: bytes) -> bytes:
    """The name, without what a log puts before each of its lines."""
    first, *more = _LINE_END.split(printed)
    return escaped(b"\n".join((first, *more)))


def _line(line: bytes, fakes: Fakes) -> bytes:
    if found := _HEADER.fullmatch(line):
        return found[1] + fakes.pointer(found[2]) + found[3]
    if _COMM_LINE.fullmatch(line) or _HEX_DUMP.fullmatch(line) or not line.strip():
        return line
    if found := _BACKTRACE.fullmatch(line):
        crc = b" (crc %b)" % (b"0" * len(found[2])) if found[2] else b""
        return found[1] + crc + found[3]
    if found := _BYTES.fullmatch(line):
        return b"    " + _HEX_DIGITS.sub(b"0", found[1]) + (found[2] or b"") + b"." * len(found[3])
    if found := _FRAME.fullmatch(line):
        opening, address, closing, bare, symbol = found.groups(default=b"")
        place = opening + (address if address[:1] == b"(" else fakes.pointer(address)) + closing if opening else b""
        return b"    " + place + (symbol or b"0x" + fakes.pointer(bare))
    indent = len(line) - len(line.lstrip(b" "))
    return line[:indent] + fakes.frame(line.strip())
