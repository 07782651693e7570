"""Sockets: who does not read, or cannot send, and what that holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from leaktop.courtesy import in_turns
from leaktop.units import human_bytes, human_count
from leaktop.view.cells import Cell, sanitise
from leaktop.view.columns import (
    Column,
    bytes_column,
    count_column,
    growth_column,
    in_words,
    name_column,
    peak_column,
    rate_column,
    rose_column,
    size_column,
    text_column,
)
from leaktop.view.pane import Chart, Detail, Listing, PaneView, Switch

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from leaktop.model.frame import Frame, Row
    from leaktop.model.records import Socket


def place(socket: Socket) -> str:
    """Interface and local address: "eth1 0x8863", "127.0.0.1:53"."""
    return " ".join(part for part in (socket.interface, socket.local) if part) or f"inode {socket.inode}"


def owner(row: Row) -> str | None:
    """The first descriptor that holds it: "pppd 17865 fd 10", and how many more there are."""
    owners = row.record.owners
    if not owners:
        return None
    more = f" +{len(owners) - 1}" if len(owners) > 1 else ""
    return f"{owners[0].comm} {owners[0].pid} fd {owners[0].fd}{more}"


def _rows(frame: Frame, switches: frozenset[str]) -> Sequence[Row]:
    rows = frame.sections["sockets"].rows
    return [row for row in rows if row.size.value] if "backlog" in switches else rows


def _queue_cell(row: Row, _frame: Frame) -> Cell:
    queue = row.record.rx_queue
    # A listening TCP socket counts connections here.
    return Cell(human_count(queue) if row.record.state == "LISTEN" else human_bytes(queue))


def _headline(frame: Frame) -> str:
    rows = frame.sections["sockets"].rows
    holding = sum(1 for row in in_turns(rows) if row.size.value)
    total = sum(row.size.value or 0 for row in in_turns(rows))
    return f"{holding} hold {human_bytes(total)}" if holding else "nothing queued" if rows else ""


def _detail(frame: Frame, row: Row) -> Detail:
    socket: Socket = row.record
    facts = (
        ("protocol", sanitise(f"{socket.proto} {socket.state}")),
        ("local", sanitise(place(socket))),
        ("peer", sanitise(socket.peer) or "-"),
        ("holds", in_words(row.size)),
        ("Recv-Q", _count(socket.rx_queue)),
        ("Send-Q", _count(socket.tx_queue)),
        ("rmem", f"{human_bytes(socket.rmem)} charged for receiving"),
        ("wmem", f"{human_bytes(socket.wmem)} charged for sending"),
        (
            "ring",
            f"{human_bytes(socket.ring)} of mmap rings: pages that no other counter names" if socket.ring else "-",
        ),
        ("drops", _count(socket.drops)),
        ("inode", str(socket.inode)),
        ("uid", "-" if socket.uid is None else str(socket.uid)),
    )
    owners = tuple((str(o.pid), sanitise(o.comm), str(o.fd)) for o in socket.owners)
    listings = (Listing("owners", ("pid", "command", "fd"), owners),) if owners else ()
    return Detail(
        sanitise(f"{socket.proto} {place(socket)}"),
        facts,
        tuple(_paragraphs(socket)),
        (Chart("bytes", "sockets", row.key, "size"), Chart("Recv-Q", "sockets", row.key, "number")),
        listings + _kernel_totals(frame),
    )


def _kernel_totals(frame: Frame) -> tuple[Listing, ...]:
    sockstat = frame.sections["sockets"].extras.get("sockstat", {})
    rows = tuple(
        (sanitise(proto), sanitise(" ".join(f"{name} {count}" for name, count in counts.items())))
        for proto, counts in sockstat.items()
    )
    return (Listing("the kernel's totals (sockstat; mem in pages)", ("protocol", "counts"), rows),) if rows else ()


def _paragraphs(socket: Socket) -> list[str]:
    paragraphs = []
    if socket.state == "LISTEN":
        paragraphs.append("It listens: Recv-Q counts connections that wait to be accepted.")
    elif socket.proto.startswith("tcp"):
        paragraphs.append("TCP queues count bytes of data; the memory behind them is more.")
    if socket.rx_queue and socket.state != "LISTEN":
        paragraphs.append("Recv-Q that stays high is a process that does not read. A backlog is not yet a leak.")
    if not socket.owners:
        paragraphs.append(
            "No owner is known: it takes root to see descriptors of others, and orphans, kernel sockets and sockets in "
            "flight over unix sockets have none."
        )
    return paragraphs


def _count(number: int | None) -> str:
    return "-" if number is None else f"{number:,}"


def _record(row: Row) -> Mapping[str, Any]:
    socket: Socket = row.record
    record = socket._asdict()
    del record["cookie"]
    record["owners"] = [held._asdict() for held in socket.owners]
    return record


PANE = PaneView(
    name="sockets",
    title="Sockets",
    order=4,
    section="sockets",
    columns=(
        text_column("proto", "proto", 8, lambda row: row.record.proto, "protocol, and 6 for that of IPv6", 0),
        name_column("local", "local", lambda row: place(row.record), "interface and local address", 16),
        text_column("peer", "peer", 18, lambda row: row.record.peer, "address and port of the other end", 6),
        text_column(
            "state", "state", 11, lambda row: row.record.state, "where its connection stands: LISTEN, ESTABLISHED", 5
        ),
        size_column("holds", "memory of its queues and mmap rings; of TCP without sock_diag, the data in them"),
        growth_column(),
        rate_column(),
        Column(
            "rx_queue",
            "Recv-Q",
            6,
            lambda row: row.record.rx_queue,
            _queue_cell,
            "waiting to be read: data for TCP, memory for others; of one that listens, connections to accept",
            rank=1,
            unit="bytes",
        ),
        bytes_column("tx_queue", "Send-Q", 6, lambda row: row.record.tx_queue, "waiting to be sent, likewise", 4),
        count_column("drops", "drops", 6, lambda row: row.record.drops, "packets that did not fit in", 3),
        rose_column(),
        peak_column(),
        text_column("owner", "owner", 20, owner, "process, pid and descriptor that hold it", 0, "/proc/PID/fd"),
    ),
    rows=_rows,
    haystack=lambda row: (
        f"{row.record.proto} {place(row.record)} {row.record.peer} {row.record.state} {owner(row) or ''}"
    ),
    detail=_detail,
    record=_record,
    source="NETLINK_SOCK_DIAG, else the tables in /proc/net",
    headline=_headline,
    headline_hint="how many hold memory, and how much",
    switches=(Switch("B", "backlog", "with a backlog only"),),
    empty=lambda _frame: "No socket is open in this network namespace.",
    sort="size",
)
