"""What the figures and signs around the panes mean, in words: for the help screen."""

from __future__ import annotations

from typing import NamedTuple


class Meaning(NamedTuple):
    """A figure or a sign, explained."""

    title: str
    words: str
    source: str = ""
    """The file that it is read from; empty where it is the pane's, or leaktop's own."""


HEADER: tuple[Meaning, ...] = (
    Meaning(
        "host, release",
        "the machine that was read, and its kernel;  inside: the container whose processes and sockets these are",
        "/proc/sys/kernel",
    ),
    Meaning(
        "slow: NAME 12s",
        "files that are read less often than planned, and how often, or that are late, without a time;  (budget): to "
        "keep leaktop's own cost within --budget",
    ),
    Meaning(
        "REC FILE 5m 2M", "what is recorded: the file, for how long, and its size; ! says that it cannot be written"
    ),
    Meaning(
        "LIVE 1s", "seconds between two reads;  PAUSED: how long the panes stand still;  PAST: how far back you are"
    ),
    Meaning("REPLAY x10", "how many times as fast as it was recorded"),
    Meaning(
        "self 0.9% 46M",
        "what leaktop itself takes: of one core, and resident memory;  protected: by --protect",
        "/proc/self/statm",
    ),
    Meaning("14:02:11", "local time of what is shown"),
    Meaning("second line", "the verdict: how sure it is, the fastest leaks in bytes a minute, for how long they rise"),
    Meaning("rise in step", "how many of them rise in a constant ratio, and so are lost together"),
    Meaning("gone in", "MemAvailable, divided by the rate of the fastest leak"),
)
"""The fields of the lines above the panes, from the left."""

BAR: dict[str, Meaning] = {
    name: Meaning(name, words, source)
    for name, words, source in (
        ("anon", "memory of processes: heap, stacks", "AnonPages"),
        ("shmem", "tmpfs, shared memory, memfds", "Shmem"),
        ("cache", "pages of files, without shmem", "Cached + Buffers + SwapCached - Shmem"),
        ("slab rec", "kernel objects that shrink under pressure", "SReclaimable"),
        ("slab unrec", "kernel objects that do not: where most leaks are", "SUnreclaim"),
        ("vmalloc", "areas of vmalloc", "VmallocUsed, or /proc/vmallocinfo"),
        ("tables", "page tables", "PageTables + SecPageTables"),
        ("percpu", "per-CPU memory", "Percpu"),
        ("hugepages", "set aside for hugetlbfs", "Hugetlb, or /sys/kernel/mm/hugepages"),
        ("balloon", "taken back by the hypervisor", "Balloon, or /proc/vmstat"),
        ("hidden", "the residual: what no counter names", "MemTotal less every counter"),
        ("other", "what counters name that have no part of their own: stacks, and what moved between two reads", ""),
        ("free", "pages that nobody uses", "MemFree, and pagesets of /proc/zoneinfo"),
    )
}
"""The parts of the bar that stands for MemTotal, from the left; fields without a file are of /proc/meminfo."""

SIGNS: tuple[Meaning, ...] = (
    Meaning("▲", "grows since the baseline; in the verdict and the tabs: leaks"),
    Meaning("~", "grows, but can be reclaimed: use, not loss"),
    Meaning(
        "+5.0M", "with a sign: a change.  Without one: what is there.  K, M, G are powers of 1024;  /m is a minute"
    ),
    Meaning("-", "not known: unknown is never shown as zero"),
    Meaning("~0", "the residual, below nothing: counters are not read at one instant"),
    Meaning("▁▂▅█", "a curve from its own lowest to its own highest: the shape, not the size"),
    Meaning("●", "on the timeline: the moment that is shown"),
    Meaning("◆ ◇ ◈ †", "on the timeline: a mark, the baseline, an answer of the kernel, out of memory"),
    Meaning("░ ↻ ◷ ✗", "on the timeline: a gap or sleep, another boot, a clock that was set, damage"),
    Meaning("colours", "repeat what a sign or a word says already; themes: ctrl+p, or --theme"),
)
"""What stands beside and between the figures."""
