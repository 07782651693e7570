"""The kernel's log, and what it says when memory ran out. Sizes in bytes; None is what a report does not tell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping


class LogRecord(NamedTuple):
    """One message of the kernel, without what the log put before it."""

    text: str
    """May hold newlines: some messages are of several lines, and task names may contain them."""
    seconds: float | None = None
    """Since boot, where the log says so."""
    stamp: str | None = None
    """The date that syslog, the journal or dmesg put before it, as printed."""
    sequence: int | None = None
    """The record's number since boot: from /dev/kmsg only."""


class OomTask(NamedTuple):
    """A process in a report's table."""

    pid: int
    name: str
    """Whatever the process called itself: up to 15 bytes of anything."""
    uid: int | None
    total_vm: int | None
    rss: int | None
    anon: int | None
    """rss_anon, since 6.8."""
    shmem: int | None
    page_tables: int | None
    swap: int | None
    score_adj: int | None


class OomKill(NamedTuple):
    """A process that was killed, with what it held then."""

    pid: int
    name: str
    uid: int | None
    total_vm: int | None
    anon: int | None
    file: int | None
    shmem: int | None
    """Counted with the anonymous memory before 4.5."""
    page_tables: int | None


class OomCache(NamedTuple):
    """A line of a report's table of unreclaimable slab caches."""

    name: str
    used: int
    total: int


class OomSite(NamedTuple):
    """A line of code that holds memory, from a kernel with allocation profiling (6.10+)."""

    location: str
    bytes: int
    """Rounded to three digits, as it was printed."""
    calls: int


@dataclass(frozen=True, slots=True)
class OomReport:
    """One report, as much of it as there is."""

    seconds: float | None
    stamp: str | None
    invoker: str | None
    """The task whose allocation failed; seldom to blame. None where the beginning is lost."""
    gfp: str | None
    order: int | None
    """log2 of the pages that were asked for; -1: asked for by hand, with SysRq f."""
    constraint: str | None
    """"CONSTRAINT_NONE", "CONSTRAINT_MEMCG", "CONSTRAINT_CPUSET", "CONSTRAINT_MEMORY_POLICY"; since 4.20."""
    cgroup: str | None
    """The cgroup whose limit was reached; "" where it has no name in the report; None: the machine ran out."""
    limit: int | None
    """That cgroup's limit."""
    page_size: int | None
    memory: Mapping[str, int]
    """What Mem-Info counts, by the kernel's names; and ram, reserved, hugepages, kernel_stack, zspages, swap_total,
    swap_free."""
    slab: tuple[OomCache, ...]
    """Largest first; empty where the kernel did not print it: it does only if it outweighs the LRU lists (4.15+)."""
    tasks: tuple[OomTask, ...]
    sites: tuple[OomSite, ...]
    killed: tuple[OomKill, ...]
    """Usually one. Several where a cgroup dies as a whole; none where the report is cut or nothing could be killed."""


Blame = Literal[
    "kernel", "held", "process", "processes", "tmpfs", "hugepages", "limit", "forced", "nodes", "fragmented", "unknown"
]


class Judgement(NamedTuple):
    """Who had the memory when it ran out."""

    blame: Blame
    """kernel: no process is to blame. held: kernel memory that processes hold, such as socket buffers. process: the
    one that was killed; processes: others too. nodes, fragmented: memory was free, but not there or not in one piece.
    forced: somebody asked for a kill."""
    text: str
    """A sentence; names in it are raw."""
    freed: int | None
    """Memory of its own that the killed gave back, at most."""
    in_use: int | None
    """Memory that was not free."""
