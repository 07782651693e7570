"""The probes, each declared once: name, lane, cadence. To add one, add a line here and a parser."""

from __future__ import annotations

from leaktop.model.sample import Probe
from leaktop.model.socket_names import PROTOCOLS


def _file(name: str, lane: str, cadence: float | None, ceiling: int = 32 << 20) -> Probe:
    return Probe(name, lane, cadence, f"proc/{name}", ceiling)


PROBES: tuple[Probe, ...] = (
    _file("meminfo", "memory", 1),
    _file("zoneinfo", "memory", 1),  # beside meminfo: pages in per-CPU lists leave and enter MemFree
    _file("vmstat", "memory", 5),
    Probe("hugepages", "memory", 5, "sys/kernel/mm/hugepages"),
    _file("slabinfo", "slab", 1),
    Probe("slab_links", "slab", 60, "sys/kernel/slab"),
    _file("vmallocinfo", "vmalloc", 2, 256 << 20),
    _file("allocinfo", "allocinfo", 5),
    Probe("sock_diag", "sockets", 2, "NETLINK_SOCK_DIAG"),
    *(_file(f"net/{table}", "sockets", 2, 256 << 20) for table in PROTOCOLS),
    Probe("socket_owners", "sockets", 2, "proc/PID/fd"),
    _file("net/sockstat", "sockets", 4),
    _file("net/sockstat6", "sockets", 4),
    _file("net/protocols", "sockets", 10),
    Probe("processes", "processes", 4, "proc/PID/status"),
    Probe("tmpfs", "tmpfs", 2, "proc/self/mountinfo"),
    _file("sysvipc/shm", "tmpfs", 5),
    Probe("open_files", "open_files", 15, "proc/PID/fd"),
    Probe("kmemleak", "kmemleak", None, "sys/kernel/debug/kmemleak", 1 << 30),
)
