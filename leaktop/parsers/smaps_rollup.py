"""/proc/PID/smaps_rollup: the memory of one process, summed over its mappings (4.14+, fs/proc/task_mmu.c)."""

from __future__ import annotations

import re

from leaktop.model.sample import ParseError
from leaktop.parsers.lines import decode

_LINE = re.compile(r"(\w{1,64}):[ \t]+(\d{1,20}) kB[ \t]*")


def parse_smaps_rollup(content: bytes) -> dict[str, int]:
    """Every amount by the kernel's name (Rss, Pss, Pss_Anon, Private_Dirty, Swap, SwapPss, ...), in bytes.

    Raises:
        ParseError: this is not a roll-up; a process without memory (a kernel thread) gives an empty file.
    """
    header, *lines = decode(content).split("\n")
    if not header.endswith("[rollup]"):
        raise ParseError(f"not a smaps_rollup: {header[:60]!r}")
    amounts = {found[1]: int(found[2]) * 1024 for line in lines if (found := _LINE.fullmatch(line))}
    if "Rss" not in amounts:
        raise ParseError("smaps_rollup without an Rss line")
    return amounts
