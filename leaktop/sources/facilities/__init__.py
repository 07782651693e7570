"""Facilities: what this kernel and this user offer for finding leaks, and how to get what is missing.

To add one, write a function from Host to Answer and add a line to FACILITIES.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from leaktop.sources.facilities import allocations, build, privilege, tracing
from leaktop.sources.facilities.host import Answer, Host
from leaktop.sources.facilities.socket_lists import DIAGS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["FACILITIES", "Answer", "Host", "survey"]

FACILITIES: Mapping[str, Callable[[Host], Answer]] = {
    "root": privilege.root,
    **{capability.name: capability for capability in privilege.CAPABILITIES},
    "no_container": privilege.no_container,
    "every_process": privilege.every_process,
    "no_lockdown": privilege.no_lockdown,
    "kernel_addresses": privilege.kernel_addresses,
    "kernel_log": privilege.kernel_log,
    "kernel_config": build.kernel_config,
    "debugfs": tracing.debugfs,
    "tracefs": tracing.tracefs,
    "kmemleak": allocations.kmemleak,
    "page_owner": allocations.page_owner,
    "page_owner_stacks": allocations.page_owner_stacks,
    "allocinfo": allocations.allocinfo,
    "slab_callers": allocations.slab_callers,
    "unmerged_slabs": allocations.unmerged_slabs,
    "kmem_events": tracing.kmem_events,
    "vmalloc_events": tracing.vmalloc_events,
    "hist_triggers": tracing.hist_triggers,
    **{f"{diag.protocol}_diag": diag for diag in DIAGS},
    "btf": build.btf,
    "memory_pressure": build.memory_pressure,
}
"""Each named so that "yes" is what helps."""


def survey(host: Host) -> dict[str, Answer]:
    """The answer of every facility. Never raises."""
    return {name: _ask(facility, host) for name, facility in FACILITIES.items()}


def _ask(facility: Callable[[Host], Answer], host: Host) -> Answer:
    try:
        return facility(host)
    except Exception as error:
        return Answer(None, f"leaktop failed to find out ({type(error).__name__}: {error})", "report it")
