"""What to do next about a case: commands to run, the most telling first.

They are made to be pasted by root: a name that the kernel or a user chose is quoted for the shell.
"""

from __future__ import annotations

from shlex import quote
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from leaktop.engine.diagnosis.observed import Observed
    from leaktop.model.diagnosis import Case

_SCAN = "leaktop kmemleak scan   # kernels with CONFIG_DEBUG_KMEMLEAK"
_PAGES = "leaktop trace pages --for 30s   # who allocates: K a in leaktop"
_ALLOCINFO = "sort -rn /proc/allocinfo | head -20   # kernels with CONFIG_MEM_ALLOC_PROFILING"
_STEPS: dict[str, tuple[str, ...]] = {
    "slab": (_PAGES, _ALLOCINFO),
    "tmpfs": ("ls -l /proc/*/fd | grep -e memfd -e deleted", "ipcs -m"),
    "kmemleak": (_SCAN,),
    "hugepages": ("grep -H . /sys/kernel/mm/hugepages/*/*_hugepages", "sysctl vm.nr_hugepages"),
    "balloon": ("grep -i balloon /proc/vmstat /proc/meminfo /proc/modules",),
    "residual": (
        _PAGES,
        "cat /sys/kernel/debug/page_owner_stacks/show_stacks   # boot with page_owner=on",
        _ALLOCINFO,
        "tail -1 /sys/kernel/debug/dma_buf/bufinfo; grep -i balloon /proc/modules; cat /sys/fs/cgroup/cgroup.stat",
    ),
    "percpu": (
        "leaktop trace percpu --for 30s   # who allocates: K a in leaktop",
        _ALLOCINFO,
        "cat /sys/fs/cgroup/cgroup.stat   # dying cgroups hold per-CPU memory",
    ),
    "kernelstack": ("ps -eLf | wc -l", "cat /proc/*/task/*/stack | sort | uniq -c | sort -n | tail"),
    "pagetables": ("grep VmPTE /proc/*/status | sort -k2 -n | tail",),
    "process": ("ps aux --sort -rss | head",),
}
"""By kind, where the case itself does not say more."""


def next_steps(case: Case, observed: Observed) -> tuple[str, ...]:
    """Commands to run, and boot parameters to set."""
    if case.is_cache or case.explained.startswith("reclaimable"):
        return ("echo 2 > /proc/sys/vm/drop_caches   # leak or cache? what stays is in use; K in leaktop does it",)
    kmemleak = observed.section("kmemleak")
    scan = (_SCAN,) if kmemleak.fault is None and kmemleak.mono is not None else ()
    pid = _pid(case)
    if case.kind == "slab" and case.section == "slab":
        return _trace(case), *scan, *_cache_steps(case)
    if case.kind == "vmalloc":
        return _trace(case), f"grep {quote(case.name)} /proc/vmallocinfo", *scan
    if case.kind == "socket":
        stack = (f"cat /proc/{pid}/stack   # what the owner does instead of reading",) if pid else ()
        return "ss -apemn   # the queue, its owner, what it dropped", *stack
    if case.kind == "process" and pid:
        return f"cat /proc/{pid}/smaps_rollup", f"pmap -x {pid} | sort -k3 -n | tail"
    if case.kind == "fd" and pid:
        return (f"ls -l /proc/{pid}/fd | awk '{{print $NF}}' | sort | uniq -c | sort -n | tail",)
    if case.kind == "tmpfs" and case.name.startswith("/"):
        return (f"du -xah {quote(case.name)} | sort -h | tail",)
    return _STEPS.get(case.kind, ())


def _trace(case: Case) -> str:
    return f"leaktop trace {quote(case.name)} --for 30s   # who allocates it: K a in leaktop"


def _cache_steps(case: Case) -> tuple[str, ...]:
    split = ("boot with slab_nomerge (slub_nomerge before 3.18) to split the merged names",) if case.aliases else ()
    traces = quote(f"/sys/kernel/debug/slab/{case.name}/alloc_traces")
    return f"boot with slub_debug=U,{quote(case.name)}; cat {traces}", *split


def _pid(case: Case) -> str:
    """The process that a case names; empty where it names none."""
    text = case.note if case.kind == "socket" else case.name
    inside = text.rpartition("(")[2].partition(")")[0]
    return inside if inside.isdecimal() else ""
