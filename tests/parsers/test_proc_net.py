from __future__ import annotations

import contextlib
import os
import re
import socket
import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leaktop.model.records import Socket
from leaktop.model.sample import ParseError
from leaktop.parsers.proc_net import parse_proc_net

TESTS = Path(__file__).parents[1]
PUBLIC = Path(os.environ.get("LEAKTOP_CORPUS", TESTS.parents[1] / "shared" / "corpus")) / "public"
PROTOS = (
    *("tcp", "tcp6", "udp", "udp6", "udplite", "udplite6", "raw", "raw6", "icmp", "icmp6"),
    *("unix", "packet", "netlink"),
)
INET_HEADING = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode{}\n"
UNIX_HEADING = b"Num       RefCount Protocol Flags    Type St Inode Path\n"
STATE_NAMES = dict(
    line.split()
    for line in """\
01 ESTABLISHED
02 SYN_SENT
03 SYN_RECV
04 FIN_WAIT1
05 FIN_WAIT2
06 TIME_WAIT
07 CLOSE
08 CLOSE_WAIT
09 LAST_ACK
0A LISTEN
0B CLOSING
""".splitlines()
)
NETLINK_NAMES = dict(
    line.split()
    for line in """\
0 route
2 usersock
3 firewall
4 sock_diag
5 nflog
6 xfrm
7 selinux
8 iscsi
9 audit
10 fib_lookup
11 connector
12 netfilter
13 ip6_fw
14 dnrtmsg
15 kobject_uevent
16 generic
18 scsitransport
20 rdma
""".splitlines()
)


def proto_of(path: Path) -> str:
    return path.name.split("__")[0].removeprefix("net_")


def captures() -> list[object]:
    own = (TESTS / "data" / "net").glob("net_*")
    found = sorted(path for path in (*own, *PUBLIC.glob("net_*")) if proto_of(path) in PROTOS)
    cases: list[object] = [pytest.param(path, id=path.name) for path in found]
    if not PUBLIC.is_dir():
        absent = pytest.mark.skip(reason=f"no public captures: {PUBLIC} is absent")
        cases.append(pytest.param(None, id="public", marks=absent))
    return cases


def plain_address(printed: str) -> str:
    address, port = printed.split(":")
    words = struct.pack(f"<{len(address) // 8}I", *(int(word, 16) for word in re.findall("." * 8, address)))
    if len(words) == 4:
        return f"{socket.inet_ntop(socket.AF_INET, words)}:{int(port, 16)}"
    return f"[{socket.inet_ntop(socket.AF_INET6, words)}]:{int(port, 16)}"


def plain_inet(proto: str, text: str) -> list[Socket]:
    """The same table read by one regular expression."""
    heading, *lines = text.splitlines()
    row = re.compile(r" *\d+: (\S+) (\S+) (..) (.{8}):(.{8}) ..:.{8} .{8} +(\d+) +\d+ (\d+) \d+ (\S+)(?: (\d+))?.*")
    found = []
    for line in lines:
        match = row.fullmatch(line)
        assert match, line
        local, peer, st, tx, rx, uid, inode, pointer, drops = match.groups()
        state = STATE_NAMES[st]
        if state == "CLOSE" and not proto.startswith("tcp"):
            state = "UNCONN"
        received, sent = int(rx, 16), int(tx, 16)
        rmem, wmem = (None, None) if proto.startswith("tcp") else (received, sent)
        lost = int(drops) if heading.split()[14:15] == ["drops"] else None
        cookie = "" if inode != "0" or set(pointer) == {"0"} else pointer
        addresses = plain_address(local), plain_address(peer)
        memory = received, sent, rmem, wmem, lost
        found.append(Socket(proto, *addresses, state, *memory, int(inode), int(uid), None, None, cookie))
    return found


