"""Who allocated what: kmemleak, page_owner, allocation profiling, slab user tracking."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leaktop.sources.facilities.host import Answer

if TYPE_CHECKING:
    from leaktop.sources.facilities.host import Host


def kmemleak(host: Host) -> Answer:
    """The kernel's own leak detector. A detector that is off reads as empty, so reading does not tell."""
    if unbuilt := host.unbuilt("DEBUG_KMEMLEAK"):
        return unbuilt
    if "kmemleak=off" in (host.parameters or ()):
        return Answer(False, "booted with kmemleak=off", "boot with kmemleak=on")
    # Up to 4.14 a detector that is off at boot has no file.
    boot = "kmemleak=on" if host.option("DEBUG_KMEMLEAK_DEFAULT_OFF") == "y" else None
    if lack := host.lack("sys/kernel/debug/kmemleak", "DEBUG_KMEMLEAK", boot=boot):
        return lack
    if not host.is_live:
        return Answer(True, "its report is in this capture")
    if host.kmemleak_enabled is None:
        return Answer(None, "built in; whether it is on needs a write to tell", "leave out --read-only")
    match host.kmemleak_enabled():
        case True:
            return Answer(True, "built in and on; a leak takes two scans to show")
        case False:
            return Answer(False, "built in, but off until the next boot", "boot with kmemleak=on")
        case None:
            return Answer(None, "built in; it does not tell whether it is on", "dmesg | grep kmemleak")


def page_owner(host: Host) -> Answer:
    """The stack that allocated each page."""
    return host.lack("sys/kernel/debug/page_owner", "PAGE_OWNER", boot="page_owner=on") or Answer(
        True, "the allocating stack of every page"
    )


def page_owner_stacks(host: Host) -> Answer:
    """Pages summed by stack, in one cheap read."""
    return host.lack(
        "sys/kernel/debug/page_owner_stacks/show_stacks", "PAGE_OWNER", boot="page_owner=on", since="6.9"
    ) or Answer(True, "pages summed by allocating stack")


def allocinfo(host: Host) -> Answer:
    """Bytes and calls of each allocating source line, since 6.10."""
    if lack := host.lack("proc/allocinfo", "MEM_ALLOC_PROFILING", boot="sysctl.vm.mem_profiling=1"):
        return lack
    switch = (host.text("proc/sys/vm/mem_profiling") or "?").strip()
    if switch == "0":
        # Booted with "never", or with MEM_ALLOC_PROFILING_DEBUG, the sysctl refuses to change (lib/alloc_tag.c).
        is_never = "sysctl.vm.mem_profiling=never" in (host.parameters or ())
        is_fixed = is_never or host.option("MEM_ALLOC_PROFILING_DEBUG") == "y"
        return Answer(
            False,
            "vm.mem_profiling is 0: nothing is counted",
            "boot with sysctl.vm.mem_profiling=1" if is_fixed else "sysctl vm.mem_profiling=1",
        )
    return Answer(True, f"bytes by allocating source line; vm.mem_profiling is {switch}")


def slab_callers(host: Host) -> Answer:
    """Who allocated the objects of a slab cache: debugfs alloc_traces (5.14+), or alloc_calls in sysfs before.

    Neither is ever opened here: opening walks every slab of the cache with interrupts off.
    """
    if traced := host.names("sys/kernel/debug/slab"):
        return Answer(True, f"alloc_traces of {len(traced)} caches")
    if unbuilt := host.unbuilt("SLUB_DEBUG"):
        return unbuilt
    caches = [name for name in host.names("sys/kernel/slab") if not name.startswith(":")]
    sample = next((name for name in ("kmalloc-64", *caches) if name in caches), None)
    seen = host.look(f"sys/kernel/slab/{sample}/store_user") if sample else "absent"
    if seen == "denied":
        return host.denial(f"sys/kernel/slab/{sample}/store_user")
    if seen == "absent":
        if not host.is_live:
            return Answer(None, "neither alloc_traces nor store_user is in this capture")
        return Answer(False, "this kernel does not track the users of slab", "a kernel built with CONFIG_SLUB_DEBUG=y")
    tracked = [name for name in caches if (host.text(f"sys/kernel/slab/{name}/store_user") or "").strip() == "1"]
    if not tracked:
        return Answer(False, "not enabled at boot: no cache has store_user", "boot with slub_debug=U")
    if "alloc_calls" in host.names(f"sys/kernel/slab/{tracked[0]}"):
        return Answer(True, f"alloc_calls of {len(tracked)} names in sysfs")
    if not host.is_live:
        return Answer(None, f"{len(tracked)} names had store_user, but no alloc_traces are in this capture")
    return Answer(
        False,
        f"{len(tracked)} names have store_user, but /sys/kernel/debug/slab does not show their callers",
        host.mount("debugfs") or "a kernel from 5.14 on",
    )


def unmerged_slabs(host: Host) -> Answer:
    """Whether each cache has slabs of its own, so that what grows has one name."""
    sample = host.samples.get("slab_links")
    if sample is None or sample.content is None:
        reason = sample.fault.reason if sample and sample.fault else "/sys/kernel/slab was not read"
        return Answer(None, reason, sample.fault.remedy if sample and sample.fault else None)
    # Our own list, or the `ls -l` that a sosreport keeps.
    rows = sample.content.split(b"\n")
    merged = sum(b"\tlink\t" in row or b" -> " in row for row in rows)
    if not merged:
        return Answer(True, "each slab cache has its own name")
    return Answer(False, f"{merged} names share a slab cache with others", "boot with slab_nomerge")
