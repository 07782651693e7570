"""Slab: /proc/slabinfo joined with the names that /sys/kernel/slab says are merged."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from typing import TYPE_CHECKING

from leaktop.engine.sections.base import Assembly, Entry, SectionRule
from leaktop.model.records import Cache
from leaktop.parsers.slab_links import parse_slab_links
from leaktop.parsers.slabinfo import parse_slabinfo

if TYPE_CHECKING:
    from collections.abc import Mapping

    from leaktop.engine.inputs import Inputs
    from leaktop.model.frame import Key
    from leaktop.model.records import SlabCache

Sharing = tuple[tuple[str, ...], str | None, bool | None]
"""Of one name: the others that share its slabs, the id of their class, whether it is reclaimable."""
_ALONE: Sharing = ((), None, None)


def assemble(inputs: Inputs) -> Assembly:
    """Rows are Caches; where slabinfo cannot be read, the names that sysfs knows, without counters."""
    sharing = inputs.parsed("slab_links", _sharing_by_name)
    caches = inputs.parsed("slabinfo", parse_slabinfo)
    notes: tuple[str, ...] = ()
    if sharing is None and (fault := inputs.fault("slab_links")):
        notes = (f"merged names are not known: {fault.reason}",)
    if caches is None:
        return Assembly(_nameless(sharing or {}), inputs.fault("slabinfo"), notes)
    return Assembly(_entries(inputs, caches, sharing), None, notes)


def _entries(inputs: Inputs, caches: list[SlabCache], sharing: Mapping[str, Sharing] | None) -> list[Entry]:
    """An Entry for each cache. A cache whose line did not change is the same object as before, and so is its Entry."""
    entries: list[Entry]
    before, shared, entries = inputs.kept.get("slab", ([], None, []))
    names, page_size = sharing or {}, inputs.machine.page_size
    changed = [at for at, (cache, same) in enumerate(zip(caches, before, strict=False)) if cache is not same]
    if shared is sharing and len(caches) == len(before) and all(caches[at].name == before[at].name for at in changed):
        entries = entries.copy()
        for at in changed:
            entries[at] = _entry(caches[at], entries[at].key, names, page_size)
    else:
        seen: Counter[str] = Counter()
        entries = []
        for cache in caches:
            # 6.12 warns of two caches with one name, and older kernels allow it in silence.
            entries.append(_entry(cache, (cache.name, seen[cache.name]), names, page_size))
            seen[cache.name] += 1
    inputs.kept["slab"] = caches, sharing, entries
    return entries


def _entry(cache: SlabCache, key: Key, sharing: Mapping[str, Sharing], page_size: int) -> Entry:
    name, active_objs, num_objs, objsize, objperslab, pagesperslab, active_slabs, num_slabs = cache
    aliases, identity, reclaimable = sharing.get(name, _ALONE)
    size = num_slabs * pagesperslab * page_size
    record = Cache(
        name, aliases, identity, active_objs, num_objs, objsize, objperslab, pagesperslab, active_slabs, num_slabs,
        size, reclaimable,
    )  # fmt: skip
    return Entry(key, record, size, num_objs)


@lru_cache(maxsize=1)  # a machine has the same all day, and every jump in a recording begins with it
def _sharing_by_name(content: bytes) -> Mapping[str, Sharing]:
    """Sharing of every name of /sys/kernel/slab; of an id without names, under the id itself."""
    sharing: dict[str, Sharing] = {}
    for known in parse_slab_links(content):
        identity = known.identity if known.identity.startswith(":") else None
        for name in known.names or (known.identity,):
            sharing[name] = tuple(other for other in known.names if other != name), identity, known.reclaimable
    return sharing


def _nameless(sharing: Mapping[str, Sharing]) -> list[Entry]:
    """A row for each class, under the first of its names."""
    entries = []
    for name, (aliases, identity, reclaimable) in sharing.items():
        if not aliases or name < aliases[0]:
            cache = Cache(name, aliases, identity, None, None, None, None, None, None, None, None, reclaimable)
            entries.append(Entry((name, 0), cache, None, None))
    return entries


SECTION = SectionRule("slab", 2, ("slabinfo", "slab_links"), assemble, counts=True)
