"""/proc/net/{tcp,udp,udplite,raw,icmp}[6], unix, packet and netlink, as kernels 2.6 to 7.x print them.

Sources: net/ipv4/{tcp_ipv4,udp,raw,ping}.c, net/ipv6/{tcp_ipv6,datagram}.c, net/unix/af_unix.c,
net/packet/af_packet.c, net/netlink/af_netlink.c. Columns are found by their heading where kernels differ; vendors
append some. Addresses are 32-bit words in the byte order of the machine that printed them.
"""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING

from leaktop.model.records import Socket, SocketTable
from leaktop.model.sample import ParseError
from leaktop.model.socket_names import netlink_name, state_name
from leaktop.parsers.lines import decode, slices

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_UNIX_STATES = {1: "UNCONN", 2: "SYN_SENT", 3: "ESTABLISHED", 4: "CLOSING"}
"""enum socket_state in the words of sk_state, which unix_diag shows."""
_ACCEPTS = 0x10000
_HEADINGS = {"unix": "RefCount", "packet": "RefCnt", "netlink": "Eth"}
_UNIX_ROW = re.compile(
    r"(?P<sk>[0-9a-fA-F]+|\([^)]*\)): +[0-9A-Fa-f]+ [0-9A-Fa-f]+ (?P<flags>[0-9A-Fa-f]+) [0-9A-Fa-f]+ "
    r"(?P<st>[0-9A-Fa-f]+) +(?P<inode>[0-9]+)(?: (?P<path>.*))?"
)


def parse_proc_net(proto: str, content: bytes, *, big_endian: bool = False) -> SocketTable:
    """The sockets of one file. A last line without its newline was cut short and is left out.

    Queues are bytes, of memory for all but TCP; a listening TCP socket's rx_queue counts connections that wait.
    Sockets without an inode (TIME_WAIT) get the kernel's pointer as their cookie, where it is printed.

    Raises:
        ParseError: empty, or another file than `proto` says.
    """
    if not content or content.isspace():
        raise ParseError("empty")
    start, end = content.find(b"\n") + 1, content.rfind(b"\n") + 1
    heading = decode(content[: start or None].removesuffix(b"\n"))
    columns = heading.split()
    if _HEADINGS.get(proto, "local_address") not in columns:
        raise ParseError(f"no heading of /proc/net/{proto}: {heading[:60]!r}")
    lines = (line for piece in slices(content[:end]) for line in decode(piece).split("\n")[:-1])
    next(lines, None)
    if proto == "unix":
        sockets = tuple(_unix_rows(lines))
    elif proto in {"packet", "netlink"}:
        read = _packet_row if proto == "packet" else _netlink_row
        sockets = tuple(_rows(lines, lambda line: read(dict(zip(columns, line.split(), strict=False)))))
    else:
        has_drops = "drops" in columns
        sockets = tuple(_rows(lines, lambda line: _inet_row(proto, line.split(), has_drops, big_endian)))
    return SocketTable(sockets, {proto: len(sockets)})


def _rows(lines: Iterable[str], read: Callable[[str], Socket]) -> Iterator[Socket]:
    """The rows of those lines that can be read."""
    for line in lines:
        try:
            yield read(line)
        except (ValueError, KeyError, IndexError):
            continue


def _inet_row(proto: str, fields: list[str], has_drops: bool, big_endian: bool) -> Socket:
    is_tcp = proto.startswith("tcp")
    tx_queue, rx_queue = (int(queue, 16) for queue in fields[4].split(":"))
    inode = int(fields[9])
    return Socket(
        proto=proto,
        local=_address(fields[1], big_endian),
        peer=_address(fields[2], big_endian),
        state=state_name(int(fields[3], 16), is_tcp=is_tcp),
        rx_queue=rx_queue,
        tx_queue=tx_queue,
        rmem=None if is_tcp else rx_queue,
        wmem=None if is_tcp else tx_queue,
        drops=int(fields[12]) if has_drops and len(fields) > 12 else None,
        inode=inode,
        uid=int(fields[7]),
        interface=None,
        cookie="" if inode else _pointer(fields[11]),
    )


@lru_cache(maxsize=8192)
def _address(printed: str, big_endian: bool) -> str:
    """ "0100007F:1E61" as "127.0.0.1:7777"."""
    address, port = printed.split(":")
    octets = bytes.fromhex(address)
    if not big_endian:
        octets = b"".join(octets[start : start + 4][::-1] for start in range(0, len(octets), 4))
    if len(octets) == 4:
        return f"{IPv4Address(octets)}:{int(port, 16)}"
    return f"[{_ipv6(octets)}]:{int(port, 16)}"


def _ipv6(octets: bytes) -> str:
    """As inet_ntop writes it, with the last 32 bits of mapped and compatible addresses as IPv4."""
    if octets.startswith(bytes(10) + b"\xff\xff"):
        return f"::ffff:{IPv4Address(octets[12:])}"
    if octets.startswith(bytes(12)) and octets[12:14] != bytes(2):
        return f"::{IPv4Address(octets[12:])}"
    return str(IPv6Address(octets))


def _pointer(printed: str) -> str:
    """The kernel's pointer where it tells sockets apart: not zeros, and not (null) or (____ptrval____)."""
    return printed if printed.strip("0") and not printed.startswith("(") else ""


def _unix_rows(lines: Iterable[str]) -> Iterator[Socket]:
    """Paths are printed as they are: lines that are no row belong to the path of the row before."""
    row: re.Match[str] | None = None
    path = ""
    for line in lines:
        if found := _UNIX_ROW.fullmatch(line):
            if row:
                yield _unix_row(row, path)
            row, path = found, found["path"] or ""
        elif path:
            path += "\n" + line
    if row:
        yield _unix_row(row, path)


def _unix_row(row: re.Match[str], path: str) -> Socket:
    state, inode = int(row["st"], 16), int(row["inode"][-20:])
    return Socket(
        proto="unix",
        local=path,
        peer="",
        state="LISTEN" if int(row["flags"], 16) & _ACCEPTS else _UNIX_STATES.get(state, str(state)),
        rx_queue=None,
        tx_queue=None,
        rmem=None,
        wmem=None,
        drops=None,
        inode=inode,
        uid=None,
        interface=None,
        cookie="" if inode else _pointer(row["sk"]),
    )


def _packet_row(field: dict[str, str]) -> Socket:
    rmem, inode, interface = int(field["Rmem"]), int(field.get("Inode", 0)), int(field["Iface"])
    return Socket(
        proto="packet",
        local=f"0x{int(field['Proto'], 16):04x}",
        peer="",
        state="UNCONN",
        rx_queue=rmem,
        tx_queue=None,
        rmem=rmem,
        wmem=None,
        drops=None,
        inode=inode,
        uid=int(field["User"]) if "User" in field else None,
        interface=f"if{interface}" if interface else None,
        cookie="" if inode else _pointer(field["sk"]),
    )


def _netlink_row(field: dict[str, str]) -> Socket:
    rmem, wmem, inode = int(field["Rmem"]), int(field["Wmem"]), int(field.get("Inode", 0))
    protocol = int(field["Eth"])
    name = netlink_name(protocol)
    return Socket(
        proto="netlink",
        local=f"{name}:{int(field['Pid']) & 0xFFFFFFFF}",
        peer="",
        state="",
        rx_queue=rmem,
        tx_queue=wmem,
        rmem=rmem,
        wmem=wmem,
        drops=int(field["Drops"]) if "Drops" in field else None,
        inode=inode,
        uid=None,
        interface=None,
        cookie="" if inode else _pointer(field["sk"]),
    )
