"""Redacts socket tables: the list "sock_diag", and /proc/net/{tcp,udp,raw,icmp,unix,packet,netlink} and their kin.

Ports, queues, inodes and states stay; addresses, paths, users and the kernel's pointers do not. Rows in no known form
are left out, as are columns that vendors append in words (one prints the process's name).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from leaktop.model.socket_names import PROTOCOLS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from leaktop.recording.redact.fakes import Fakes

_FIGURES = re.compile(rb"(?:-|[0-9]+)(?:\t(?:-|[0-9]+))*")
_SPECIAL = re.compile(rb"[=!~]\t[a-z0-9]+\t[A-Za-z0-9]+")
_PLAIN_END = re.compile(rb"(?:inode [0-9]+|[a-z0-9_]+:[0-9]+|0x[0-9a-f]{4})?")
_WORD = re.compile(rb"\w*")
_HEX_ADDRESS = rb"([0-9A-Fa-f]{8}|[0-9A-Fa-f]{32})"
_INET = re.compile(
    rb"( *[0-9]+: )%b(:[0-9A-Fa-f]{4} )%b(:[0-9A-Fa-f]{4}(?: +[0-9A-Fa-f:]+){4} +)([0-9]+)( +[0-9]+ +[0-9]+)"
    rb"( +[0-9]+ )?(\([^)]*\)|[0-9A-Fa-f]+)?((?: +-?[0-9]+)*).*" % (_HEX_ADDRESS, _HEX_ADDRESS)
)
"""slot, two addresses with their ports, state to retransmits, uid, timeout and inode, references, pointer, figures."""
_UNIX = re.compile(
    rb"([0-9a-fA-F]+|\([^)]*\))(: +[0-9A-Fa-f]+ [0-9A-Fa-f]+ [0-9A-Fa-f]+ [0-9A-Fa-f]+ [0-9A-Fa-f]+ +[0-9]+)(?: (.*))?"
)
_HEADING = re.compile(rb"[\w> -]+")
_HIDDEN = re.compile(rb"\([^)]*\)")
_CELL = re.compile(rb"-?[0-9a-fA-F]+|\([\w]*\)")
_ESCAPES = ((b"\\", b"\\\\"), (b"\t", b"\\t"), (b"\n", b"\\n"), (b"\0", b"\\0"), (b"\r", b"\\r"))


def escaped(name: bytes) -> bytes:
    """A name as the text forms write it, so that it is known wherever it was read."""
    for plain, written in _ESCAPES:
        name = name.replace(plain, written)
    return name


def redact_sock_diag(content: bytes, fakes: Fakes) -> bytes:
    """The list "sock_diag" with other addresses, paths, users, interfaces and cookies."""
    heading, *lines = content.split(b"\n")
    if heading != b"# leaktop sock_diag 1":
        return b""
    kept = [heading]
    for line in lines:
        fields = line.split(b"\t")
        if len(fields) >= 14:
            redacted = _diag_row(fields[:14], fakes)
            if redacted is not None:
                kept.append(redacted)
        elif not line or _SPECIAL.fullmatch(line):
            kept.append(line)
    return b"\n".join(kept)


def _diag_row(fields: list[bytes], fakes: Fakes) -> bytes | None:
    proto, local, peer, state, *figures = fields
    *queues, uid, interface, ring, cookie = figures
    is_known = _WORD.fullmatch(proto) and _WORD.fullmatch(state) and _FIGURES.fullmatch(b"\t".join((*queues, ring)))
    if not is_known or proto.decode() not in PROTOCOLS:
        return None
    ends = [_end(proto, end, fakes) for end in (local, peer)]
    seen = fakes.uid(uid), fakes.interface(interface), ring, fakes.pointer(cookie)
    return b"\t".join((proto, *ends, state, *queues, *seen))


def _end(proto: bytes, end: bytes, fakes: Fakes) -> bytes:
    """One end of a socket: address and port, path, or what the kernel numbers."""
    if proto in {b"unix", b"packet", b"netlink"}:
        return end if _PLAIN_END.fullmatch(end) else fakes.path(end)
    address, colon, port = end.rpartition(b":")
    try:
        if address[:1] == b"[":
            return b"[%b]:%b" % (fakes.address(address[1:-1]), port if port.isdigit() else b"0")
        return fakes.address(address) + colon + (port if port.isdigit() else b"0")
    except ValueError:
        return fakes.path(end)


def redact_proc_net(proto: str, content: bytes, fakes: Fakes) -> bytes:
    """One of /proc/net's tables with other addresses, paths, users and pointers."""
    heading, *lines = content.split(b"\n")
    if _HEADING.fullmatch(heading) is None:
        return b""
    if proto == "unix":
        rows = _unix_rows(lines, fakes)
    elif proto in {"packet", "netlink"}:
        rows = _table_rows(heading, lines, {b"sk": fakes.pointer, b"User": fakes.uid})
    else:
        rows = _inet_rows(lines, fakes)
    # What follows the last newline was cut short: no parser takes it.
    return b"\n".join([heading, *rows, b""])


