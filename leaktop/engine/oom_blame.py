"""Who had the memory when it ran out: judged from one report of the kernel, and never beyond what that tells."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from leaktop.model.oom import Judgement
from leaktop.units import human_bytes

if TYPE_CHECKING:
    from leaktop.model.oom import Blame, OomReport

MOST = 0.5
"""Share of the memory in use from which on somebody had most of it."""
LITTLE = 0.25
"""Share below which the process that was killed, or all of them, had little of it."""
_MUCH_FREE = 1 / 8
"""Share of all memory: where so much is free it was no want of memory, but of the right memory."""
_MANY_STACKS = 0.1
"""Share of the memory in use: with so much in kernel stacks it is the number of tasks that fills the slab."""
_HELD = {"skbuff": (5, "socket buffers"), "filp": (3, "open files"), "sock_inode_cache": (3, "sockets")}
"""Caches that fill because processes hold something, by their names' beginning; how much memory each byte of them
stands for, data, inodes and dentries included; and what it is."""
_NEEDED = frozenset({"ram", "reserved", "free", "active_anon", "inactive_anon", "slab_unreclaimable"})


class Shares(NamedTuple):
    """Where the memory was, in bytes; together what was in use."""

    processes: int
    """Anonymous and locked memory, compressed swap (6.14+), page tables and stacks; tmpfs without `tmpfs`."""
    tmpfs: int
    """Files in memory and shared memory; what is swapped out not among it."""
    cache: int
    """Pages of files, and slab that counts as reclaimable."""
    hugepages: int
    slab: int
    """Slab that cannot be reclaimed."""
    uncounted: int
    """What no counter of the report names."""

    @property
    def in_use(self) -> int:
        """All of it."""
        return sum(self)

    @property
    def kernel(self) -> int:
        """What no process and no file accounts for."""
        return self.slab + self.uncounted


def shares(report: OomReport) -> Shares | None:
    """Where memory was; None where the report has too little of Mem-Info."""
    memory = report.memory
    if not memory.keys() >= _NEEDED:
        return None

    def total(*names: str) -> int:
        return sum(memory.get(name, 0) for name in names)

    in_use = memory["ram"] - total("reserved", "free", "free_pcp")
    anon = total("active_anon", "inactive_anon", "isolated_anon", "unevictable")
    tmpfs = min(memory.get("shmem", 0), anon)
    processes = anon - tmpfs + total("zspages", "pagetables", "kernel_stack")
    cache = total("active_file", "inactive_file", "isolated_file", "slab_reclaimable")
    slab, huge = memory["slab_unreclaimable"], memory.get("hugepages", 0)
    rest = in_use - (processes + tmpfs + cache + slab + huge)
    return Shares(processes, tmpfs, cache, huge, slab, max(rest, 0))


def judge(report: OomReport) -> Judgement:
    """Who had the memory, in a sentence that says what killing gave back, and of how much."""
    found = shares(report)
    freed = _freed(report)
    in_use = found.in_use if found else None
    doing = _doing(report, freed, in_use)
    if special := _special(report, found):
        return Judgement(special[0], f"{doing}: {special[1]}" if report.killed else special[1], freed, in_use)
    if found is None or not in_use:
        return Judgement("unknown", f"{doing}: the report is cut, so whose memory it was is not known", freed, None)
    blame, why = _blame(report, found, freed)
    return Judgement(blame, f"{doing}: {why}", freed, in_use)


def _freed(report: OomReport) -> int | None:
    """What the killed had for themselves. Shared memory goes with the last that maps it, files' pages stay."""
    own = [kill.anon for kill in report.killed if kill.anon is not None]
    if not own or len(own) < len(report.killed):
        return None
    return sum(own) + sum((kill.shmem or 0) + (kill.page_tables or 0) for kill in report.killed)


