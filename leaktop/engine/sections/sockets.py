"""Sockets: what their queues and rings hold, from sock_diag or /proc/net, with the processes that hold them open."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import TYPE_CHECKING

from leaktop.courtesy import in_turns
from leaktop.engine.sections.base import Assembly, Entry, Figure, SectionRule
from leaktop.model.sample import Fault
from leaktop.model.socket_names import PROTOCOLS
from leaktop.parsers.open_files import parse_open_files
from leaktop.parsers.proc_net import parse_proc_net
from leaktop.parsers.sock_diag import parse_sock_diag
from leaktop.parsers.socket_owners import parse_socket_owners
from leaktop.parsers.sockstat import parse_protocols, parse_sockstat

if TYPE_CHECKING:
    from collections.abc import Iterator

    from leaktop.engine.inputs import Inputs
    from leaktop.model.frame import Key
    from leaktop.model.records import Owner, Socket


QUEUED = ("total", "queued")
"""What all sockets hold together."""


def holder_of(socket: Socket) -> tuple[str, str, str, int]:
    """The key of what all sockets of its protocol and its process hold together."""
    owner = socket.owners[0] if socket.owners else None
    return "held", socket.proto, owner.comm if owner else "", owner.pid if owner else 0


def memory_of(socket: Socket) -> int:
    """Bytes of memory that a socket holds, as far as its source tells.

    Where only TCP's queues are known (/proc/net/tcp), their payload stands in for the memory behind it.
    """
    received = socket.rmem if socket.rmem is not None else _payload(socket, socket.rx_queue)
    sent = socket.wmem if socket.wmem is not None else _payload(socket, socket.tx_queue)
    return received + sent + (socket.ring or 0)


def assemble(inputs: Inputs) -> Assembly:
    """Rows are Sockets with their owners; the extras hold the kernel's own totals."""
    sockets, totals, faults = socket_tables(inputs)
    if not totals:
        return Assembly([], next(iter(faults.values()), Fault("missing", "no socket table could be read")))
    owners = inputs.parsed("socket_owners", parse_socket_owners) or {}
    entries = [_entry(socket, owners) for socket in in_turns(sockets)]
    sockstat = (inputs.parsed("net/sockstat", parse_sockstat) or {}) | (
        inputs.parsed("net/sockstat6", parse_sockstat) or {}
    )
    extras = {
        "totals": totals,
        "sockstat": sockstat,
        "protocols": inputs.parsed("net/protocols", parse_protocols) or {},
    }
    figures = [Figure(("total", proto), "number", count) for proto, count in totals.items()]
    figures += _held(entries)
    return Assembly(entries, None, tuple(_notes(inputs, faults, len(sockets), totals)), extras, figures)


def socket_tables(inputs: Inputs) -> tuple[list[Socket], dict[str, int], dict[str, Fault]]:
    """The sockets of every table, with the totals by protocol, and why a table is missing."""
    sockets: list[Socket] = []
    totals: dict[str, int] = {}
    faults: dict[str, Fault] = {}
    dump = inputs.parsed("sock_diag", parse_sock_diag)
    if dump is not None:
        sockets += dump.sockets
        totals |= dump.totals
    for proto in PROTOCOLS:
        if proto in totals:
            continue
        table = inputs.parsed(f"net/{proto}", partial(parse_proc_net, proto))
        if table is not None:
            sockets += table.sockets
            totals |= table.totals
        elif (fault := inputs.fault(f"net/{proto}")) and fault.kind != "missing":
            faults[proto] = fault
    return sockets, totals, faults


def _entry(socket: Socket, owners: dict[int, tuple[Owner, ...]]) -> Entry:
    held_by = owners.get(socket.inode, ()) if socket.inode else ()
    key: Key = (
        (socket.proto, socket.inode)
        if socket.inode
        else (socket.proto, socket.local, socket.peer, socket.state, socket.cookie)
    )
    return Entry(key, socket._replace(owners=held_by) if held_by else socket, memory_of(socket), socket.rx_queue)


def _held(entries: list[Entry]) -> Iterator[Figure]:
    """What all sockets hold, and those of one protocol and process: a backlog may lie in a thousand of them."""
    held: Counter[Key] = Counter({QUEUED: 0})
    for entry in in_turns(entries):
        held[QUEUED] += entry.size or 0
        held[holder_of(entry.record)] += entry.size or 0
    for key, size in held.items():
        yield Figure(key, "size", size)


def _payload(socket: Socket, queue: int | None) -> int:
    # A listening TCP socket's queue counts connections that wait for accept(), not bytes.
    return 0 if queue is None or socket.state == "LISTEN" else queue


def _notes(inputs: Inputs, faults: dict[str, Fault], listed: int, totals: dict[str, int]) -> list[str]:
    notes = [f"{proto} is missing: {fault.reason}" for proto, fault in faults.items()]
    if (refused := inputs.fault("sock_diag")) and refused.kind != "missing":
        notes.append(f"/proc/net is read instead, without unix queues and rings of packet sockets: {refused.reason}")
    total = sum(totals.values())
    if listed < total:
        notes.append(f"{total - listed} of {total} sockets have nothing queued and are not listed")
    files = inputs.parsed("open_files", parse_open_files)
    if files is not None and (files.net_namespaces or 0) > 1:
        others = (files.net_namespaces or 0) - 1
        notes.append(f"{others} other network namespace{'s' if others > 1 else ''}: their sockets are not covered")
    return notes


SECTION = SectionRule(
    "sockets",
    4,
    ("sock_diag", "socket_owners", *(f"net/{proto}" for proto in PROTOCOLS)),
    assemble,
    counts=True,
    main="sock_diag",
)