def redact_sysvipc(content: bytes, fakes: Fakes) -> bytes:
    """/proc/sysvipc/shm with other users."""
    heading, *lines = content.split(b"\n")
    if _HEADING.fullmatch(heading) is None:
        return b""
    users = dict.fromkeys((b"uid", b"gid", b"cuid", b"cgid"), fakes.uid)
    return b"\n".join([heading, *_table_rows(heading, [*lines, b""], users), b""])


def _inet_rows(lines: list[bytes], fakes: Fakes) -> Iterator[bytes]:
    for line in lines[:-1]:
        found = _INET.fullmatch(line)
        if found is None:
            continue
        slot, local, ports, peer, state, uid, inode, references, pointer, rest = found.groups(default=b"")
        shown = pointer if pointer[:1] == b"(" else fakes.pointer(pointer) if pointer else b""
        ends = _hex(local, fakes), ports, _hex(peer, fakes)
        yield b"".join((slot, *ends, state, fakes.uid(uid), inode, references, shown, rest)).rstrip()


def _hex(printed: bytes, fakes: Fakes) -> bytes:
    """An address in words of the machine's byte order, taken as little-endian, as the parser does."""
    octets = _swapped(bytes.fromhex(printed.decode()))
    fake = fakes.packed(octets)
    return printed if fake == octets else _swapped(fake).hex().upper().encode()


def _swapped(octets: bytes) -> bytes:
    return b"".join(octets[start : start + 4][::-1] for start in range(0, len(octets), 4))


def _unix_rows(lines: list[bytes], fakes: Fakes) -> Iterator[bytes]:
    """Paths are printed as they are: lines that are no row belong to the path of the row before."""
    row: re.Match[bytes] | None = None
    path = b""
    for line in (*lines[:-1], None):
        found = None if line is None else _UNIX.fullmatch(line)
        if line is not None and found is None:
            path += b"\n" + line if path else b""
            continue
        if row is not None:
            pointer = row[1] if _HIDDEN.fullmatch(row[1]) else fakes.pointer(row[1])
            yield pointer + row[2] + (b" " + fakes.path(escaped(path)) if path else b"")
        row, path = found, (found[3] or b"") if found else b""


def _table_rows(heading: bytes, lines: list[bytes], hide: Mapping[bytes, Callable[[bytes], bytes]]) -> Iterator[bytes]:
    """Rows of figures under a heading, some columns of which are hidden; each keeps its width where it can."""
    columns = heading.split()
    for line in lines[:-1]:
        cells = line.split()[: len(columns)]
        if not cells or not all(map(_CELL.fullmatch, cells)):
            continue
        shown = [
            hide[column](cell) if column in hide and cell[:1] != b"(" else cell
            for column, cell in zip(columns, cells, strict=False)
        ]
        yield b" ".join(shown)
