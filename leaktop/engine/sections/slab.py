"""Slab: /proc/slabinfo joined with the names that /sys/kernel/slab says are merged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leaktop.engine.sections.base import Assembly, Entry, SectionRule
from leaktop.model.records import Cache
from leaktop.parsers.slab_links import parse_slab_links
from leaktop.parsers.slabinfo import parse_slabinfo

if TYPE_CHECKING:
    from leaktop.engine.inputs import Inputs


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
    get = (sharing or {}).get
    page_size = inputs.machine.page_size
    seen: dict[str, int] = {}
    entries = []
    for name, active_objs, num_objs, objsize, objperslab, pagesperslab, active_slabs, num_slabs in caches:
        size = num_slabs * pagesperslab * page_size
        aliases, identity, reclaimable = get(name, _ALONE)
        # 6.12 warns of two caches with one name, and older kernels allow it in silence.
        seen[name] = nth = seen.get(name, -1) + 1
        cache = Cache(
            name, aliases, identity, active_objs, num_objs, objsize, objperslab, pagesperslab, active_slabs, num_slabs,
            size, reclaimable,
        )  # fmt: skip
        entries.append(Entry((name, nth), cache, size, num_objs))
    return Assembly(entries, None, notes)


def _sharing_by_name(content: bytes) -> dict[str, Sharing]:
    """Sharing of every name of /sys/kernel/slab; of an id without names, under the id itself."""
    sharing: dict[str, Sharing] = {}
    for known in parse_slab_links(content):
        identity = known.identity if known.identity.startswith(":") else None
        for name in known.names or (known.identity,):
            sharing[name] = tuple(other for other in known.names if other != name), identity, known.reclaimable
    return sharing


def _nameless(sharing: dict[str, Sharing]) -> list[Entry]:
    """A row for each class, under the first of its names."""
    entries = []
    for name, (aliases, identity, reclaimable) in sharing.items():
        if not aliases or name < aliases[0]:
            cache = Cache(name, aliases, identity, None, None, None, None, None, None, None, None, reclaimable)
            entries.append(Entry((name, 0), cache, None, None))
    return entries


SECTION = SectionRule("slab", 2, ("slabinfo", "slab_links"), assemble, counts=True)
