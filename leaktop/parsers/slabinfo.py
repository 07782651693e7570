"""/proc/slabinfo 2.0 and 2.1, plain or with "(statistics)"; cache_show() and slabinfo_show() in mm/slab*.c.

    name active_objs num_objs objsize objperslab pagesperslab : tunables a b c : slabdata active num shared

SLAB kernels with statistics append " : globalstat ..." and " : cpustat ...". Names may hold spaces, and repeat.
"""

from __future__ import annotations

import re
from functools import lru_cache

from leaktop.model.records import SlabCache
from leaktop.model.sample import ParseError
from leaktop.parsers.lines import decode

_NUMBER = r" ++([0-9]{1,20}+)"
# The name is what the five numbers before the anchor leave over, so it may end in a number itself.
_CACHE = re.compile(
    rf"(.{{1,250}}?){_NUMBER * 5} : tunables(?: ++[0-9]++){{3}} : slabdata{_NUMBER * 2} ++[0-9]++(?: .*+)?+"
)
_HEADING = "slabinfo - version: 2."


def parse_slabinfo(content: bytes) -> list[SlabCache]:
    """The caches in the kernel's order, duplicates kept; objsize in bytes.

    A last line without its end is dropped. Lines without the heading are taken too, as `grep` or a read that began in
    the middle leaves them.

    Raises:
        ParseError: the content is empty, as in some containers, or not slabinfo 2.x.
    """
    if not content:
        raise ParseError("empty slabinfo")
    text = decode(content)
    lines = text.split("\n")[:-1]
    caches = [cache for line in lines if (cache := _parse_line(line)) is not None]
    if not caches and not text.startswith(_HEADING):
        raise ParseError(f"not slabinfo 2.x: {text[:60]!r}")
    return caches


@lru_cache(maxsize=1 << 13)
def _parse_line(line: str) -> SlabCache | None:
    # From one second to the next nine lines of ten stay the same.
    found = _CACHE.fullmatch(line)
    if found is None:
        return None
    name, *numbers = found.groups()
    return SlabCache(name, *map(int, numbers))
