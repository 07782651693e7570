"""Real sockets on this kernel, found by sock_diag and in /proc/net."""

from __future__ import annotations

import mmap
import os
import socket
import struct
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from leaktop.parsers.proc_net import parse_proc_net
from leaktop.parsers.sock_diag import parse_sock_diag
from leaktop.parsers.socket_owners import parse_socket_owners
from leaktop.sources import sock_diag
from leaktop.sources.sock_diag import dump_sockets
from leaktop.sources.socket_owners import OwnerIndex

if TYPE_CHECKING:
    from collections.abc import Iterator

    from leaktop.model.records import Socket

PACKET_RX_RING, SOL_PACKET, ETH_P_ALL = 5, 263, 3
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="packet and raw sockets need root")


@pytest.fixture
def opened() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def inode_of(opened: socket.socket) -> int:
    return os.fstat(opened.fileno()).st_ino


def dumped(opened: socket.socket, idle_limit: int | None = None) -> Socket:
    table = parse_sock_diag(dump_sockets(idle_limit))
    [found] = [row for row in table.sockets if row.inode == inode_of(opened)]
    assert table.totals[found.proto] >= sum(row.proto == found.proto for row in table.sockets) > 0
    return found


def printed(opened: socket.socket, proto: str) -> Socket:
    table = parse_proc_net(proto, Path(f"/proc/net/{proto}").read_bytes())
    [found] = [row for row in table.sockets if row.inode == inode_of(opened)]
    return found


def assert_owned(opened: socket.socket) -> None:
    owners = parse_socket_owners(OwnerIndex("/proc").find(frozenset({inode_of(opened)})))
    [held] = owners.values()
    assert {owner.pid for owner in held} == {os.getpid()}
    assert opened.fileno() in {owner.fd for owner in held}  # an mmap keeps a second descriptor


def tcp_pair(stack: ExitStack, family: int, address: str) -> tuple[socket.socket, socket.socket, socket.socket]:
    listener = stack.enter_context(socket.create_server((address, 0), family=family))
    near = stack.enter_context(socket.create_connection(listener.getsockname()[:2]))
    far = stack.enter_context(listener.accept()[0])
    return listener, near, far


@pytest.mark.parametrize(("family", "proto", "address"), [(2, "udp", "127.0.0.1"), (10, "udp6", "::1")])
def test_udp_with_unread_datagrams(opened: ExitStack, family: int, proto: str, address: str) -> None:
    receiver = opened.enter_context(socket.socket(family, socket.SOCK_DGRAM))
    receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    receiver.bind((address, 0))
    sender = opened.enter_context(socket.socket(family, socket.SOCK_DGRAM))
    sender.connect(receiver.getsockname())
    for _ in range(50):
        sender.send(b"x" * 500)
    found = dumped(receiver, idle_limit=0)
    assert found.rx_queue is not None
    assert found.rx_queue > 500
    assert found.rmem == found.rx_queue
    assert found.drops is not None
    assert found.drops > 0
    assert found.state == "UNCONN"
    assert found == printed(receiver, proto)
    assert dumped(sender) == printed(sender, proto)
    assert dumped(sender).state == "ESTABLISHED"
    assert_owned(receiver)


@pytest.mark.parametrize(("family", "proto", "address"), [(2, "tcp", "127.0.0.1"), (10, "tcp6", "::1")])
def test_tcp_with_unread_bytes(opened: ExitStack, family: int, proto: str, address: str) -> None:
    listener, near, far = tcp_pair(opened, family, address)
    near.send(b"x" * 1000)
    opened.enter_context(socket.create_connection(listener.getsockname()[:2]))
    found = dumped(far, idle_limit=0)
    assert (found.rx_queue, found.state, found.drops) == (1000, "ESTABLISHED", 0)
    assert found.rmem is not None
    assert found.rmem > 1000
    assert found == printed(far, proto)._replace(rmem=found.rmem, wmem=0, drops=0)
    waiting = dumped(listener, idle_limit=0)
    assert (waiting.rx_queue, waiting.tx_queue, waiting.state) == (1, 0, "LISTEN")
    assert waiting == printed(listener, proto)._replace(rmem=0, wmem=0, drops=0)
    assert_owned(far)


def test_tcp_that_cannot_send_counts_what_it_queued(opened: ExitStack) -> None:
    _, near, _ = tcp_pair(opened, socket.AF_INET, "127.0.0.1")
    near.setblocking(False)
    near.send(b"x" * (1 << 26))
    found = dumped(near, idle_limit=0)
    assert found.tx_queue is not None
    assert found.wmem is not None
    assert found.tx_queue > 65536
    assert found.wmem > 65536


def test_tcp_mapped_addresses_and_a_bound_interface(opened: ExitStack) -> None:
    both = opened.enter_context(socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True))
    near = opened.enter_context(socket.create_connection(("127.0.0.1", both.getsockname()[1])))
    far = opened.enter_context(both.accept()[0])
    found = dumped(far)
    assert found.local.startswith("[::ffff:127.0.0.1]:")
    assert (found.local, found.peer) == (printed(far, "tcp6").local, printed(far, "tcp6").peer)
    assert dumped(near).local == f"127.0.0.1:{near.getsockname()[1]}"
    bound = opened.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    bound.setsockopt(socket.SOL_SOCKET, 25, b"lo")  # SO_BINDTODEVICE
    bound.bind(("127.0.0.1", 0))
    assert dumped(bound).interface == "lo"


