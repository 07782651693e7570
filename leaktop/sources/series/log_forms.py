"""What a log is made of: how each kernel file is known by its lines."""

from __future__ import annotations

import re
from typing import NamedTuple


class Form(NamedTuple):
    """How one kernel file looks in a log."""

    probe: str
    opening: re.Pattern[bytes]
    """The line that a dump of it can begin with."""
    line: re.Pattern[bytes]
    """Every line of it."""
    identity: re.Pattern[bytes]
    """What of the first line stands in one dump only once, so that it tells where the next dump begins."""
    least: float
    """A dump that has less than this part of the lines of the others of its kind was cut."""


def _form(probe: str, opening: bytes, line: bytes, identity: bytes | None = None, least: float = 0.9) -> Form:
    return Form(probe, re.compile(opening), re.compile(line), re.compile(identity or opening), least)


FORMS: tuple[Form, ...] = (
    _form(
        "meminfo",
        rb"MemTotal: *[0-9]{1,20} kB",
        # A count without its unit is short, else it is the seconds of a heading: "time: 1795262400".
        rb"[^\s:]{1,80}: *(?:[0-9]{1,20} kB|[0-9]{1,8})",
        rb"MemTotal:",
    ),
    _form(
        "slabinfo",
        rb"slabinfo - version: 2\..*",
        rb"# name .*|\S.* : tunables .* : slabdata .*|slabinfo - version: 2\..*",
        rb"slabinfo - version",
        0.5,  # modules come and go
    ),
    # Areas of which only the hash is shown, or zeros, have no beginning to be known by.
    _form("vmallocinfo", rb"0x\S{1,40}-0x\S{1,40} +[0-9].*", rb"0x\S{1,40}-0x\S{1,40} +[0-9].*",
          rb"0x([0-9a-f]{1,16})-0x(?!\1 )[0-9a-f]{1,16} ", 0.5),
    _form("allocinfo", rb"allocinfo - version: .*",
          rb"allocinfo - version: .*|# +<size>.*| *-?[0-9]{1,20} +[0-9]{1,20} \S.* func:\S.*", rb"allocinfo - version",
          0.5),
    _form("zoneinfo", rb"Node +[0-9]+, +zone +\S+ *",
          rb"Node +[0-9]+, +(?:zone +\S+ *|per-node stats *)|[ \t]+\S.*", None, 0.5),
    _form("vmstat", rb"nr_free_pages [0-9]{1,20}", rb"[a-z]\w{1,79} [0-9]{1,20}", rb"nr_free_pages "),
    _form("net/sockstat", rb"sockets: used [0-9]{1,20}", rb"[A-Za-z]{2,9}:(?: [a-z]\w* [0-9]{1,20})+",
          rb"sockets: used"),
    _form("net/sockstat6", rb"TCP6: inuse [0-9]{1,20}", rb"[A-Z]{2,9}6:(?: [a-z]\w* [0-9]{1,20})+", rb"TCP6:"),
)  # fmt: skip
