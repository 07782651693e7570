"""From an OSError to words: what could not be read, why, and what the user can do."""

from __future__ import annotations

import errno
import os
import re
from typing import TYPE_CHECKING

from leaktop.model.sample import Fault

if TYPE_CHECKING:
    from leaktop.model.sample import Probe

_OUTSIDE = "run leaktop on the host"
_DEBUGFS = "mount -t debugfs none /sys/kernel/debug"

_MISSING: dict[str, tuple[str, str | None]] = {
    "slabinfo": (
        "this kernel has no /proc/slabinfo (no CONFIG_SLUB_DEBUG, or SLUB_TINY)",
        "a kernel built with CONFIG_SLUB_DEBUG=y",
    ),
    "slab_links": ("this kernel has no /sys/kernel/slab (SLAB or SLOB, or no sysfs)", None),
    "vmallocinfo": ("this kernel has no /proc/vmallocinfo", "a kernel built with CONFIG_MMU=y"),
    "allocinfo": (
        "this kernel does not profile allocations: it has no /proc/allocinfo",
        "a kernel from 6.10 on, built with CONFIG_MEM_ALLOC_PROFILING=y, booted with sysctl.vm.mem_profiling=1",
    ),
    "kmemleak": (
        "this kernel has no kmemleak, or debugfs is not mounted",
        f"{_DEBUGFS}; else a kernel built with CONFIG_DEBUG_KMEMLEAK=y, booted with kmemleak=on",
    ),
    "hugepages": ("this kernel has no huge pages (no CONFIG_HUGETLBFS)", None),
}
"""Why a file can be absent, and the remedy, for the probes where there is more to say than "no such file"."""


_NEVER_EMPTY = re.compile(r"meminfo|zoneinfo|vmstat|slabinfo|vmallocinfo|net/.+|sysvipc/shm")
"""What has a heading, or lines, on every kernel."""


def explain_empty(probe: Probe) -> Fault | None:
    """The fault that it is to read nothing at all, on a live kernel; None where that can be."""
    if not _NEVER_EMPTY.fullmatch(probe.name):
        return None
    return Fault("empty", f"/{probe.path} is empty, which no kernel prints: another file is mounted over it", _OUTSIDE)


def explain(probe: Probe, error: OSError, *, is_live: bool) -> Fault:
    """The fault that an error of reading this probe stands for."""
    where = f"/{probe.path}" if probe.path[:4] in {"proc", "sys/"} else probe.path
    if error.errno in {errno.ENOENT, errno.ENOTDIR, errno.ENODEV}:
        if not is_live:
            return Fault("missing", f"{where} is not in this capture")
        if probe.path.startswith("sys/") and not os.path.isdir("/sys/kernel"):
            return Fault("missing", f"{where}: no sysfs is mounted on /sys", "mount -t sysfs none /sys")
        reason, remedy = _MISSING.get(probe.name, (f"{where} does not exist here", None))
        return Fault("missing", reason, remedy)
    if error.errno in {errno.EACCES, errno.EPERM}:
        if not is_live:
            return Fault("denied", f"{where}: no permission to read the capture")
        if os.geteuid() != 0:
            return Fault("denied", f"{where} needs root", "sudo leaktop")
        return Fault(
            "denied",
            f"{where}: denied even to root, by lockdown, a container, seccomp or a security module",
            f"cat /sys/kernel/security/lockdown; {_OUTSIDE}",
        )
    if error.errno == errno.ENOSYS:
        return Fault("unsupported", f"{where}: a seccomp filter, or the kernel's build, does not allow it", _OUTSIDE)
    if error.errno == errno.EINVAL and is_live:
        return Fault("denied", f"{where} is masked: something that is no file is mounted over it", _OUTSIDE)
    if error.errno == errno.EBUSY:
        return Fault("busy", f"{where} is busy: switched off, or in use by another reader")
    if error.errno == errno.EFBIG:
        return Fault("malformed", f"{where} is larger than {probe.ceiling >> 20} MiB, which no kernel prints")
    if error.errno in {errno.EMFILE, errno.ENFILE}:
        return Fault("failed", f"{where}: no file descriptor left", "ulimit -n 1024")
    return Fault("failed", f"{where}: {os.strerror(error.errno) if error.errno else error}")
