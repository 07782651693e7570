"""Sockets by NETLINK_SOCK_DIAG, written in the text form "sock_diag".

The kernel answers since 3.3 (include/uapi/linux/{sock_diag,inet_diag,unix_diag,packet_diag,netlink_diag}.h,
net/core/sock_diag.c), for the caller's own network namespace, without privilege. Each protocol has a diag module of
its own; where it is missing the dump ends with ENOENT, which is not the same as no sockets. No mainline kernel
lists ping sockets (icmp) this way. Lines of the text form, tab-separated:

    =  PROTO  N             N sockets of that protocol were seen, listed or not
    !  PROTO  ENOENT        the kernel gave no list, and this errno
    ~  PROTO  interrupted   the list changed while the kernel wrote it: rows may be missing or double
    PROTO  local  peer  state  rx_queue  tx_queue  rmem  wmem  drops  inode  uid  interface  ring  cookie

Queues and memory are bytes, but for a listening socket rx_queue counts connections that nobody has accepted.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
import sys
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from leaktop.model.socket_names import netlink_name, state_name
from leaktop.sources.text_form import encode, escape

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_NETLINK_SOCK_DIAG = 4
_SOCK_DIAG_BY_FAMILY = 20
_NLMSG_ERROR, _NLMSG_DONE = 2, 3
_DUMP = 0x301  # NLM_F_REQUEST | NLM_F_ROOT | NLM_F_MATCH
_DUMP_INTERRUPTED = 0x10
_ALL_STATES = 0xFFFFFFFF
_LISTEN = 10
_ABSENT_FOR = 60.0  # seconds before a missing module is asked for again: asking makes the kernel run modprobe

_message = struct.Struct("=IHH8x").unpack_from  # nlmsghdr: length, type, flags
_attribute = struct.Struct("=HH")
_inet_queues = struct.Struct("=17xB54xII").unpack_from  # state and queues of an inet_diag_msg behind its nlmsghdr
_inet = struct.Struct("=16xB3x4s16s16sI8s12xII")
_unix = struct.Struct("=18xBxI8s")
_packet = struct.Struct("=18xHI8s")
_netlink = struct.Struct("=18xBBII4xI8s")


class Refused(Exception):  # noqa: N818 - an answer, not a fault of ours
    """The kernel ended a dump with the errno of this name instead of a list."""


class Row(NamedTuple):
    """A socket that was read in full."""

    holds: bool  # whether memory is charged to it
    inode: int
    line: str


class Family(NamedTuple):
    """How one protocol is asked for, and how a reply becomes a row."""

    request: bytes
    read: Callable[[str, bytearray, int, int, bool], Row | None]
    """From protocol, buffer, start and length of the reply, and whether an idle socket is wanted at all; None for an
    idle one that is not."""


def inet(family: int, protocol: int) -> Family:
    """TCP, UDP and their kin: inet_diag_req_v2 and inet_diag_msg."""
    is_tcp = protocol == socket.IPPROTO_TCP
    wmem_word = 5 if is_tcp else 2  # wmem_queued, wmem_alloc
    memory = struct.Struct("=HI16xI" if is_tcp else "=HI4xI").unpack_from  # attribute type, rmem, wmem
    places: dict[int, int] = {}  # where SKMEMINFO's type was in the last message of a length

    def read(proto: str, buffer: bytearray, start: int, length: int, idle: bool) -> Row | None:
        # Nearly all sockets of a busy server are idle: they end here after two unpacks.
        state, rx_queue, tx_queue = _inet_queues(buffer, start)
        if is_tcp and state == _LISTEN:
            tx_queue = 0  # the limit of the accept queue, not bytes; /proc/net/tcp prints 0
        place = places.get(length, 0)
        kind, rmem, wmem = memory(buffer, start + place)
        if kind != 7 or not place:
            rmem = wmem = 0
            for kind, begin, end in _attributes(buffer, start + 88, start + length):
                if kind == 7 and end - begin >= 24:
                    places[length] = begin - start - 2
                    _, rmem, wmem = memory(buffer, begin - 2)
        holds = rx_queue or tx_queue or rmem or wmem
        if not holds and not idle:
            return None
        version, ports, source, target, device, cookie, uid, inode = _inet.unpack_from(buffer, start)
        words = _words(_payloads(buffer, start + 88, start + length).get(7))
        near, far = struct.unpack("!HH", ports)
        return _row(
            *(
                holds,
                proto,
                _address(version, source, near),
                _address(version, target, far),
                state_name(state, is_tcp=is_tcp),
            ),
            *(rx_queue, tx_queue, words[0], words[wmem_word], words[8], inode, uid, _interface(device), None, cookie),
        )

    return Family(struct.pack("=BBBxI48x", family, protocol, 1 << 6, _ALL_STATES), read)  # INET_DIAG_SKMEMINFO


def _read_unix(proto: str, buffer: bytearray, start: int, length: int, _idle: bool) -> Row:
    # The only place that shows queues of unix sockets. A queued message is charged to its sender.
    state, inode, cookie = _unix.unpack_from(buffer, start)
    found = _payloads(buffer, start + 32, start + length)
    queues, words = _words(found.get(4)), _words(found.get(5))
    rx_queue, tx_queue = queues[0], 0 if state == _LISTEN else queues[1]
    name, peer = found.get(0, b""), _words(found.get(2))[0]
    path = name.replace(b"\0", b"@") if name[:1] == b"\0" else name.rstrip(b"\0")
    return _row(
        *(rx_queue or tx_queue or words[0] or words[2], proto),
        *(escape(os.fsdecode(path)), f"inode {peer}" if peer else "", state_name(state, is_tcp=False)),
        *(rx_queue, tx_queue, words[0], words[2], words[8], inode, _words(found.get(7))[0], None, None, cookie),
    )


def _read_packet(proto: str, buffer: bytearray, start: int, length: int, _idle: bool) -> Row:
    # The only place that shows mmap rings.
    ethertype, inode, cookie = _packet.unpack_from(buffer, start)
    found = _payloads(buffer, start + 32, start + length)
    words, uid, device = _words(found.get(6)), _words(found.get(5))[0], _words(found.get(0))[0]
    rings = [struct.unpack_from("=II", found[kind]) for kind in (2, 3) if len(found.get(kind, b"")) >= 8]
    ring = sum(size * blocks for size, blocks in rings)
    return _row(
        *(words[0] or words[2] or ring, proto, f"0x{ethertype:04x}", "", "UNCONN"),
        *(words[0], words[2], words[0], words[2], words[8], inode, uid, _interface(device), ring, cookie),
    )


def _read_netlink(proto: str, buffer: bytearray, start: int, length: int, _idle: bool) -> Row:
    # All netlink protocols at once. It tells no uid.
    number, state, port, peer, inode, cookie = _netlink.unpack_from(buffer, start)
    words = _words(_payloads(buffer, start + 44, start + length).get(0))
    if number == _NETLINK_SOCK_DIAG and port == 0:
        words = (0, *words[1:])  # the kernel's end of our own question, which it holds while it answers
    name = netlink_name(number)
    return _row(
        *(words[0] or words[2], proto, f"{name}:{port}", f"{name}:{peer}" if peer else ""),
        *("ESTABLISHED" if state == 1 else "UNCONN", words[0], words[2], words[0], words[2], words[8]),
        *(inode, None, None, None, cookie),
    )


FAMILIES: dict[str, Family] = {
    # Those with the most sockets come last, so that their idle ones do not crowd the others out.
    "packet": Family(struct.pack("=BBHII8x", socket.AF_PACKET, 0, 0, 0, 0x15), _read_packet),  # INFO RING_CFG MEMINFO
    "raw": inet(socket.AF_INET, socket.IPPROTO_RAW),
    "raw6": inet(socket.AF_INET6, socket.IPPROTO_RAW),
    "icmp": inet(socket.AF_INET, socket.IPPROTO_ICMP),
    "icmp6": inet(socket.AF_INET6, socket.IPPROTO_ICMPV6),
    "udplite": inet(socket.AF_INET, socket.IPPROTO_UDPLITE),
    "udplite6": inet(socket.AF_INET6, socket.IPPROTO_UDPLITE),
    "udp": inet(socket.AF_INET, socket.IPPROTO_UDP),
    "udp6": inet(socket.AF_INET6, socket.IPPROTO_UDP),
    "netlink": Family(struct.pack("=BBHII8x", socket.AF_NETLINK, 0xFF, 0, 0, 1), _read_netlink),  # MEMINFO
    "unix": Family(struct.pack("=BBHIII8x", socket.AF_UNIX, 0, 0, _ALL_STATES, 0, 0x75), _read_unix),
    "tcp": inet(socket.AF_INET, socket.IPPROTO_TCP),
    "tcp6": inet(socket.AF_INET6, socket.IPPROTO_TCP),
}

_absent: dict[str, float] = {}


def dump_sockets(idle_limit: int | None = None) -> bytes:
    """All sockets of this network namespace that hold memory, and up to `idle_limit` of those that do not.

    Raises:
        OSError: no netlink socket (EACCES, EPERM, EPROTONOSUPPORT), or an answer that is no netlink message.
    """
    lines: list[str] = []
    idle_left = sys.maxsize if idle_limit is None else idle_limit
    buffer = bytearray(1 << 18)  # the kernel fills at most 32 KB a reply
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETLINK_SOCK_DIAG) as netlink:
        own = os.fstat(netlink.fileno()).st_ino  # holds the very list that it asks for
        for proto, family in FAMILIES.items():
            total, before = 0, len(lines)
            if time.monotonic() - _absent.get(proto, -_ABSENT_FOR) < _ABSENT_FOR:
                lines.append(f"!\t{proto}\tENOENT")
                continue
            try:
                for start, length in _replies(netlink, buffer, family.request):
                    if length < 0:
                        lines.append(f"~\t{proto}\tinterrupted")
                        continue
                    total += 1
                    row = family.read(proto, buffer, start, length, idle_left > 0)
                    if row and row.inode == own:
                        total -= 1
                    elif row and (row.holds or idle_left > 0):
                        lines.append(row.line)
                        idle_left -= not row.holds
            except Refused as refused:
                del lines[before:]
                lines.append(f"!\t{proto}\t{refused}")
                if str(refused) == "ENOENT":
                    _absent[proto] = time.monotonic()
            else:
                lines.append(f"=\t{proto}\t{total}")
    return encode("sock_diag", lines)


def _replies(netlink: socket.socket, buffer: bytearray, request: bytes) -> Iterator[tuple[int, int]]:
    """Start and length of each reply while it is in the buffer; a last (0, -1) if the dump was interrupted."""
    netlink.send(struct.pack("=IHHII", 16 + len(request), _SOCK_DIAG_BY_FAMILY, _DUMP, 1, 0) + request)
    seen = 0
    while True:
        start, end = 0, netlink.recv_into(buffer)
        while start < end:
            length, kind, flags = _message(buffer, start)
            if length < 16 or start + length > end:
                raise OSError(errno.EBADMSG, "netlink message of impossible length")
            seen |= flags
            if kind == _SOCK_DIAG_BY_FAMILY:
                yield start, length
            elif kind in {_NLMSG_DONE, _NLMSG_ERROR}:
                code = -struct.unpack_from("=i", buffer, start + 16)[0] if length >= 20 else 0
                if code:
                    raise Refused(errno.errorcode.get(code, str(code)))
                if seen & _DUMP_INTERRUPTED:
                    yield 0, -1
                return
            start += (length + 3) & ~3


def _attributes(buffer: bytearray, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Type, and where the payload begins and ends, of each netlink attribute."""
    while start + 4 <= end:
        size, kind = _attribute.unpack_from(buffer, start)
        if size < 4 or start + size > end:
            return
        yield kind & 0x3FFF, start + 4, start + size
        start += (size + 3) & ~3


def _payloads(buffer: bytearray, start: int, end: int) -> dict[int, bytes]:
    return {kind: bytes(buffer[begin:stop]) for kind, begin, stop in _attributes(buffer, start, end)}


def _words(payload: bytes | None) -> tuple[int | None, ...]:
    """The 32-bit words of an attribute, then None for those that this kernel does not send."""
    known = len(payload) // 4 if payload else 0
    return (*struct.unpack_from(f"={known}I", payload or b""), *(None,) * (9 - known))


def _address(family: int, address: bytes, port: int) -> str:
    if family == socket.AF_INET:
        return f"{socket.inet_ntop(socket.AF_INET, address[:4])}:{port}"
    return f"[{socket.inet_ntop(socket.AF_INET6, address)}]:{port}"


def _interface(index: int | None) -> str | None:
    if not index:
        return None
    try:
        return escape(socket.if_indextoname(index))
    except OSError:
        return f"if{index}"


def _row(holds: int | None, *fields: Any) -> Row:
    """The row with these fields, the inode the tenth and the kernel's cookie the last."""
    *known, cookie = fields
    inode = known[9]
    known.append("" if inode else cookie.hex())
    return Row(bool(holds), inode, "\t".join(["-" if field is None else str(field) for field in known]))