def _doing(report: OomReport, freed: int | None, in_use: int | None) -> str:
    if not report.killed:
        return "whether anything was killed is not in the report"
    first = report.killed[0]
    more = f" and {len(report.killed) - 1} more" if len(report.killed) > 1 else ""
    who = f"killing {first.name} ({first.pid}){more}"
    if freed is None:
        return f"{who} freed an unknown amount"
    total = f" of the {human_bytes(in_use)} in use" if in_use else ""
    return f"{who} freed {human_bytes(freed)}{total}"


def _special(report: OomReport, found: Shares | None) -> tuple[Blame, str] | None:
    """Kills that say nothing about who filled the machine's memory."""
    if report.order == -1:
        return "forced", "somebody asked for it with SysRq f, memory had not run out"
    if report.cgroup is not None or report.constraint == "CONSTRAINT_MEMCG":
        limit = f" of {human_bytes(report.limit)}" if report.limit is not None else ""
        name = f" {report.cgroup}" if report.cgroup else ""
        return "limit", f"the limit{limit} of the cgroup{name} was reached, not that of the machine"
    if report.constraint in {"CONSTRAINT_CPUSET", "CONSTRAINT_MEMORY_POLICY"}:
        return "nodes", "the NUMA nodes that it was bound to were full, which says nothing of the others"
    free = report.memory.get("free")
    if found and free is not None and free > (found.in_use + free) * _MUCH_FREE:
        pages = f"{1 << report.order} pages in one piece" if report.order else "the kind that was asked for"
        return "fragmented", f"{human_bytes(free)} were free, but not {pages}"
    return None


def _blame(report: OomReport, found: Shares, freed: int | None) -> tuple[Blame, str]:
    in_use = found.in_use
    if freed is not None and freed >= in_use * MOST:
        return "process", "so it was that process"
    if found.processes >= in_use * MOST:
        return "processes", f"all processes together held {human_bytes(found.processes)}, so it was user space"
    if found.tmpfs >= in_use * MOST:
        return "tmpfs", f"tmpfs and shared memory held {human_bytes(found.tmpfs)}, which killing does not give back"
    if found.hugepages >= in_use * MOST:
        return "hugepages", f"{human_bytes(found.hugepages)} were set aside as huge pages"
    kernel = found.kernel
    others = found.processes + found.tmpfs
    if kernel < in_use * MOST or others > in_use * LITTLE or (freed is not None and freed > in_use * LITTLE):
        return "unknown", (
            f"processes held {human_bytes(others)}, the kernel {human_bytes(kernel)}, "
            f"caches {human_bytes(found.cache)}: none of them most of it"
        )
    return _kernel(report, found)


def _kernel(report: OomReport, found: Shares) -> tuple[Blame, str]:
    """The kernel had most of it. Whether that was its own doing is another question."""
    memory, in_use = report.memory, found.in_use
    if memory.get("kernel_stack", 0) > in_use * _MANY_STACKS:
        return "held", f"{human_bytes(memory['kernel_stack'])} of stacks: so many tasks that they filled the kernel"
    swapped = memory.get("swap_total", 0) - memory.get("swap_free", 0)
    if found.slab < in_use * MOST:
        held = f"slab holds {human_bytes(found.slab)} and {human_bytes(found.uncounted)} are in no counter"
        if "zspages" not in memory and swapped > found.uncounted / 4:
            return "unknown", f"{held}: compressed swap (zram, zswap) may be among it"
        return "kernel", f"{held} (drivers, vmalloc, pipes, a balloon), so it was the kernel"
    top = [cache for cache in report.slab[:3] if cache.total >= found.slab / 20]
    names = ", ".join(f"{cache.name} {human_bytes(cache.total)}" for cache in top)
    held = f"unreclaimable slab holds {human_bytes(found.slab)}{f' ({names})' if names else ''}"
    for beginning, (weight, what) in _HELD.items():
        stood_for = weight * sum(cache.total for cache in report.slab if cache.name.startswith(beginning))
        if stood_for >= found.slab * MOST:
            return "held", f"{held}, which are {what}: they go with whoever holds them, and may be a process's doing"
    return "kernel", f"{held}, so it was the kernel"
