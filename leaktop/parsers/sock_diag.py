"""The text form "sock_diag" that leaktop.sources.sock_diag writes; its docstring has the grammar."""

from __future__ import annotations

from leaktop.model.records import Socket, SocketTable
from leaktop.parsers.lines import rows, unescape

_FIELDS = 14


def parse_sock_diag(content: bytes) -> SocketTable:
    """The sockets of a dump, in its order. Rows that are not in the form are skipped.

    Raises:
        ParseError: the bytes are not this text form.
    """
    numbers: dict[str, int | None] = {"-": None, "0": 0}  # most are one of these, and int() costs the most here
    totals: dict[str, int] = {}
    faults: dict[str, str] = {}
    sockets: list[Socket] = []
    has_escapes = b"\\" in content

    def number(field: str) -> int | None:
        return numbers[field] if field in numbers else int(field)

    for row in rows(content[: content.rfind(b"\n") + 1], "sock_diag"):  # without a line that was cut short
        try:
            if len(row) >= _FIELDS:
                proto, local, peer, state, rx, tx, rmem, wmem, drops, inode, uid, interface, ring, cookie = row[
                    :_FIELDS
                ]
                if has_escapes:
                    local, peer, interface = unescape(local), unescape(peer), unescape(interface)
                sockets.append(
                    Socket(
                        *(proto, local, peer, state, number(rx), number(tx), number(rmem), number(wmem)),
                        *(number(drops), int(inode), number(uid), None if interface == "-" else interface),
                        *(number(ring), cookie),
                    )
                )
            elif len(row) == 3 and row[0] == "=":
                totals[row[1]] = int(row[2])
            elif len(row) == 3 and row[0] == "!":
                faults[row[1]] = row[2]
        except ValueError:
            continue
    return SocketTable(tuple(sockets), totals, faults)
