"""The text form "sock_diag" that leaktop.sources.sock_diag writes; its docstring has the grammar."""

from __future__ import annotations

from functools import lru_cache

from leaktop.model.records import Socket, SocketTable
from leaktop.parsers.lines import lines, unescape

_FIELDS = 14
_FEW = 1 << 20
"""Bytes of a dump whose rows are remembered: from one second to the next most sockets stay as they are."""
_NUMBERS: dict[str, int | None] = {"-": None, "0": 0}
"""Most are one of these, and int() costs the most here."""


def parse_sock_diag(content: bytes) -> SocketTable:
    """The sockets of a dump, in its order. Rows that are not in the form are skipped.

    Raises:
        ParseError: the bytes are not this text form.
    """
    totals: dict[str, int] = {}
    faults: dict[str, str] = {}
    sockets: list[Socket] = []
    parse = _parse_line if len(content) < _FEW else _parse_line.__wrapped__
    for line in lines(content[: content.rfind(b"\n") + 1], "sock_diag"):  # without a line that was cut short
        if line[0] not in "=!":
            socket = parse(line)
            if socket is not None:
                sockets.append(socket)
            continue
        row = line.split("\t")
        if len(row) == 3 and row[0] == "=" and row[2].isdecimal() and len(row[2]) < 20:  # longer ones, int() refuses
            totals[row[1]] = int(row[2])
        elif len(row) == 3 and row[0] == "!":
            faults[row[1]] = row[2]
    return SocketTable(tuple(sockets), totals, faults)


@lru_cache(maxsize=1 << 12)
def _parse_line(line: str) -> Socket | None:
    row = line.split("\t")
    if len(row) < _FIELDS:
        return None
    proto, local, peer, state, rx, tx, rmem, wmem, drops, inode, uid, interface, ring, cookie = row[:_FIELDS]
    if "\\" in line:
        local, peer, interface = unescape(local), unescape(peer), unescape(interface)
    try:
        return Socket(
            *(proto, local, peer, state, _number(rx), _number(tx), _number(rmem), _number(wmem)),
            *(_number(drops), int(inode), _number(uid), None if interface == "-" else interface),
            *(_number(ring), cookie),
        )
    except ValueError:
        return None


def _number(field: str) -> int | None:
    return _NUMBERS[field] if field in _NUMBERS else int(field)
