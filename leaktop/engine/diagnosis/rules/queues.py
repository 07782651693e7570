"""Network buffers and sockets: skbs grow because a queue is not read, socket caches because there are more sockets."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from leaktop.engine.diagnosis.owners import Explained
from leaktop.engine.sections.sockets import holder_of

if TYPE_CHECKING:
    from leaktop.engine.diagnosis.observed import Observed
    from leaktop.engine.diagnosis.owners import Owners
    from leaktop.model.diagnosis import Case

ORDER = 4
_BUFFERS = re.compile(r"skbuff_|skb_|kmalloc-|size-\d|msg_msg")
_SLACK = 1.5
"""A queue's bytes are charged as truesize; the slabs behind it may be part empty."""


def explain(case: Case, observed: Observed, owners: Owners) -> Explained | None:
    """By bytes: no more of them than the queues gained in the same time."""
    queue, queued = owners.queue, owners.queued
    is_buffer = case.kind == "residual" or (
        case.kind == "slab"
        and any(
            _BUFFERS.match(name) for name in (case.name, *case.aliases, "kmalloc-" * (case.name == "large kmalloc"))
        )
    )
    if is_buffer and queue and queued and queued.growth > 0 and case.bytes <= _SLACK * queued.growth:
        return Explained(f"holds what {queue.name} has queued and nobody reads", ("socket", queue.key))
    if case.kind == "slab":
        return _sockets(case, observed)
    if case.kind == "socket" and queue and queue.key[0] == "held" and _is_one_of(case, queue, observed):
        return Explained(f"one of the {queue.name}", ("socket", queue.key))
    return None


def _is_one_of(case: Case, queue: Case, observed: Observed) -> bool:
    row = observed.row("sockets", case.key)
    return row is not None and holder_of(row.record) == queue.key


_FAMILIES = (
    (re.compile(r"(tw_sock_|request_sock_)?TCP(v6)?$|tcp_bind|inet_"), ("tcp", "tcp6")),
    (re.compile(r"UDP"), ("udp", "udp6")),
    (re.compile(r"RAW"), ("raw", "raw6")),
    (re.compile(r"UNIX"), ("unix",)),
    (re.compile(r"sock_inode_cache"), ("tcp", "tcp6", "udp", "udp6", "unix", "raw", "raw6", "netlink", "packet")),
)


def _sockets(case: Case, observed: Observed) -> Explained | None:
    objects = observed.rise("slab", case.key, "number")
    if objects is None:
        return None
    for family, protocols in _FAMILIES:
        if not family.match(case.name):
            continue
        rises = [observed.rise("sockets", ("total", proto), "number") for proto in protocols]
        growth = sum(rise.growth for rise in rises if rise)
        if growth >= objects.growth / 4:
            return Explained("follows the sockets: there are as many more of them")
        if "tw_sock" in case.name or "request_sock" in case.name:
            return Explained("connections that are closing or opening: they end by themselves")
    return None