def plain_columns(proto: str, text: str) -> list[Socket]:
    heading, *lines = text.splitlines()
    names = heading.split()
    found = []
    for line in lines:
        row = dict(zip(names, line.split(), strict=False))
        rmem, inode = int(row["Rmem"]), int(row.get("Inode", "0"))
        cookie = "" if inode or set(row["sk"]) == {"0"} else row["sk"]
        if proto == "packet":
            interface = None if row["Iface"] == "0" else "if" + row["Iface"]
            local, uid = "0x" + row["Proto"], int(row["User"])
            numbers = (rmem, None, rmem, None, None, inode, uid, interface)
            found.append(Socket(proto, local, "", "UNCONN", *numbers, cookie=cookie))
        else:
            wmem, drops = int(row["Wmem"]), int(row["Drops"]) if "Drops" in row else None
            port = int(row["Pid"]) % 2**32
            local = f"{NETLINK_NAMES.get(row['Eth'], row['Eth'])}:{port}"
            found.append(Socket(proto, local, "", "", rmem, wmem, rmem, wmem, drops, inode, None, None, cookie=cookie))
    return found


def plain_unix(text: str) -> list[Socket]:
    """Rows begin where a pointer and a colon begin a line."""
    found = []
    for row in re.split(r"\n(?=[0-9a-f]{8,16}: )", text.rstrip("\n"))[1:]:
        _, _, _, flags, _, st, inode, *path = re.split(r" +", row, maxsplit=7)
        state = "LISTEN" if flags == "00010000" else {"01": "UNCONN", "03": "ESTABLISHED"}[st]
        found.append(Socket("unix", "".join(path), "", state, None, None, None, None, None, int(inode), None, None))
    return found


@pytest.mark.parametrize("path", captures())
def test_every_capture_whole(path: Path) -> None:
    proto = proto_of(path)
    content = path.read_bytes()
    if not content.endswith(b"\n"):
        content += b"\n"  # a collector stripped it
    table = parse_proc_net(proto, content)
    text = content.decode()
    if proto == "unix":
        expected = plain_unix(text)
    elif proto in {"packet", "netlink"}:
        expected = plain_columns(proto, text)
    else:
        expected = plain_inet(proto, text)
    assert list(table.sockets) == expected
    assert table.totals == {proto: len(expected)}
    assert table.faults == {}


def udp_row(rest: str, *, address: str = "0100007F:14E9") -> bytes:
    return (
        f"  177: {address} 00000000:0000 07 00000010:00000200 00:00000000 00000000   104        0 {rest}\n"
    ).encode()


def test_a_captured_udp_row_as_it_should_be() -> None:
    content = (TESTS / "data" / "net" / "net_udp__vm-6.1b.txt").read_bytes()
    assert parse_proc_net("udp", content).sockets[0] == Socket(
        *("udp", "127.0.0.1:7778", "0.0.0.0:0", "UNCONN", 0x34300, 0, 0x34300, 0, 433, 10090, 0, None)
    )


def test_drops_only_where_the_heading_has_them() -> None:
    row = udp_row("2740 1 ffff88003d3af3c0 100 0 0 10 0")
    with_drops = parse_proc_net("udp", INET_HEADING.format(" ref pointer drops").encode() + row)
    without = parse_proc_net("udp", INET_HEADING.format("").encode() + row)
    assert [table.sockets[0].drops for table in (with_drops, without)] == [100, None]


def test_a_vendor_s_columns_and_pointers_of_every_kind() -> None:
    heading = INET_HEADING.format(" ref pointer drops pid task").encode()
    for pointer in ("c54ed5e0", "(____ptrval____)", "(ptrval)", "(null)", "0000000000000000"):
        [found] = parse_proc_net("udp", heading + udp_row(f"636 2 {pointer} 7 609 cs pd")).sockets
        assert (found.inode, found.drops, found.uid, found.cookie) == (636, 7, 104, "")
        [orphan] = parse_proc_net("udp", heading + udp_row(f"0 2 {pointer} 7")).sockets
        assert orphan.cookie == (pointer if pointer == "c54ed5e0" else "")


@pytest.mark.parametrize(
    ("printed", "address"),
    [
        ("00000000000000000000000001000000:0050", "[::1]:80"),
        ("0000000000000000FFFF00000100007F:0050", "[::ffff:127.0.0.1]:80"),
        ("00000000000000000000000004030201:0050", "[::1.2.3.4]:80"),
        ("B80D0120000000000000000001000000:FFFF", "[2001:db8::1]:65535"),
        ("00000000000000000000000000000000:003A", "[::]:58"),
    ],
)
def test_addresses_as_inet_ntop_writes_them(printed: str, address: str) -> None:
    row = udp_row("1 2 c54ed5e0 0", address=printed)
    [found] = parse_proc_net("udp6", INET_HEADING.format("").encode() + row).sockets
    assert found.local == address == plain_address(printed)


