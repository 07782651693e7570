"""/proc/zoneinfo: a block for each zone of each node. Since 2.6.13; zoneinfo_show() in mm/vmstat.c.

Only the per-CPU free lists are read: pages that are free, yet in no counter of /proc/meminfo.
"""

from __future__ import annotations

import re

from leaktop.model.sample import ParseError
from leaktop.parsers.lines import decode

_ZONE = re.compile(rb"^Node +[0-9]+, +zone ", re.MULTILINE)
# Nothing but a pageset prints a count with a colon, and a literal start keeps the scan of 500 KB short.
_COUNT = re.compile(rb" count: +([0-9]{1,20})\n")


def parse_pcp_pages(content: bytes) -> int:
    """Pages in the per-CPU free lists, summed over all CPUs and zones.

    Kernels before 2.6.25 keep a hot and a cold list for each CPU; both are in the sum.

    Raises:
        ParseError: these are no zones, or zones without a single pageset.
    """
    counts = _COUNT.findall(content)
    if not _ZONE.search(content):
        raise ParseError(f"not zoneinfo: {decode(content[:60])!r}" if content else "empty zoneinfo")
    if not counts:
        raise ParseError("zoneinfo without pagesets: the pages in per-CPU lists are not known")
    return sum(map(int, counts))