@pytest.mark.parametrize(
    ("address", "shown"),
    [(b"\0leaktop\0x\xff", "@leaktop@x\udcff"), (b"odd name\nwith\ttabs\\", "odd name\nwith\ttabs\\"), (b"", "")],
    ids=["abstract", "path", "unnamed"],
)
def test_unix_datagrams(
    opened: ExitStack, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, address: bytes, shown: str
) -> None:
    monkeypatch.chdir(tmp_path)  # a socket's path holds at most 107 bytes
    if address:
        receiver = opened.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
        receiver.bind(address)
        sender = opened.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
        sender.connect(address)
    else:
        receiver, sender = map(opened.enter_context, socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM))
    sender.send(b"x" * 300)
    found = dumped(receiver, idle_limit=0)
    assert (found.local, found.rx_queue, found.uid) == (shown, 300, os.geteuid())
    assert printed(receiver, "unix").local == shown
    charged = dumped(sender, idle_limit=0)
    assert charged.peer == f"inode {inode_of(receiver)}"
    assert charged.wmem is not None
    assert charged.wmem > 300
    assert_owned(receiver)


def test_unix_listener_counts_waiting_connections(opened: ExitStack) -> None:
    listener = opened.enter_context(socket.socket(socket.AF_UNIX))
    listener.bind(f"\0leaktop-listener-{os.getpid()}")
    listener.listen(7)
    opened.enter_context(socket.socket(socket.AF_UNIX)).connect(listener.getsockname())
    found = dumped(listener, idle_limit=0)
    assert (found.state, found.rx_queue, found.tx_queue) == ("LISTEN", 1, 0)
    assert printed(listener, "unix").state == "LISTEN"


def test_netlink_ports_and_our_own_dump_left_out(opened: ExitStack) -> None:
    route = opened.enter_context(socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0))
    route.bind((0, 0))
    found = dumped(route)
    assert found.local == f"route:{route.getsockname()[0]}" == printed(route, "netlink").local
    assert found.rx_queue == 0
    table = parse_sock_diag(dump_sockets())
    assert not [row for row in table.sockets if row.local.startswith("sock_diag:") and row.local != "sock_diag:0"]


@as_root
def test_packet_with_unread_frames_and_with_a_ring(opened: ExitStack) -> None:
    plain = opened.enter_context(socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL)))
    plain.bind(("lo", ETH_P_ALL))
    ringed = opened.enter_context(socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0))
    ringed.setsockopt(SOL_PACKET, PACKET_RX_RING, struct.pack("IIII", 65536, 4, 2048, 128))
    mapped = opened.enter_context(mmap.mmap(ringed.fileno(), 65536 * 4))
    ringed.bind(("lo", ETH_P_ALL))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"frame" * 100, ("127.0.0.1", 9))
    found = dumped(plain, idle_limit=0)
    assert found.rmem is not None
    assert found.rmem > 500
    assert (found.local, found.interface, found.ring) == ("0x0003", "lo", 0)
    shown = printed(plain, "packet")
    assert shown.interface == f"if{socket.if_nametoindex('lo')}"
    assert found == shown._replace(interface="lo", tx_queue=0, wmem=0, drops=found.drops, ring=0)
    assert b"frameframe" in mapped[:]
    assert dumped(ringed, idle_limit=0).ring == 65536 * 4
    assert_owned(plain)
    assert_owned(ringed)


@as_root
def test_raw_with_unread_packets_by_whatever_way_this_kernel_has(opened: ExitStack) -> None:
    raw = opened.enter_context(socket.socket(socket.AF_INET, socket.SOCK_RAW, 253))
    raw.bind(("127.0.0.1", 0))
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, 253) as sender:
        sender.sendto(b"unread" * 50, ("127.0.0.1", 0))
    shown = printed(raw, "raw")
    assert shown.rx_queue is not None
    assert shown.rx_queue > 300
    assert (shown.rmem, shown.local, shown.state) == (shown.rx_queue, "127.0.0.1:253", "UNCONN")
    table = parse_sock_diag(dump_sockets(idle_limit=0))
    if "raw" in table.faults:
        assert table.faults["raw"] == "ENOENT"
        assert "raw" not in table.totals
    else:
        assert dumped(raw) == shown
    assert_owned(raw)


def test_idle_sockets_are_counted_beyond_the_limit(opened: ExitStack) -> None:
    idle = [opened.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) for _ in range(20)]
    for one in idle:
        one.bind(("127.0.0.1", 0))
    ours = {inode_of(one) for one in idle}
    everything, some, none = (parse_sock_diag(dump_sockets(limit)) for limit in (None, 7, 0))
    assert ours <= {row.inode for row in everything.sockets}
    assert sum(not (row.rx_queue or row.tx_queue or row.rmem or row.wmem or row.ring) for row in some.sockets) == 7
    assert all(row.rx_queue or row.tx_queue or row.rmem or row.wmem or row.ring for row in none.sockets)
    assert everything.totals["udp"] >= 20
    assert none.totals["udp"] >= 20


def test_a_missing_module_is_not_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sock_diag, "_absent", {})
    monkeypatch.setattr(sock_diag, "FAMILIES", {"ping": sock_diag.inet(socket.AF_INET, socket.IPPROTO_ICMP)})
    assert dump_sockets() == b"# leaktop sock_diag 1\n!\tping\tENOENT\n"
    monkeypatch.setattr(sock_diag, "FAMILIES", {"ping": sock_diag.inet(socket.AF_INET, socket.IPPROTO_UDP)})
    assert dump_sockets() == b"# leaktop sock_diag 1\n!\tping\tENOENT\n"
    monkeypatch.setitem(sock_diag._absent, "ping", -1000.0)
    assert b"=\tping\t" in dump_sockets()