def test_a_big_endian_machine_prints_addresses_the_other_way_round() -> None:
    content = INET_HEADING.format("").encode() + udp_row("1 2 c54ed5e0 0", address="7F000001:0035")
    [found] = parse_proc_net("udp", content, big_endian=True).sockets
    assert found.local == "127.0.0.1:53"


def test_a_unix_path_is_kept_as_the_kernel_prints_it() -> None:
    path = b"/tmp/a  b\n\nDirty: 3 kB\t\"'\\\r\x1b[31m \xff"
    content = (
        UNIX_HEADING
        + b"000000006f136b78: 00000003 00000000 00000000 0001 03  1158\nno row and no path before it\n"
        + b"(____ptrval____): 00000002 00000000 00010000 0001 01 99999 "
        + path
        + b"\n00000000c05a93af: 00000002 00000000 00000000 0002 02     0 @a@b\n"
    )
    first, second, third = parse_proc_net("unix", content).sockets
    assert (first.local, first.state, first.rx_queue, first.rmem) == ("", "ESTABLISHED", None, None)
    assert second.local.encode("utf-8", "surrogateescape") == path
    assert (second.state, second.inode, second.cookie) == ("LISTEN", 99999, "")
    assert (third.local, third.state, third.cookie) == ("@a@b", "SYN_SENT", "00000000c05a93af")


def test_netlink_columns_of_old_kernels() -> None:
    heading = b"sk       Eth Pid    Groups   Rmem     Wmem     Dump     Locks     Drops\n"
    content = heading + b"ffff88 15  -4097  00000000 8        16          (null) 2        5\n"
    [found] = parse_proc_net("netlink", content).sockets
    assert found == Socket(
        *("netlink", "kobject_uevent:4294963199", "", "", 8, 16, 8, 16, 5, 0, None, None), cookie="ffff88"
    )


def test_a_heading_alone_is_an_empty_table() -> None:
    for proto in PROTOS:
        heading = {"unix": UNIX_HEADING, "packet": b"sk RefCnt Type Proto Iface R Rmem User Inode\n"}.get(proto)
        heading = heading or (b"sk Eth Pid Groups\n" if proto == "netlink" else INET_HEADING.format("").encode())
        table = parse_proc_net(proto, heading)
        assert (table.sockets, table.totals) == ((), {proto: 0})


@pytest.mark.parametrize("content", [b"", b"\n", b" \n"])
def test_nothing_at_all_is_an_error(content: bytes) -> None:
    with pytest.raises(ParseError, match="empty"):
        parse_proc_net("tcp", content)


def test_another_file_is_refused_in_few_words() -> None:
    with pytest.raises(ParseError, match="no heading of /proc/net/tcp: 'MemTotal") as refusal:
        parse_proc_net("tcp", b"MemTotal: \x1b]0;" + b"x" * 500)
    assert len(str(refusal.value)) < 130


@pytest.mark.parametrize("path", sorted((TESTS / "data" / "net").iterdir()), ids=str)
def test_a_cut_at_any_byte_costs_only_its_line(path: Path) -> None:
    content = path.read_bytes()
    for cut in range(content.index(b"\n") + 1, len(content)):
        whole = parse_proc_net(proto_of(path), content[: content.rindex(b"\n", 0, cut) + 1])
        assert parse_proc_net(proto_of(path), content[:cut]) == whole


@pytest.mark.parametrize("proto", PROTOS)
@settings(max_examples=40, deadline=None)
@given(st.data())
def test_any_bytes_give_a_table_or_a_parse_error(proto: str, data: st.DataObject) -> None:
    own = {proto_of(path): path.read_bytes() for path in (TESTS / "data" / "net").iterdir()}
    content = own.get(proto, own["udp"])
    start = data.draw(st.integers(0, len(content)))
    end = data.draw(st.integers(start, min(start + 40, len(content))))
    junk = data.draw(st.binary(max_size=30) | st.text("0123456789ABCFx+-_:@/ \t\n()", max_size=30).map(str.encode))
    for damaged in (content[:start] + junk + content[end:], junk, re.sub(rb"\d+", b"9" * 5000, content, count=40)):
        with contextlib.suppress(ParseError):
            table = parse_proc_net(proto, damaged)
            assert table.totals == {proto: len(table.sockets)}
