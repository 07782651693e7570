"""What kmemleak reports although it is not lost, as far as that is known: by function, and why.

A pointer that is encoded, kept as a physical address, or stored in memory that kmemleak does not scan (pages of the
page allocator, until it is told of them) is no pointer to kmemleak. To add one, add a line: functions of which one is
in the backtrace, the module that it has to belong to (None: whichever), whether only objects of the boot are meant,
and the reason.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from leaktop.model.records import KmemleakGroup


class KnownFalseLeak(NamedTuple):
    """One pattern."""

    functions: frozenset[str]
    module: str | None
    at_boot: bool
    reason: str


def _known(functions: str, reason: str, *, module: str | None = None, at_boot: bool = False) -> KnownFalseLeak:
    return KnownFalseLeak(frozenset(functions.split()), module, at_boot, reason)


# fmt: off
KNOWN_FALSE_LEAKS: tuple[KnownFalseLeak, ...] = (
    _known("kfence_alloc_pool kfence_init_pool kfence_alloc_pool_and_metadata", "the pool of KFENCE, which kmemleak is told to ignore on later kernels"),
    _known("alloc_large_system_hash", "a hash table of the start-up, kept by an address that kmemleak does not follow", at_boot=True),
    _known("acpi_ut_create_internal_object_dbg acpi_ut_create_generic_state acpi_ns_create_node", "an object of ACPI's tables, made at boot and kept for good", at_boot=True),
    _known("__register_sysctl_table register_sysctl register_sysctl_sz __register_sysctl_init register_sysctl_mount_point", "the header of a sysctl table: found through a tree in its middle, and kept for good", at_boot=True),
    _known("iova_magazine_alloc", "a magazine of the IOVA cache on its way to kfree_rcu, which marks it as transient from 7.x on"),
    _known("bpf_ringbuf_area_alloc", "the page array of a BPF ring buffer, held only by its own vmap; marked since 5.14 (ccff81e1d028)"),
    _known("nfs_readdir_make_qstr nfs_readdir_copy_name nfs_readdir_add_to_array", "names in cached pages of an NFS directory, which kmemleak does not scan"),
    _known("__arm_v7s_alloc_table alloc_lv2entry", "a page table of an IOMMU, kept by its physical address"),
    _known("panthor_vm_alloc_pt alloc_pt", "a page table of a GPU, kept by its physical address", module="panthor"),
    _known("discover_arenas alloc_arena btt_freelist_init btt_rtt_init btt_maplocks_init", "an arena of an NVDIMM's block translation table; reported, and disputed", module="nd_btt"),
)
# fmt: on

_OF_START = "made by the kernel's own start-up, once: kept by a physical address, or for good; it does not grow"
_OF_BOOT = "made at boot by a built-in driver, once: lost or not, it does not grow"


def why_false(group: KmemleakGroup) -> str | None:
    """Why a group is probably no leak; None where nothing is known that says so."""
    is_boot = bool(group.objects) and all(found.comm == "swapper/0" and found.pid in {0, 1} for found in group.objects)
    frames = [frame.partition(" ") for frame in group.backtrace]
    for known in KNOWN_FALSE_LEAKS:
        if known.at_boot and not is_boot:
            continue
        wanted = None if known.module is None else f"[{known.module}]"
        if any(name in known.functions and wanted in {None, module} for name, _, module in frames):
            return known.reason
    if is_boot:
        return _OF_START if all(found.pid == 0 for found in group.objects) else _OF_BOOT
    return None
