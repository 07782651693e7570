"""Open files: what an open descriptor holds grows because a process collects descriptors."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from leaktop.engine.diagnosis.owners import Explained, follows, is_in_step

if TYPE_CHECKING:
    from leaktop.engine.diagnosis.observed import Observed
    from leaktop.engine.diagnosis.owners import Owners
    from leaktop.model.diagnosis import Case

ORDER = 3
_HELD = re.compile(
    r"filp|files_cache|lsm_file|fasync|eventpoll|ep_head|pipe_|.*notify|dentry|.*inode_cache|lsm_inode|.*_inode$|"
    r"selinux_(file|inode)|(TCP|UDP|RAW|PING|UNIX|MPTCP|SCTP|UDPLITE|UDP-Lite|PACKET|NETLINK)(v6)?$|kmalloc-cg-|"
    r"bpf_|perf_event|userfaultfd|io_kiocb|timerfd|signalfd"
)
_MOST = 4
"""Objects of one cache that a descriptor may hold."""
_PIPE_PAGES, _SOCKET = 64 << 10, 8 << 10
"""Bytes for each descriptor, at most: a full pipe; a socket whose queue is no backlog."""
_TABLES = re.compile(r"alloc_fdtable|kvmalloc|sock_|__do_sys_|do_dup|expand_files")


def explain(case: Case, observed: Observed, owners: Owners) -> Explained | None:
    """By the name of the cache, or by its count: so many objects for each new descriptor."""
    holder = owners.fds.holder
    if holder is None or owners.fds.rise is None or owners.fds.rise.growth <= 0:
        return None
    words = f"follows the descriptors that {holder.name} collects"
    if case.kind == "slab" and case.section == "slab":
        is_held = any(_HELD.match(name) for name in (case.name, *case.aliases))
        if (is_held and follows(case, owners.fds, observed, most=_MOST)) or is_in_step(case, owners.fds, observed):
            return Explained(words, ("fd", holder.key))
    if case.kind == "vmalloc" and _TABLES.match(case.name):
        return Explained(words, ("fd", holder.key))
    if case.kind == "socket" and case.name.endswith(holder.name) and _bytes_for_each(case, owners) <= _SOCKET:
        return Explained(f"{words}: what little each of so many sockets holds", ("fd", holder.key))
    if case.kind == "residual" and _bytes_for_each(case, owners) <= _PIPE_PAGES:
        return Explained(f"{words}: a pipe that is full holds up to 64 KiB", ("fd", holder.key))
    return None


def _bytes_for_each(case: Case, owners: Owners) -> float:
    """Bytes for each new descriptor."""
    rise = owners.fds.rise
    return (case.rate or 0) / rise.slope if rise and rise.slope > 0 else float("inf")
