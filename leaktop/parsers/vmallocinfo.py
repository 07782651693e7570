"""/proc/vmallocinfo: a line for each area of vmalloc space; vmalloc_info_show() in mm/vmalloc.c, to 7.2.

    0xSTART-0xEND SIZE caller+0x1/0x2 [module] pages=4 phys=0x... vmalloc N0=4

A busy machine has 100,000 lines, nearly all alike but for the address, which may be hashed or zero and names
nothing. So the lines are counted by what follows the address. Every tick sums them by caller, which takes a fraction of
what the areas themselves do; those are for the drill-down.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache
from operator import add
from typing import TYPE_CHECKING, NamedTuple

from leaktop.model.records import VmallocArea, VmallocGroup
from leaktop.model.sample import ParseError
from leaktop.parsers.lines import decode, slices

if TYPE_CHECKING:
    from collections.abc import Iterable

_LINE = re.compile(rb"^0x[^\s-]*+-0x[^\s]*+ ([^\n]*+)\n", re.MULTILINE)
_REMAINDER = re.compile(
    r" *([0-9]{1,20})(?: (\S+\+0x[0-9a-f]+/0x[0-9a-f]+|0x[0-9a-f]+)(?: \[([^\]]+)\])?)?(?: (.*))?",
)
_SUMMED = re.compile(
    rb"^ *+([0-9]{1,20}+)((?: [^\s+]++\+0x[0-9a-f]++/0x[0-9a-f]++| 0x[0-9a-f]++)?+(?: \[[^\]\n]++\])?+)"
    rb"(?: pages=([0-9]{1,20}+))?+(?: phys=\S++)?+((?: (?!pages=|phys=)[a-z_-]++(?=[ \n]))*+)"
    rb"(?: N[0-9]++=[0-9]++)*+ *+([^\n]*+)\n",
    re.MULTILINE,
)
"""Size, caller with its module, pages, the flag words, and what is left: nothing, but for a vendor's own fields."""
_PAGES = re.compile(r"(?<!\S)pages=([0-9]{1,20})(?!\S)")
_PHYS = re.compile(r"(?<!\S)phys=(?:0x)?([0-9a-f]{1,16})(?!\S)")
_KINDS = ("ioremap", "vm_map_ram", "unpurged", "dma-coherent", "sparse", "user", "vmap", "vmalloc")


class _Fields(NamedTuple):
    """What one remainder says: VmallocArea without its count."""

    caller: str | None
    module: str | None
    kind: str
    bytes: int
    pages: int
    phys: int | None
    flags: str


def parse_vmallocinfo(content: bytes) -> list[VmallocArea]:
    """Areas that print alike, folded with their count, in the order of first sight; sizes in bytes.

    Lines that are no area, and a last line without its end, are skipped.

    Raises:
        ParseError: the content is empty, as in some containers, or holds no area at all.
    """
    if not content:
        raise ParseError("empty vmallocinfo")
    folded: dict[_Fields, int] = {}
    for rest, count in _count_remainders(content).items():
        if fields := _parse_remainder(rest):  # one caller's areas may differ in the offset, which no record keeps
            folded[fields] = folded.get(fields, 0) + count
    if not folded:
        raise ParseError(f"no area of vmallocinfo: {decode(content[:60])!r}")
    return [VmallocArea(*fields, count) for fields, count in folded.items()]


def sum_vmallocinfo(content: bytes) -> list[VmallocGroup]:
    """What group_by_caller(parse_vmallocinfo(content)) gives, in a quarter of the time; sizes in bytes.

    Raises:
        ParseError: as parse_vmallocinfo.
    """
    counts = _count_remainders(content)
    found = [each for piece in slices(b"\n".join(counts) + b"\n") for each in _SUMMED.findall(piece)]
    if not found or len(found) != len(counts) or any(rest for *_, rest in found):
        return group_by_caller(parse_vmallocinfo(content))
    sums: dict[tuple[bytes, bytes], list[int]] = {}
    for count, (size, head, pages, flags, _) in zip(counts.values(), found, strict=True):
        total = sums.get((head, flags))
        if total is None:
            total = sums[head, flags] = [0, 0, 0]
        total[0] += count
        total[1] += count * int(size)
        if pages:
            total[2] += count * int(pages)
    folded: dict[tuple[str | None, str | None, str], list[int]] = {}
    for (head, flags), total in sums.items():
        fields = _parse_remainder(b"0" + head + flags)
        if fields is not None:
            group = folded.setdefault((fields.caller, fields.module, fields.kind), [0, 0, 0])
            group[:] = map(add, group, total)
    return [VmallocGroup(*key, *total) for key, total in folded.items()]


def _count_remainders(content: bytes) -> Counter[bytes]:
    """How often each line is there, without its address."""
    counts: Counter[bytes] = Counter()
    for piece in slices(content):
        counts.update(_LINE.findall(piece))
    return counts


def group_by_caller(areas: Iterable[VmallocArea]) -> list[VmallocGroup]:
    """Areas summed by caller, module and kind, in the order of first sight."""
    sums: dict[tuple[str | None, str | None, str], list[int]] = {}
    for area in areas:
        total = sums.setdefault((area.caller, area.module, area.kind), [0, 0, 0])
        total[0] += area.count
        total[1] += area.count * area.bytes
        total[2] += area.count * area.pages
    return [VmallocGroup(*key, *total) for key, total in sums.items()]


@lru_cache(maxsize=1 << 14)
def _parse_remainder(rest: bytes) -> _Fields | None:
    found = _REMAINDER.fullmatch(decode(rest))
    if not found:
        return None
    size, caller, module, flags = found.groups(default="")
    flags = flags.strip()
    words = set(flags.split())
    pages, phys = _PAGES.search(flags), _PHYS.search(flags)
    return _Fields(
        caller.partition("+")[0] or None,
        module or None,
        next((kind for kind in _KINDS if kind in words), "other"),
        int(size),
        int(pages[1]) if pages else 0,
        int(phys[1], 16) if phys else None,
        flags,
    )
