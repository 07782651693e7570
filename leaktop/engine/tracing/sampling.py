"""Looking at a part of the objects only, so that an allocation and its free are both seen, or neither.

Which object is looked at is told by some bits of its address. The kernel's filters can test these before anything is
recorded. Tests are only added, never taken back: what is still looked at was looked at from the start.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

MOST_BITS = 12
"""One object of 4096 is the least that is looked at."""


class Sampling(NamedTuple):
    """The objects whose key has these values in these bits."""

    first_bit: int
    """The lowest bit of a key that tells one object from the next; the bits that may be tested begin there."""
    tests: tuple[tuple[int, int], ...] = ()
    """Bits, and what they have to be: 0 or 1."""
    large: int = 1 << 62
    """Allocations of that many bytes are all looked at: they are few, and their addresses are multiples of theirs."""

    @property
    def one_of(self) -> int:
        """One object of so many is looked at."""
        return 1 << len(self.tests)

    @property
    def can_narrow(self) -> bool:
        """Whether there are bits left to be tested."""
        return len(self.tests) < MOST_BITS

    def includes(self, key: int, size: int) -> bool:
        """Whether an allocation is looked at."""
        return size >= self.large or all(key >> bit & 1 == value for bit, value in self.tests)

    def weight(self, size: int) -> int:
        """How many allocations one of this size stands for."""
        return 1 if size >= self.large else self.one_of

    def condition(self, field: str) -> str:
        """What the kernel's filters say for it, `large` aside (kernel/trace/trace_events_filter.c); "" for all."""
        # "a & b" asks whether any of the bits is set: that all of them are has to be asked of each.
        terms = [f"({field} & {1 << bit:#x})" for bit, value in self.tests if value]
        zeros = sum(1 << bit for bit, value in self.tests if not value)
        return " && ".join([*terms, f"!({field} & {zeros:#x})"] if zeros else terms)

    def narrowed(self, bits: int, freed: Collection[int], coin: Callable[[], bool]) -> Sampling:
        """One that looks at fewer objects.

        Which half is looked at is left to chance: what is leaked was among the objects in use before, so that a choice
        of what is seldom freed would pass over just that. For the same reason that bit is tested first which halves
        what is in use most evenly.

        Args:
            bits: how many more are tested, as far as there are any.
            freed: keys of the frees that were seen.
            coin: chance.
        """
        tests = self.tests
        busy = [key for key in freed if all(key >> bit & 1 == value for bit, value in tests)]
        for _ in range(min(bits, MOST_BITS - len(tests))):
            tested = {bit for bit, _ in tests}
            ones = {
                bit: sum(key >> bit & 1 for key in busy)
                for bit in range(self.first_bit, self.first_bit + MOST_BITS)
                if bit not in tested
            }
            bit = min(ones, key=lambda bit: (abs(2 * ones[bit] - len(busy)), bit))
            value = int(coin())
            tests += ((bit, value),)
            busy = [key for key in busy if key >> bit & 1 == value]
        return self._replace(tests=tests)
