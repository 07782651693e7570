"""debugfs and tracefs, and the events of memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leaktop.sources.facilities.host import Answer

if TYPE_CHECKING:
    from leaktop.sources.facilities.host import Host

_TRACEFS = ("sys/kernel/tracing", "sys/kernel/debug/tracing")
"""The second is looked at only where the first has nothing: looking mounts tracefs there (fs/tracefs, 4.1+)."""


def debugfs(host: Host) -> Answer:
    """Where kmemleak, page_owner and alloc_traces live."""
    answer = _file_system(host, "debugfs", ("sys/kernel/debug",), "DEBUG_FS")
    if answer.available is False and (refusal := {"debugfs=off", "debugfs=no-mount"} & (host.parameters or set())):
        return answer._replace(remedy=f"boot without {refusal.pop()}")
    return answer


def tracefs(host: Host) -> Answer:
    """Where events live."""
    return _file_system(host, "tracefs", _TRACEFS, "TRACING")


def kmem_events(host: Host) -> Answer:
    """Each kmalloc with its call site."""
    return host.lack(f"{_place(host)}/events/kmem/kmalloc", "EVENT_TRACING") or Answer(
        True, "kmem:kmalloc tells the call site of each allocation"
    )


def hist_triggers(host: Host) -> Answer:
    """Allocations summed by call site in the kernel, since 4.7."""
    return host.lack(f"{_place(host)}/events/kmem/kmalloc/hist", "HIST_TRIGGERS", since="4.7") or Answer(
        True, "allocations can be summed by call site in the kernel"
    )


def vmalloc_events(host: Host) -> Answer:
    """Each vmalloc area as it comes and goes."""
    return host.lack(f"{_place(host)}/events/vmalloc/alloc_vmap_area", "EVENT_TRACING", since="6.2") or Answer(
        True, "vmalloc:alloc_vmap_area tells each new area"
    )


def _place(host: Host) -> str:
    return next((place for place in _TRACEFS if host.look(f"{place}/events") != "absent"), _TRACEFS[0])


def _file_system(host: Host, name: str, places: tuple[str, ...], option: str) -> Answer:
    points = host.mounted(name) or []
    for place in places:
        # Before 4.1 events are in debugfs itself; and a capture holds the files of what was mounted.
        if f"/{place}" in points or host.names(place):
            return Answer(True, f"mounted on /{place}" if host.is_live else f"/{place} is in this capture")
    if unbuilt := host.unbuilt(option):
        return unbuilt
    if not host.is_live:
        return Answer(None, f"/{places[0]} is not in this capture")
    command = host.mount(name)
    if command is None:
        return Answer(None, "/proc/self/mountinfo cannot be read, and nothing is seen there", f"ls /{places[0]}")
    elsewhere = f", only on {', '.join(points)}" if points else ""
    return Answer(False, f"not mounted on /{places[0]}{elsewhere}", command)
