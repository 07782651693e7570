"""/sys/kernel/mm/hugepages/hugepages-SIZEkB/*: one directory a page size, since 2.6.27; mm/hugetlb.c.

The files travel as `grep -r .` prints them, with or without the directory's own path in front:
"hugepages-2048kB/nr_hugepages:5". Counts are in huge pages; nr_hugepages includes the surplus.
"""

from __future__ import annotations

import re

from leaktop.model.records import HugePagePool
from leaktop.model.sample import ParseError
from leaktop.parsers.lines import decode

_LINE = re.compile(
    rb"^(?:[^\n]*/)?hugepages-([0-9]{1,16})kB/(nr|free|resv|surplus)_hugepages:([0-9]{1,20})\n",
    re.MULTILINE,
)


def parse_hugepages(content: bytes) -> tuple[HugePagePool, ...]:
    """The pools, smallest page first; sizes in bytes, a count that was not readable is None.

    No content is no pools: a kernel may know no huge page size on this machine.

    Raises:
        ParseError: there is content, and not one line of it is a count of huge pages.
    """
    pools: dict[int, dict[bytes, int]] = {}
    for size, name, count in _LINE.findall(content):
        pools.setdefault(int(size) * 1024, {})[name] = int(count)
    if content and not pools:
        raise ParseError(f"no counts of huge pages: {decode(content[:60])!r}")
    return tuple(
        HugePagePool(size, pool.get(b"nr"), pool.get(b"free"), pool.get(b"resv"), pool.get(b"surplus"))
        for size, pool in sorted(pools.items())
    )
