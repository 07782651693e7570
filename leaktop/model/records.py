"""Typed records: what the parsers make of the bytes. Kernel names stay as the kernel prints them.

Sizes are bytes unless a name says pages. None means unknown, never zero.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Meminfo:
    """/proc/meminfo: every line, known to us or not."""

    amounts: Mapping[str, int]
    """Name to bytes, for lines that carry kB."""
    counts: Mapping[str, int]
    """Name to count, for lines without a unit (HugePages_*)."""


class HugePagePool(NamedTuple):
    """One page size under /sys/kernel/mm/hugepages. `size` in bytes, the rest in huge pages of that size."""

    size: int
    nr: int | None
    free: int | None
    resv: int | None
    surplus: int | None


class SlabCache(NamedTuple):
    """One line of /proc/slabinfo. Sizes in bytes, slabs of `pagesperslab` pages each."""

    name: str
    active_objs: int
    num_objs: int
    objsize: int
    objperslab: int
    pagesperslab: int
    active_slabs: int
    num_slabs: int


class SlabClass(NamedTuple):
    """One directory of /sys/kernel/slab: a real cache, under all the names that share it."""

    identity: str
    """The directory's name: a unique id such as ":A-0001280", or the cache's own name where nothing merges."""
    names: tuple[str, ...]
    """Every name whose link points here, sorted; the directory's own name when it is not an id."""
    reclaimable: bool | None
    """reclaim_account: from the id's `a` flag, else from the attribute, else None."""


class Cache(NamedTuple):
    """A slab cache with all the names that share its slabs; counters None where /proc/slabinfo cannot be read."""

    name: str
    """As /proc/slabinfo lists it; of merged caches that is the one created first, whatever uses it now."""
    aliases: tuple[str, ...]
    """The other names that share these slabs."""
    merged_into: str | None
    """The id of the shared class (":A-0001280"), None where the cache stands alone or sysfs does not say."""
    active_objs: int | None
    num_objs: int | None
    objsize: int | None
    objperslab: int | None
    pagesperslab: int | None
    active_slabs: int | None
    num_slabs: int | None
    bytes: int | None
    """num_slabs x pagesperslab x page size: an upper bound, since SLUB falls back to smaller slabs when it must."""
    reclaimable: bool | None


class VmallocGroup(NamedTuple):
    """All areas of /proc/vmallocinfo with the same caller, module and kind."""

    caller: str | None
    """Symbol without offset; a bare address (0xffffffffc0...) for code of an unloaded module; None if not printed."""
    module: str | None
    kind: str
    """vmalloc, vmap, ioremap, user, vm_map_ram, unpurged, dma-coherent, sparse, or "other"."""
    areas: int
    bytes: int
    """Address space, as the size column sums it, guard pages included."""
    pages: int
    """Pages of memory that the areas own (pages=); 0 for mappings of memory owned elsewhere."""


class VmallocArea(NamedTuple):
    """Areas that print alike but for their address: `count` of them, each of `bytes` and `pages`."""

    caller: str | None
    module: str | None
    kind: str
    bytes: int
    pages: int
    phys: int | None
    flags: str
    """Everything the kernel printed after the caller, in its own words."""
    count: int  # type: ignore[assignment]  # hides tuple.count, which nobody calls on a record


class Owner(NamedTuple):
    """A descriptor of a process that holds a socket open."""

    pid: int
    comm: str
    fd: int


class Socket(NamedTuple):
    """One socket. Queues as the protocol counts them: bytes of payload for TCP, memory for the others."""

    proto: str
    """tcp, tcp6, udp, udp6, udplite, udplite6, raw, raw6, icmp, icmp6, unix, packet, netlink."""
    local: str
    peer: str
    state: str
    rx_queue: int | None
    tx_queue: int | None
    rmem: int | None
    """Memory charged for receiving (sk_rmem_alloc)."""
    wmem: int | None
    """Memory charged for sending (sk_wmem_queued for TCP, else sk_wmem_alloc)."""
    drops: int | None
    inode: int
    uid: int | None
    interface: str | None
    ring: int | None = None
    """Bytes of mmap rings: page allocations that no other counter names."""
    cookie: str = ""
    """Tells sockets with inode 0 apart (TIME_WAIT, orphans)."""
    owners: tuple[Owner, ...] = ()
    """The descriptors that hold it, where they were looked up; empty means not known, or none."""


