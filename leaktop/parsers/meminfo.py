"""/proc/meminfo: `Name:   123 kB`, one a line. All versions; meminfo_proc_show() in fs/proc/meminfo.c.

Vendors add lines anywhere, one line has no space after its colon (ShadowCallStack), and columns vary in width.
"""

from __future__ import annotations

import re

from leaktop.model.records import Meminfo
from leaktop.model.sample import ParseError
from leaktop.parsers.lines import decode

_LINE = re.compile(r"^([^\s:]{1,80}): *([0-9]{1,20})( kB)?\n", re.MULTILINE)

_NAMES = """
    MemTotal MemFree MemAvailable Buffers Cached SwapCached Active Inactive Active(anon) Inactive(anon)
    Active(file) Inactive(file) Unevictable Mlocked HighTotal HighFree LowTotal LowFree MmapCopy SwapTotal
    SwapFree Zswap Zswapped Dirty Writeback AnonPages Mapped Shmem KReclaimable Slab SReclaimable
    SUnreclaim KernelStack ShadowCallStack PageTables SecPageTables Quicklists NFS_Unstable Bounce
    WritebackTmp CommitLimit Committed_AS VmallocTotal VmallocUsed VmallocChunk Percpu HardwareCorrupted
    EarlyMemtestBad AnonHugePages ShmemHugePages ShmemPmdMapped FileHugePages FilePmdMapped CmaTotal
    CmaFree Unaccepted Balloon GPUActive GPUReclaim HugePages_Total HugePages_Free HugePages_Rsvd
    HugePages_Surp Hugepagesize Hugetlb DirectMap4k DirectMap64k DirectMap1M DirectMap2M DirectMap4M
    DirectMap1G DirectMap2G
"""
KNOWN = frozenset(_NAMES.split())
"""The lines of mainline kernels up to 7.2, whatever the architecture."""


def parse_meminfo(content: bytes) -> Meminfo:
    """Every line that is whole, in the kernel's order: amounts in bytes, counts as printed.

    A name printed twice counts once, with its last value. Lines that are no `Name: number` are skipped.

    Raises:
        ParseError: there is no MemTotal, so this is not meminfo, or only its first bytes.
    """
    found = {name: (int(number), unit) for name, number, unit in _LINE.findall(decode(content))}
    amounts = {name: number * 1024 for name, (number, unit) in found.items() if unit}
    if "MemTotal" not in amounts:
        raise ParseError(f"meminfo without a MemTotal line: {decode(content[:60])!r}")
    counts = {name: number for name, (number, unit) in found.items() if not unit}
    return Meminfo(amounts, counts)


def unclassified(meminfo: Meminfo) -> tuple[str, ...]:
    """The names that no mainline kernel prints: memory that a vendor counts, which no formula here places."""
    return tuple(name for name in (*meminfo.amounts, *meminfo.counts) if name not in KNOWN)
