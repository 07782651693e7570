"""Allocations and frees matched by address: what was handed out while it was watched, and not given back."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

from leaktop.parsers.trace_events import Allocated

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from leaktop.engine.tracing.sampling import Sampling
    from leaktop.parsers.trace_events import Record

MOST_HELD = 200_000
"""Allocations that are remembered at once, 40 MiB; above that fewer are looked at."""


class Held(NamedTuple):
    """What one path to the allocator holds: counts and bytes are estimates for all objects where few are looked at."""

    stack: bytes
    count: int  # type: ignore[assignment]  # hides tuple.count, which nobody calls on a record
    size: int
    """In bytes."""
    first: int
    """When the oldest was allocated, in ns on the clock of the trace."""
    last: int
    threads: tuple[int, ...]
    """Who asked, most allocations first; -1 for interrupts."""


class Outstanding:
    """The table of what is held. Frees of what was there before are passed over.

    Args:
        sampling: which objects are looked at.
        most: allocations that are remembered at once.

    Attributes:
        allocated, freed: bytes that were handed out, and given back of them; of what was looked at, not multiplied.
        reused: allocations of an address that was held: its free was not seen.
        dropped: allocations that there was no room for.
    """

    def __init__(self, sampling: Sampling, most: int = MOST_HELD) -> None:
        self._sampling = sampling
        self._most = most
        self._held: dict[int, tuple[Allocated, int]] = {}
        """By key; how many each stands for, `sampling` aside."""
        self.allocated = self.freed = 0
        self.reused = self.dropped = 0

    def __len__(self) -> int:
        return len(self._held)

    @property
    def is_full(self) -> bool:
        """Whether half of the room is taken: time to look at fewer."""
        return 2 * len(self._held) > self._most

    def take(self, records: Iterable[Record], times: int = 1) -> None:
        """Take what all CPUs did until some moment, after what was taken before.

        Args:
            records: in any order.
            times: how many allocations each of these stands for, since others were not looked at meanwhile.
        """
        sampling, held = self._sampling, self._held
        # A free and the next use of the same object may come from two CPUs: only time tells which is first.
        for record in sorted(records, key=_TIME):
            before, _ = held.get(record.key, _NOTHING)
            if before is not None:
                if before.time > record.time:
                    continue  # a CPU that was read late tells of what is over
                del held[record.key]
                self.freed += before.size
            if not isinstance(record, Allocated) or not sampling.includes(record.key, record.size):
                continue  # or it was recorded before the kernel knew that fewer are wanted
            self.reused += before is not None
            self.allocated += record.size
            if len(held) < self._most:
                held[record.key] = record, times
            else:
                self.dropped += 1

    def narrow(self, sampling: Sampling) -> None:
        """Look at fewer from now on, and forget the others."""
        self._sampling = sampling
        self._held = {key: one for key, one in self._held.items() if sampling.includes(key, one[0].size)}

    def forget(self) -> None:
        """Begin anew: what was held may have been freed unseen."""
        self._held.clear()
        self.allocated = self.freed = self.reused = self.dropped = 0

    def by_stack(self) -> Iterator[Held]:
        """What is held, by the path to it, in no order."""
        alike: dict[bytes, list[tuple[Allocated, int]]] = {}
        for record, times in self._held.values():
            alike.setdefault(record.stack, []).append((record, times * self._sampling.weight(record.size)))
        for stack, records in alike.items():
            counts: dict[int, int] = {}
            for record, _ in records:
                counts[record.thread] = counts.get(record.thread, 0) + 1
            moments = [record.time for record, _ in records]
            yield Held(
                stack,
                sum(weight for _, weight in records),
                sum(record.size * weight for record, weight in records),
                *(min(moments), max(moments)),
                tuple(sorted(counts, key=lambda thread: (-counts[thread], thread))),
            )


_TIME = attrgetter("time")
_NOTHING: tuple[Allocated | None, int] = (None, 0)