@dataclass(frozen=True, slots=True)
class SocketTable:
    """Sockets of one dump, with the totals of those that the dump left out."""

    sockets: tuple[Socket, ...]
    totals: Mapping[str, int] = field(default_factory=dict)
    """Protocol to the number of sockets seen, listed or not."""
    faults: Mapping[str, str] = field(default_factory=dict)
    """Protocol to the kernel's answer where it gave none: "ENOENT: no raw_diag"."""


class KmemleakObject(NamedTuple):
    """One unreferenced object of /sys/kernel/debug/kmemleak."""

    address: str
    size: int
    comm: str
    pid: int
    jiffies: int
    age: float | None
    """Seconds; kernels since 6.8 do not print it."""
    hex_dump: tuple[str, ...]
    cpu: int | None
    """The cpu whose copy of a per-cpu object the hex dump shows."""
    backtrace: tuple[str, ...]
    """Frames as printed, without the address column: "func+0x1b/0x30 [module]"."""
    crc: str | None
    kind: str = ""
    """"percpu" or "phys" where the header says so."""


@dataclass(frozen=True, slots=True)
class KmemleakReport:
    """The whole file: objects, and the lines that fit no known format."""

    objects: tuple[KmemleakObject, ...]
    unknown: tuple[str, ...]


class KmemleakGroup(NamedTuple):
    """Objects with the same normalised backtrace (no offsets, no addresses)."""

    backtrace: tuple[str, ...]
    """Symbols, innermost first, modules kept: "leak [leakgen]"."""
    count: int  # type: ignore[assignment]  # hides tuple.count, which nobody calls on a record
    bytes: int
    comms: tuple[str, ...]
    ages: tuple[float, ...]
    objects: tuple[KmemleakObject, ...]


class Process(NamedTuple):
    """One process of /proc/PID/status. Bytes; None where this kernel does not print the field."""

    pid: int
    starttime: int
    """Clock ticks since boot: with the pid, one process and no later one."""
    comm: str
    rss: int | None
    anon: int | None
    file: int | None
    shmem: int | None
    swap: int | None
    threads: int | None
    fds: int | None


class SharedMemory(NamedTuple):
    """Something that holds shmem pages: a tmpfs mount, a SysV segment, a memfd, a deleted file still open."""

    kind: str
    """"tmpfs", "sysv", "memfd", "deleted"."""
    name: str
    """Mount point, shmid, or the name that the link shows."""
    used: int | None
    size: int | None
    """The limit of a mount, the length of a segment or file."""
    owner: str | None
    """"comm (pid)" where a process holds it."""


class AllocTag(NamedTuple):
    """One allocating line of the kernel's source, as /proc/allocinfo counts it; instances of one inline are summed."""

    location: str
    """"mm/slub.c:2259"."""
    module: str | None
    function: str
    bytes: int
    """Held now. Below zero where profiling was switched on after what is freed was allocated."""
    calls: int
    """Allocations that are held."""
    is_accurate: bool = True
    """Whether the kernel vouches for the figures (no "accurate:no", since 2.0)."""


class SlabTrace(NamedTuple):
    """Objects of a slab cache with one stack: a record of alloc_traces, or a line of alloc_calls."""

    count: int  # type: ignore[assignment]  # hides tuple.count, which nobody calls on a record
    stack: tuple[str, ...]
    """Frames as printed, the innermost first; alloc_calls knows only that one. Empty where it was not tracked."""
    youngest: int | None
    """Jiffies since the last of them was allocated."""
    oldest: int | None
    pids: tuple[int, int] | None
    """The lowest and the highest pid of those that allocated."""
    waste: int | None
    """Bytes of all of them together that were not asked for; since 6.1, and only where there is waste."""


class PageStack(NamedTuple):
    """Pages that were allocated with one stack, as page_owner tells them."""

    stack: tuple[str, ...]
    """Frames as printed, the innermost first, without addresses."""
    pages: int | None
    """Base pages; None where only the handle is printed."""
    handle: int | None = None
    comms: tuple[str, ...] = ()
    """"comm (pid)" of some that asked for them."""
