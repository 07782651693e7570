"""Which of the names that share one cache's slabs is meant, as far as that can be told."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from leaktop.engine.known_caches import known_cache

if TYPE_CHECKING:
    from collections.abc import Sequence

_GENERAL = re.compile(r"(dma-)?kmalloc-|size-\d|:")
_CONSTANT = {"ACPI", "memory file systems", "the slab allocator"}
"""Subsystems whose caches hardly ever move: their name is on the row because it was created first."""
_BUFFERS = "network buffers"
_BUFFER_BYTES = 512
"""Of a cache beside it, from which on it may hold what packets carry."""
_NAMED = 2


def likely_names(names: Sequence[str], sizes: Sequence[int] = ()) -> list[str]:
    """The names of a merged cache, the likeliest first.

    A name that the table does not know is a driver's own. Beside a cache of packet-sized objects, a cache that packet
    heads come from is the likeliest of the known ones.

    Args:
        names: as slabinfo has it, then the others.
        sizes: bytes of the objects that rise in step with it, its own among them.
    """
    packets = any(size >= _BUFFER_BYTES for size in sizes) and len(sizes) > 1

    def rank(name: str) -> tuple[int, int]:
        known = known_cache(name)
        if _GENERAL.match(name):
            likely = 4
        elif known is None:
            likely = 0
        elif known.subsystem == _BUFFERS and packets:
            likely = 1
        else:
            likely = 3 if known.subsystem in _CONSTANT else 2
        return likely, names.index(name)

    return sorted(names, key=rank)


def label(names: Sequence[str], identity: str | None = None, sizes: Sequence[int] = ()) -> str:
    """A cache as a sentence names it: "kmalloc-256 (shares its slab with skbuff_head_cache and 9 more)".

    Args:
        names: as slabinfo has it, then the others.
        identity: the id of the class that they are merged into.
        sizes: as for `likely_names`.
    """
    if len(names) < 2:
        return names[0] if names else "pages"
    own, *others = names
    if _GENERAL.match(own):
        likely = next((name for name in likely_names(others, sizes) if not _GENERAL.match(name)), others[0])
        more = f" and {len(others) - 1} more" if len(others) > 1 else ""
        return f"{own} (shares its slab with {likely}{more})"
    named = likely_names(others, sizes)[: _NAMED - 1]
    more = ", ..." if len(others) > len(named) else ""
    return f"{identity or own} ({', '.join([own, *named])}{more})"
