"""Who allocated pages: page_owner in debugfs, one record a page, and page_owner_stacks, one a stack; mm/page_owner.c.

    Page allocated via order 3, mask 0x...(GFP_KERNEL), pid 78, tgid 78 (sh), ts 5588167232 ns
    PFN 0x450 type Unmovable Block 2 type Unmovable Flags 0x200(slab|node=0)
     __alloc_pages+0x1b2/0x380
     leak_pages+0x46/0x90 [leak]

4.0 has no pid, 5.11 adds it, 5.18 the name; frames are "[<address>] symbol" up to 5.x. page_owner_stacks prints frames,
then "nr_base_pages: N" ("stack_count:" in 6.9-rc), "handle: N", or both (7.x).
"""

from __future__ import annotations

import re

from leaktop.model.records import PageStack
from leaktop.model.sample import ParseError
from leaktop.parsers.lines import decode

_ALLOCATED = re.compile(r"Page allocated via order ([0-9]{1,2})(?![0-9])")
_ASKED = re.compile(r", pid (-?[0-9]{1,10})(?:, tgid -?[0-9]{1,10})?(?: \((.{0,64}?)\)(?:,|$))?")
_TIMES = re.compile(r"([0-9]{1,12}) times(?:, [^:]*)?:\s*")
"""What the kernel's own tools/mm/page_owner_sort.c prints above a record that stands for many."""
_FRAME = re.compile(r"\s+(?:\[<[0-9a-f]+>\] )?(\S.*)")
_AMOUNT = re.compile(r"(nr_base_pages|stack_count|handle): ?([0-9]{1,20})\s*")
_LARGEST_ORDER = 20
_MOST_COMMS = 4


def parse_stacks(content: bytes) -> list[PageStack]:
    """The stacks of page_owner_stacks/show_stacks, show_stacks_handles or show_handles, in the kernel's order.

    A block that is cut off before its figures is dropped, and so is a last line without its end.

    Raises:
        ParseError: there is something, and nothing of it is a stack.
    """
    stacks = []
    frames: list[str] = []
    amounts: dict[str, int] = {}
    for line in (*decode(content).split("\n")[:-1], ""):
        if found := _AMOUNT.fullmatch(line):
            amounts[found[1]] = int(found[2])
        elif frame := _FRAME.fullmatch(line):
            frames.append(frame[1].rstrip())
        elif not line.strip():
            if amounts:
                pages = amounts.get("nr_base_pages", amounts.get("stack_count"))
                stacks.append(PageStack(tuple(frames), pages, amounts.get("handle")))
            frames, amounts = [], {}
    if not stacks and content.strip():
        raise ParseError(f"no stack of page_owner: {decode(content[:60])!r}")
    return stacks


def sum_page_owner(content: bytes) -> list[PageStack]:
    """The records of page_owner summed by their stack, in the order of first sight; pages are base pages.

    Only whole records are to be handed in: the last may otherwise lack frames. What is in no known form is skipped.
    """
    sums: dict[tuple[str, ...], int] = {}
    comms: dict[tuple[str, ...], dict[str, None]] = {}
    for block in decode(content).rpartition("\n")[0].split("\n\n"):
        times, order, asked = 1, None, None
        frames: list[str] = []
        for line in block.split("\n"):
            if order is None:
                if many := _TIMES.fullmatch(line):
                    times = int(many[1])
                elif found := _ALLOCATED.match(line):
                    order, asked = int(found[1]), _ASKED.search(line)
            elif frame := _FRAME.fullmatch(line):
                frames.append(frame[1].rstrip())
        if order is None or order > _LARGEST_ORDER:
            continue
        stack = tuple(frames)
        sums[stack] = sums.get(stack, 0) + (times << order)
        known = comms.setdefault(stack, {})
        if asked is not None and len(known) < _MOST_COMMS:
            known.setdefault(f"{asked[2] or '?'} ({asked[1]})")
    return [PageStack(stack, pages, None, tuple(comms[stack])) for stack, pages in sums.items()]
