"""Events of allocations and frees, and the stacks behind them, out of one CPU's ring buffer.

The stack of an allocation is an event of its own, kernel_stack, which its trigger writes behind it
(stacktrace_trigger() in kernel/trace/trace_events_trigger.c). In between an interrupt may allocate as well; its stack
comes first, as on any stack.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

from leaktop.model.sample import ParseError
from leaktop.parsers.trace_ring import parse_ring_page

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from leaktop.parsers.trace_format import EventFormat, Extract, PageLayout

_INTERRUPT = 0x08 | 0x10 | 0x40
"""Hard interrupt, soft interrupt, NMI: common_flags, include/linux/trace_events.h."""
_WAITING = 64
"""Allocations that wait for their stacks at once; interrupts nest a few deep."""
_PAGE_SIZE_LIMIT = 30
"""Of an order: what is above is no order."""


class Allocated(NamedTuple):
    """Memory that was handed out."""

    time: int
    """In ns, on the clock of the trace."""
    key: int
    """What its free will name: the address, or the number of the first page."""
    size: int
    """In bytes."""
    stack: bytes
    """The return addresses as they came, the innermost first; of the allocating call alone where there is no stack."""
    thread: int
    """The one that was running; in an interrupt that is no more than where it hit: -1."""


class Freed(NamedTuple):
    """Memory that was given back."""

    time: int
    key: int


Record = Allocated | Freed


class Taken(NamedTuple):
    """Where the events of one kind have what is needed."""

    number: int
    """Of the kind."""
    allocates: bool
    extract: Extract
    """Of what allocates: common_flags, common_pid, size, key, and call_site where there is one; of a free its key."""
    page_size: int | None
    """Bytes of a page where the size is told as an order."""


def take_allocations(layout: EventFormat, key: str, size: str, page_size: int | None) -> Taken:
    """How to read events that allocate.

    Raises:
        ParseError: the kernel's events have no such fields.
    """
    call_site = ("call_site",) if "call_site" in layout.fields else ()
    return Taken(
        layout.number, True, layout.extractor(("common_flags", "common_pid", size, key, *call_site)), page_size
    )


def take_frees(layout: EventFormat, key: str) -> Taken:
    """How to read events that free.

    Raises:
        ParseError: the kernel's events have no such field.
    """
    return Taken(layout.number, False, layout.extractor((key,)), None)


class StackLayout:
    """Where kernel_stack has its addresses.

    Args:
        layout: events/ftrace/kernel_stack/format.

    Raises:
        ParseError: it has none.
    """

    def __init__(self, layout: EventFormat) -> None:
        caller = layout.fields.get("caller")
        if caller is None:
            raise ParseError("kernel_stack has no field caller")
        self.number = layout.number
        self.start = caller.offset
        self.extract: Extract | None = layout.extractor(("common_pid", "size")) if "size" in layout.fields else None

    def addresses(self, page: bytes, at: int, length: int, word: int) -> bytes:
        """The addresses of one event, without what is behind them."""
        end = length
        if self.extract is not None:
            end = min(end, self.start + max(self.extract(page, at)[1], 0) * word)
        return page[at + self.start : at + end - (end - self.start) % word]


class CpuDecoder:
    """Reads the pages of one CPU, oldest first.

    Args:
        page_layout: events/header_page.
        taken: what to take, by the number of the event.
        stacks: how stacks look; None where this trace has none.
    """

    def __init__(self, page_layout: PageLayout, taken: Mapping[int, Taken], stacks: StackLayout | None) -> None:
        self._layout = page_layout
        self._taken = taken
        self._stacks = stacks
        self._word = "I" if page_layout.commit_size == 4 else "Q"
        self._waiting: list[tuple[int, int, int, int]] = []
        """Allocations whose stack has not come yet: time, key, bytes, thread."""
        self.missed = False
        """Whether events were overwritten before they could be read."""

    def feed(self, page: bytes) -> list[Record]:
        """What a page has, oldest first, but for allocations, which come with their stacks."""
        found = parse_ring_page(page, self._layout)
        if found.missed != 0:
            self.missed = True
            self._waiting.clear()
        records: list[Record] = []
        stack_number = self._stacks.number if self._stacks else -1
        for time, at, length in found.events:
            try:
                number = _SHORT.unpack_from(page, at)[0]
                if number == stack_number:
                    self._take_stack(records, page, at, length)
                elif (taken := self._taken.get(number)) is not None:
                    self._take(records, taken, time, page, at)
            except struct.error:
                continue  # the event is shorter than its format says
        return records

    def _take(self, records: list[Record], taken: Taken, time: int, page: bytes, at: int) -> None:
        if not taken.allocates:
            records.append(Freed(time, taken.extract(page, at)[0]))
            return
        flags, thread, size, key, *call_site = taken.extract(page, at)
        if taken.page_size is not None:
            if not 0 <= size <= _PAGE_SIZE_LIMIT:
                return
            size = taken.page_size << size
        if flags & _INTERRUPT:
            thread = -1
        if self._stacks is None:
            records.append(
                Allocated(time, key, size, struct.pack(f"={len(call_site)}{self._word}", *call_site), thread)
            )
            return
        self._waiting.append((time, key, size, thread))
        del self._waiting[:-_WAITING]

    def _take_stack(self, records: list[Record], page: bytes, at: int, length: int) -> None:
        if self._stacks is not None and self._waiting:
            time, key, size, thread = self._waiting.pop()
            addresses = self._stacks.addresses(page, at, length, self._layout.commit_size)
            records.append(Allocated(time, key, size, addresses, thread))


def addresses_of(stack: bytes, word: int) -> Sequence[int]:
    """The addresses of a stack, the innermost first; without the mark that old kernels put behind them."""
    code = "I" if word == 4 else "Q"
    found = struct.unpack(f"={len(stack) // word}{code}", stack[: len(stack) // word * word])
    return tuple(address for address in found if 0 < address < (1 << 8 * word) - 1)


_SHORT = struct.Struct("=H")
