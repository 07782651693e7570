"""/proc/vmstat: `name value`, one a line. All versions since 2.6; vmstat_show() in mm/vmstat.c.

The names differ between versions and the units between names; both are the reader's business.
"""

from __future__ import annotations

import re

from leaktop.model.sample import ParseError
from leaktop.parsers.lines import decode

_LINE = re.compile(r"^(\S{1,80}) ([0-9]{1,20})\n", re.MULTILINE)


def parse_vmstat(content: bytes) -> dict[str, int]:
    """Counter names to values, in the kernel's order. Lines that are no `name value` are skipped.

    Raises:
        ParseError: there is not one whole `name value` line.
    """
    counters = {name: int(value) for name, value in _LINE.findall(decode(content))}
    if not counters:
        raise ParseError(f"not one counter of vmstat: {decode(content[:60])!r}" if content else "empty vmstat")
    return counters
