"""Slab: /proc/slabinfo joined with the names that /sys/kernel/slab says are merged."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from leaktop.engine.sections.base import Assembly, Entry, SectionRule
from leaktop.model.records import Cache
from leaktop.parsers.slab_links import parse_slab_links
from leaktop.parsers.slabinfo import parse_slabinfo

if TYPE_CHECKING:
    from leaktop.engine.inputs import Inputs
    from leaktop.model.records import SlabClass


def assemble(inputs: Inputs) -> Assembly:
    """Rows are Caches; where slabinfo cannot be read, the names that sysfs knows, without counters."""
    classes = inputs.parsed("slab_links", parse_slab_links)
    caches = inputs.parsed("slabinfo", parse_slabinfo)
    notes = ()
    if classes is None and (fault := inputs.fault("slab_links")):
        notes = (f"merged names are not known: {fault.reason}",)
    if caches is None:
        return Assembly([_nameless(known) for known in classes or ()], inputs.fault("slabinfo"), notes)
    class_of = {name: known for known in classes or () for name in known.names}
    page_size = inputs.machine.page_size
    seen: Counter[str] = Counter()
    entries = []
    for cache in caches:
        name, _, num_objs, _, _, pagesperslab, _, num_slabs = cache
        size = num_slabs * pagesperslab * page_size
        known = class_of.get(name)
        aliases, identity, reclaimable = _sharing(known, name)
        # 6.12 warns of two caches with one name, and older kernels allow it in silence.
        nth = seen[name]
        seen[name] += 1
        entries.append(
            Entry((name, nth), Cache(name, aliases, identity, *cache[1:], size, reclaimable), size, num_objs)
        )
    return Assembly(entries, None, notes)


def _sharing(known: SlabClass | None, name: str) -> tuple[tuple[str, ...], str | None, bool | None]:
    if known is None:
        return (), None, None
    aliases = tuple(other for other in known.names if other != name) if len(known.names) > 1 else ()
    return aliases, known.identity if known.identity.startswith(":") else None, known.reclaimable


def _nameless(known: SlabClass) -> Entry:
    name = known.names[0] if known.names else known.identity
    aliases, identity, reclaimable = _sharing(known, name)
    cache = Cache(name, aliases, identity, None, None, None, None, None, None, None, None, reclaimable)
    return Entry((name, 0), cache, None, None)


SECTION = SectionRule("slab", 2, ("slabinfo", "slab_links"), assemble, counts=True)
