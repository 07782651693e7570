"""Memory: every line of /proc/meminfo, and the figures that have to be derived."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leaktop.engine.residual import Evidence, balloon_bytes, hugepages_bytes, residual, vmalloc_bytes
from leaktop.engine.sections.base import Assembly, Entry, SectionRule
from leaktop.model.frame import Amount
from leaktop.parsers.hugepages import parse_hugepages
from leaktop.parsers.meminfo import parse_meminfo, unclassified
from leaktop.parsers.slabinfo import parse_slabinfo
from leaktop.parsers.vmallocinfo import sum_vmallocinfo
from leaktop.parsers.vmstat import parse_vmstat
from leaktop.parsers.zoneinfo import parse_pcp_pages

if TYPE_CHECKING:
    from leaktop.engine.inputs import Inputs
    from leaktop.model.records import Meminfo


def assemble(inputs: Inputs) -> Assembly:
    """Rows are Amounts: the kernel's lines under their own names, then what is derived from them."""
    meminfo = inputs.parsed("meminfo", parse_meminfo)
    if meminfo is None:
        return Assembly([], inputs.fault("meminfo"))
    pools = inputs.parsed("hugepages", parse_hugepages)
    pcp_pages = inputs.parsed("zoneinfo", parse_pcp_pages)
    evidence = Evidence(
        meminfo,
        pcp_pages,
        inputs.parsed("vmstat", parse_vmstat),
        pools,
        inputs.parsed("vmallocinfo", sum_vmallocinfo),
        inputs.machine.page_size,
        inputs.machine.vmap_stack,
    )
    ghost = residual(evidence)
    new_names = frozenset(unclassified(meminfo))
    amounts = [Amount(name, size, is_unclassified=name in new_names) for name, size in meminfo.amounts.items()]
    amounts += [Amount(name, None, count, is_unclassified=name in new_names) for name, count in meminfo.counts.items()]
    amounts += [
        Amount("vmalloc", vmalloc_bytes(evidence), is_derived=True),
        Amount("hugepages", hugepages_bytes(evidence), is_derived=True),
        *([] if "Balloon" in meminfo.amounts else [Amount("balloon", balloon_bytes(evidence), is_derived=True)]),
        Amount("large kmalloc", _beyond_slabinfo(inputs, meminfo), is_derived=True),
        Amount("pcp", None if pcp_pages is None else pcp_pages * inputs.machine.page_size, is_derived=True),
        Amount("residual", ghost.bytes, is_derived=True),
    ]
    entries = [Entry((amount.name,), amount, amount.bytes, None) for amount in amounts]
    notes = tuple(f"{name} is new: leaktop does not know what it counts" for name in sorted(new_names))
    return Assembly(entries, None, notes, {"residual": ghost, "hugepages": pools or ()})


def _beyond_slabinfo(inputs: Inputs, meminfo: Meminfo) -> int | None:
    """What Slab counts and no line of slabinfo does: kmallocs of more than two pages (6a486c0ad4dc, 5.4), mostly."""
    caches = inputs.parsed("slabinfo", parse_slabinfo)
    slab = meminfo.amounts.get("Slab")
    if caches is None or slab is None:
        return None
    listed = sum(cache.num_slabs * cache.pagesperslab for cache in caches) * inputs.machine.page_size
    return max(slab - listed, 0)  # the counters are read at different moments


SECTION = SectionRule("memory", 1, ("meminfo", "zoneinfo"), assemble, counts=False)
