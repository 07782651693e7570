"""What the kernel was built with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leaktop.sources.facilities.host import AS_ROOT, Answer

if TYPE_CHECKING:
    from leaktop.sources.facilities.host import Host


def kernel_config(host: Host) -> Answer:
    """The kernel's config tells "built without it" from "not enabled"."""
    places = ["proc/config.gz", *([f"boot/config-{host.machine.release}"] if host.machine.release else [])]
    seen = {place: host.look(place) for place in places}
    if host.config is not None:
        return Answer(True, " and ".join(f"/{place}" for place in places if seen[place] == "present"))
    if not host.is_live:
        return Answer(None, f"neither {' nor '.join(places)} is in this capture")
    if "denied" in seen.values() and host.uid:
        return Answer(None, "for root only", AS_ROOT)
    return Answer(
        False,
        f"neither {' nor '.join(f'/{place}' for place in places)} can be read",
        "modprobe configs; else a kernel built with CONFIG_IKCONFIG_PROC=y",
    )


def btf(host: Host) -> Answer:
    """Types of the kernel, for BPF tools."""
    return host.lack("sys/kernel/btf/vmlinux", "DEBUG_INFO_BTF") or Answer(True, "/sys/kernel/btf/vmlinux")


def memory_pressure(host: Host) -> Answer:
    """Pressure stall times, since 4.20."""
    return host.lack("proc/pressure/memory", "PSI", boot="psi=1") or Answer(True, "/proc/pressure/memory")
