"""Redacts the kernel's own counters and lists: lines that fit the file's grammar stay, without pointers and names.

Kernel addresses reveal where the kernel lies (KASLR); cache names may hold a control group's name or a pointer.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from leaktop.recording.redact.fakes import Fakes, Words

FIGURES: dict[str, re.Pattern[bytes]] = {
    name: re.compile(rb"^%b\n" % line, re.MULTILINE)
    for name, line in {
        "meminfo": rb"[^\s:]{1,80}: *[0-9]{1,20}(?: kB)?",
        "vmstat": rb"\S{1,80} [0-9]{1,20}",
        "zoneinfo": (
            rb"(?:Node +[0-9]+, +zone +\w+"
            rb"| +(?:per-node stats|pagesets|[A-Za-z_][\w -]{0,60}:? +\(?-?[0-9][0-9, ]{0,999}\)?))"
        ),
        "hugepages": rb"(?:[^\n]*/)?hugepages-[0-9]+kB/[a-z]+_hugepages:[0-9]+",
        "net/sockstat": rb"\w+:(?: \w+ -?[0-9]+)+ *",
        "net/sockstat6": rb"\w+:(?: \w+ -?[0-9]+)+ *",
        "net/protocols": (
            rb"(?:protocol +size +sockets[\w ]*"
            rb"|[\w./+-][\w ./+-]{0,80}?(?: +-?[0-9]+){3} +\w+ +[0-9]+ +\w+ +\S+[yn ]*)"
        ),
    }.items()
}
"""By probe, the lines of a file that holds figures under the kernel's own names."""
_DIRECTORY = re.compile(rb"^[^\n]*/(?=hugepages-)", re.MULTILINE)
_SLABINFO = re.compile(
    rb"^(?:slabinfo - version: [0-9.]+[\w ()]*|# name [\w <>:]*"
    rb"|[^\n]{1,400}? : tunables[0-9 ]* : slabdata[0-9 :a-z]*)\n",
    re.MULTILINE,
)
_SLAB_LINK = re.compile(
    rb"^(?:# leaktop slab_links 1|[^\t\n]+\t(?:dir\t[01-]|link\t[^\t\n]+)|total [0-9]+)\n", re.MULTILINE
)
_LISTED_LINK = re.compile(
    rb"^([dl][-rwxsStT]{9}[.+@]? +[0-9]+) +\S+ +\S+( +[0-9]+ +(?:[0-9]{4}-[0-9]{2}-[0-9]{2} +[0-9:.]+(?: [-+][0-9]{4})?"
    rb"|[A-Z][a-z]{2} +[0-9]+ +[0-9:]+) [^\n]+\n)",
    re.MULTILINE,
)
_CGROUP = re.compile(rb"\(([0-9]+):([^\t\n]{0,256}?)\)(?=\s)")
_CGROUP_SAID = re.compile(rb"\(([0-9]+):(.*)\)(?=: )", re.DOTALL)
_POINTER = re.compile(rb"(?<![0-9a-f])(ffff[0-9a-f]{12}|[c-f][0-9a-f]{7})(?![0-9a-zA-Z_])")
_AREA = re.compile(rb"^0x([0-9a-fA-F]*+)[^\s-]*+-0x[^\s]*+( [^\n]*+\n)", re.MULTILINE)
_AREA_POINTER = re.compile(rb"(?<![\w+/=])0x([0-9a-f]{7,16})(?![\w])")

_ALLOC_TAG = re.compile(
    rb"^(?:(allocinfo - version: [0-9.]+|# +<size>[ <>a-z]*)"
    rb"|( *-?[0-9]{1,20} +[0-9]{1,20} )(\S[^\n]*?)(:[0-9]+(?: \[[^\]\n]+\])? func:\S+(?: +[\w-]+:\S*)* *))\n",
    re.MULTILINE,
)


def redact_figures(probe: str, content: bytes) -> bytes:
    """A file that holds figures only, without the lines that are none."""
    lines: list[bytes] = FIGURES[probe].findall(content)
    kept = b"".join(lines)
    return _DIRECTORY.sub(b"", kept) if probe == "hugepages" else kept


def redact_slabinfo(content: bytes, fakes: Fakes, words: Words) -> bytes:
    """/proc/slabinfo with other control groups and pointers in its names."""
    return _names(b"".join(_SLABINFO.findall(content)), fakes, words)


def redact_slab_links(content: bytes, fakes: Fakes, words: Words) -> bytes:
    """The list "slab_links", or a listing of `ls -l`, with the same names as /proc/slabinfo has then."""
    if content.startswith(b"# "):
        kept = b"".join(_SLAB_LINK.findall(content))
    else:
        kept = b"".join(b"%b root root%b" % (mode, rest) for mode, rest in _LISTED_LINK.findall(content))
    return _names(kept, fakes, words)


def _names(content: bytes, fakes: Fakes, words: Words) -> bytes:
    if b":" in content:
        content = _CGROUP.sub(lambda found: b"(%b:%b)" % (found[1], fakes.cgroup(found[2])), content)
    return words.strip(_POINTER.sub(lambda found: fakes.pointer(found[1]), content))


def redact_experiment(text: bytes, fakes: Fakes, words: Words) -> bytes:
    """The answer of an experiment, with the same name of the cache as in /proc/slabinfo then."""
    said = _CGROUP_SAID.sub(lambda found: b"(%b:%b)" % (found[1], fakes.cgroup(found[2])), text)
    return words.strip(_POINTER.sub(lambda found: fakes.pointer(found[1]), said))


def redact_allocinfo(content: bytes, fakes: Fakes, words: Words) -> bytes:
    """/proc/allocinfo without the directories in which modules were built; the kernel's own tree names nobody."""
    lines = []
    for heading, figures, path, rest in _ALLOC_TAG.findall(content):
        is_outside = path[:1] == b"/" or b".." in path
        lines.append(heading or figures + (fakes.path(path) if is_outside else path) + rest)
    return words.strip(b"".join(b"%b\n" % line for line in lines))


def redact_vmallocinfo(content: bytes, fakes: Fakes, words: Words) -> bytes:
    """/proc/vmallocinfo with zeros for addresses, as kptr_restrict=2 prints it; code of gone modules stays apart.

    A busy machine has 100,000 lines, nearly all alike behind the address: each is looked at once.
    """
    areas: list[tuple[bytes, bytes]] = _AREA.findall(content)
    if not areas:
        return b""
    zeros = b"0" * len(areas[0][0])
    head = b"0x%b-0x%b" % (zeros, zeros)

    def rest(line: bytes) -> bytes:
        return words.strip(_AREA_POINTER.sub(lambda found: b"0x" + fakes.pointer(found[1]), line))

    redacted = {line: head + rest(line) for line in dict.fromkeys(line for _, line in areas)}
    return b"".join([redacted[line] for _, line in areas])
