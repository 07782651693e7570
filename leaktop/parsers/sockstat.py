"""/proc/net/sockstat and sockstat6 (net/ipv4/proc.c, since 2.4), and /proc/net/protocols (net/core/sock.c, since 2.6).

TCP's alloc, mem and orphan count the whole machine; inuse counts this network namespace.
"""

from __future__ import annotations

from itertools import pairwise

from leaktop.model.sample import ParseError
from leaktop.parsers.lines import decode


def parse_sockstat(content: bytes) -> dict[str, dict[str, int]]:
    """Each line's counters: {"TCP": {"inuse": 4, "mem": 12}}. mem is pages, FRAG's memory is bytes.

    Raises:
        ParseError: empty, or no line has the form.
    """
    if not content.strip():
        raise ParseError("empty")
    text = decode(content)
    counters = {}
    for line in text.split("\n")[:-1]:  # a last line without its newline was cut short
        name, colon, rest = line.partition(":")
        words = rest.split()
        if colon and words:
            try:
                counters[name] = {word: int(count) for word, count in list(pairwise(words))[::2]}
            except ValueError:
                continue
    if not counters:
        raise ParseError(f"not sockstat: {text[:60]!r}")
    return counters


def parse_protocols(content: bytes) -> dict[str, dict[str, int | None]]:
    """Each protocol's "sockets", "memory" (pages, None for protocols that do not count it) and "size" (bytes).

    Raises:
        ParseError: empty, or without the heading.
    """
    if not content.strip():
        raise ParseError("empty")
    heading, *lines = decode(content).split("\n")
    columns = heading.split()
    if not {"size", "sockets", "memory"} <= set(columns):
        raise ParseError(f"not /proc/net/protocols: {heading[:60]!r}")
    protocols = {}
    for line in lines[:-1]:
        words = line.split()
        surplus = len(words) - len(columns)  # a name may hold spaces
        if surplus < 0:
            continue
        field = dict(zip(columns[1:], words[1 + surplus :], strict=True))
        try:
            size, sockets, memory = int(field["size"]), int(field["sockets"]), int(field["memory"])
        except ValueError:
            continue
        protocols[" ".join(words[: 1 + surplus])] = {
            "sockets": sockets,
            "memory": None if memory == -1 else memory,
            "size": size,
        }
    return protocols
