"""Everything that an enemy would write where a name is asked for, a machine and a recording that are made of it.

What an ordinary user names: processes, command lines, socket paths, files, tmpfs mounts, memfds, control groups. And
what stands in a recording, a log or a report from elsewhere: all of it.
"""

from __future__ import annotations

import os
import unicodedata
from dataclasses import replace
from typing import TYPE_CHECKING

from leaktop.model.sample import Event, Fault, Machine, RawSample, Tick
from leaktop.recording.lines import Header
from leaktop.sources.probes import PROBES
from leaktop.sources.text_form import encode, escape
from tests.corpus import DATA

if TYPE_CHECKING:
    from pathlib import Path

NAMES: dict[str, str] = {
    "clear": "\x1b[2J\x1b[H\x1b[31mred",
    "title": "\x1b]0;owned\x07\x1bP1$r\x1b\\",
    "clipboard": "\x1b]52;c;cm0gLXJmIC8=\x07",
    "answerback": "\x05\x1b[6n\x1b[c\x1bZ",
    "c1": "\x9b31m\x9d0;t\x9c\x85\x90\x8d",
    "controls": "\x01\x07\x08\x0b\x0c\x0e\x0f\x7f\xad",
    "lines": "a\nb\tc\rd\0e",
    "bidi": "\u202aa\u202bb\u202cc\u202dd\u202egnp.exe\u2066e\u2067f\u2068g\u2069\u200e\u200f\u061c",
    "unseen": "z\u200bz\u200cz\u200dz\u2060z\ufeffz\u00adz\u034fz\u3164z\u115fz\uffa0z\u180e",
    "tags": "t\U000e0001\U000e0041\U000e007fg",
    "selectors": "v\ufe00\ufe0f\u180b\U000e0100s",
    "interlinear": "i\ufff9a\ufffab\ufffbt",
    "separators": "s\u2028p\u2029\u00a0\u3000\u2003",
    "combining": "Z\u0301\u0301\u0301\u0489a\u0335l\u20dd",
    "no UTF-8": "caf\udce9\udcff\udc80",
    "surrogate": "\ud800x\udfff",
    "private": "\ue000\U0010fffd\uffff\u0378",
    "wide": "漢字かな",
    "rich": "[bold red]x[/bold red][/foo][link=http://evil.example]y[/link]",
    "textual": "[@click=app.quit]x[/]",
    "html": "<script>alert(1)</script><img src=x onerror=a>&lt;\"'",
    "xml": "]]><evil/>&e;<!--<?x?>",
    "link": "[a](http://evil.example/)![b](//evil.example/x.png)<http://evil.example>",
    "url": "https://evil.example/ www.evil.example @everyone #1",
    "table": "a|b|c `code` ```fence *b* _i_ ~~s~~ $m$",
    "formula =": "=cmd|' /C calc'!A0,=HYPERLINK(\"http://evil.example\")",
    "formula +": "+1+1",
    "formula -": "-2+3",
    "formula @": "@SUM(1)",
    "formula tab": "\t=1+1",
    "formula CR": "\r=1+1",
    "quotes": '";=1;"\',',
    "shell": "$(reboot)`reboot`;reboot|&>/etc/passwd'\"",
    "percent": "%s%n{0}{a.b}\\x1b\\u202e",
    "option": "--help",
    "path": "../../../../etc/passwd",
    "endless": "x" * (1 << 20),
}
ALL = "".join(name for kind, name in NAMES.items() if kind != "endless")
"""Every short one in a row."""
_GHOSTS = "\u115f\u1160\u3164\uffa0"
_OBEYED = {"Cc", "Cf", "Cs", "Co", "Cn", "Mn", "Me", "Zl", "Zp"}

MACHINE = Machine(ALL, ALL, 4096, ALL, ALL, ALL, vmap_stack=True, is_live=False, reader_pid=1)
HEADER = Header(MACHINE, 1.0, (*PROBES, replace(PROBES[0], name=ALL, lane=ALL, path=ALL)), ALL, ALL)
START = 1795260000.0


def check_harmless(text: str) -> None:
    """Nothing but ends of lines that a terminal, a pager or a reader's eye would obey, or that would not show."""
    for line in text.split("\n"):
        if not line.isascii() or not line.isprintable():
            for character in line:
                assert character not in _GHOSTS, f"{character!a} in {line[:300]!a}"
                assert unicodedata.category(character) not in _OBEYED, f"{character!a} in {line[:300]!a}"


def without_breaks(name: str) -> str:
    """A name as it can stand in a column of a table: no white space."""
    return "".join(name.split()).replace("\0", "") or "x"


def file_name(name: str) -> str:
    """A name that a file can have."""
    return os.fsdecode(_bytes(name).replace(b"\0", b"").replace(b"/", b"%")[:200])


def contents(n: int, longest: int = 5000) -> dict[str, bytes | Fault]:
    """What every probe gives at tick n, on a machine where everything has such a name, so long at most, and grows."""
    names = list(enumerate((name[:longest] for name in NAMES.values()), 600))
    words = [without_breaks(name)[:2000] for _, name in names]
    slabs = [f"{word} {100 + n} {100 + n} 4096 8 8 : tunables 0 0 0 : slabdata {20 + n} {20 + n} 0" for word in words]
    links = [line for i, word in enumerate(words) for line in (f"alias-{word}\tlink\t:a-{i}", f"{word}\tlink\t:a-{i}")]
    areas = [
        f"0x{0x10000 * i:x}-0x{0x10000 * (i + 1):x} {65536 * (n + 2)} {word}+0x1/0x2 [{word}] pages={n + 1} vmalloc"
        for i, word in enumerate(words)
    ]
    processes = [f"{pid}\t{pid * 10}\t{escape(name)}\t{(64 + n) << 20}\t9\t9\t0\t0\t1\t4" for pid, name in names]
    mounts = [f"{escape('/tmp/' + name)}\t{escape(name)}\t{(n + 1) << 20}\t{1 << 30}\t0:{i}" for i, name in names]
    sockets = [
        f"unix\t{escape('/run/' + name)}\t\tUNCONN\t{4096 * (n + 1)}\t0\t{4096 * (n + 1)}\t0\t0\t{i}\t0\t-\t-\t"
        for i, name in names
    ]
    sockets += [
        f"{escape(name)}\t{escape(name)}\t{escape(name)}\t{escape(name)}\t{n}\t0\t{n}\t0\t0\t{i}\t0\t-\t-\t{escape(name)}"
        for i, name in names
    ]
    held = [
        f"{kind}\t{escape(name)}\t{(n + 1) << 16}\t{1 << 20}\t{pid}\t{escape(name)}\t5\t2"
        for pid, name in names
        for kind in ("memfd", "deleted", escape(name))
    ]
    tags = [f"{4096 * (n + 1)} {n + 1} {word}:1 [{word}] func:{word}" for word in words]
    return {
        "meminfo": (DATA / "meminfo/live-6.18.txt").read_bytes() + _lines([f"{word}: {n} kB" for word in words]),
        "vmstat": (DATA / "vmstat/live-6.18.txt").read_bytes(),
        "slabinfo": (DATA / "slabinfo/live-6.18.txt").read_bytes() + _lines(slabs),
        "slab_links": _form("slab_links", links),
        "vmallocinfo": _lines(areas),
        "allocinfo": b"allocinfo - version: 1.0\n" + _lines(tags),
        "sock_diag": _form("sock_diag", [*sockets, f"=\tunix\t{len(sockets)}"]),
        "socket_owners": _form("socket_owners", [f"{i}\t{i}\t5\t{escape(name)}" for i, name in names]),
        "net/protocols": b"protocol size sockets memory press\n" + _lines([f"{w} 100 {n} {n} no" for w in words]),
        "processes": _form("processes", processes),
        "tmpfs": _form("tmpfs", mounts),
        "open_files": _form("open_files", held),
        "sysvipc/shm": Fault("failed", ALL, ALL),
        "hugepages": Fault("missing", f"{ALL} is no file", ALL),
        "kmemleak": kmemleak_report(),
    }


def kmemleak_report() -> bytes:
    """A report of objects that were allocated by such commands, in such functions."""
    return b"".join(
        b'unreferenced object 0xffff%012x (size 64):\n  comm "%b", pid 7, jiffies 4294902443\n'
        b"  hex dump (first 32 bytes):\n    00 07  %b\n  backtrace:\n    [<ffffffff8116418a>] %b+0x6a/0x15b [%b]\n"
        % (4096 * i, _bytes(name[:300]), _bytes(name[:300]), _word(name), _word(name))
        for i, name in enumerate(NAMES.values())
    )


def kernel_log() -> bytes:
    """A log in which processes and control groups of such names ran out of memory."""
    captured = (DATA / "oom/vm-6.1b-oom_user.txt").read_bytes()
    logs = []
    for name in NAMES.values():
        word = _bytes(name[:300])
        killed = b",task_memcg=/%b,task=%b,pid=2126,uid=0" % (word, word)
        logs.append(
            captured.replace(b"(helper)", b"(%b)" % word)
            .replace(b"helper invoked", word + b" invoked")
            .replace(b"Comm: helper", b"Comm: " + word)
            .replace(b",task_memcg=/,task=helper,pid=2126,uid=0", killed)
            .replace(b"6.1.192", word)
            .replace(b"helper", word)
        )
    return b"".join(logs)


def suppressions() -> bytes:
    """A list of suppressions, of which few lines are rules."""
    return _lines(list(NAMES.values()))


def events() -> list[Event]:
    """Such words on the timeline, of every kind and of none."""
    kinds = ["mark", "baseline", "experiment", "allocations", "oom", "gap", "suspend", "clock", "reboot", ALL]
    return [Event(100.5 + i, START + i + 0.5, kind, ALL, 1.0) for i, kind in enumerate(kinds)]


def entries(count: int = 30) -> list[Tick | Event]:
    """So many ticks of the machine, a second apart, and the events between them."""
    said = events()
    between = dict(zip(range(2, 2 + len(said)), said, strict=True))
    found: list[Tick | Event] = []
    for n in range(count):
        mono, wall = 100.0 + n, START + n
        samples = (
            RawSample(probe, None if isinstance(given, Fault) else given, given if isinstance(given, Fault) else None,
                      mono, wall, 0.002)
            for probe, given in contents(n).items()
        )  # fmt: skip
        found.append(Tick(mono, wall, (*samples, RawSample(ALL, b"x", None, mono, wall))))
        if n in between:
            found.append(replace(between[n], mono=mono + 0.5, wall=wall + 0.5))
    return found


def plant(root: Path, n: int = 0) -> Path:
    """A captured tree of the machine, itself in a directory of such a name."""
    place = root / file_name(ALL)
    paths = {
        "meminfo": "proc/meminfo", "vmstat": "proc/vmstat", "slabinfo": "proc/slabinfo", "allocinfo": "proc/allocinfo",
        "vmallocinfo": "proc/vmallocinfo", "net/protocols": "proc/net/protocols",
        "kmemleak": "sys/kernel/debug/kmemleak",
    }  # fmt: skip
    given = contents(n)
    for probe, path in paths.items():
        content = given[probe]
        assert isinstance(content, bytes)
        _put(place / path, content)
    _put(place / "proc/sys/kernel/osrelease", _bytes(ALL))
    _put(place / "proc/sys/kernel/hostname", _bytes(ALL))
    _put(place / "proc/cmdline", _bytes(ALL))
    unix = [
        b"0000: 00000002 00000000 00010000 0001 01 %d /run/%b" % (i, _word(n)) for i, n in enumerate(NAMES.values())
    ]
    _put(place / "proc/net/unix", b"Num RefCount Protocol Flags Type St Inode Path\n" + b"\n".join(unix) + b"\n")
    for pid, name in enumerate(NAMES.values(), 600):
        comm = _bytes(name)[:300].replace(b"\n", b"\\n")
        _put(
            place / f"proc/{pid}/status",
            b"Name:\t%b\nPid:\t%d\nFDSize:\t64\nVmRSS:\t300 kB\nThreads:\t1\n" % (comm, pid),
        )
        _put(place / f"proc/{pid}/stat", b"%d (%b) S %b 90 0 0\n" % (pid, _bytes(name)[:300], b" ".join([b"0"] * 18)))
        _put(place / f"proc/{pid}/comm", _bytes(name)[:300])
        (place / "sys/kernel/slab" / f"{pid}{file_name(name)}").mkdir(parents=True)
        (place / f"proc/{pid}/fd").mkdir()
        (place / f"proc/{pid}/fd/5").symlink_to(b"/memfd:%b (deleted)" % _bytes(name).replace(b"\0", b"")[:200])
    return place


def _form(form: str, lines: list[str]) -> bytes:
    return b"\n".join([encode(form, []).rstrip(b"\n"), *map(_bytes, lines), b""])


def _lines(lines: list[str]) -> bytes:
    return b"".join(_bytes(line) + b"\n" for line in lines)


def _word(name: str) -> bytes:
    return _bytes(without_breaks(name)[:300])


def _bytes(text: str) -> bytes:
    """As a kernel holds it: bytes that were none of UTF-8 are those again, and a lone surrogate is written as it is."""
    if text.isascii():
        return text.encode()
    return b"".join(
        bytes((ord(c) - 0xDC00,)) if "\udc80" <= c <= "\udcff" else c.encode("utf-8", "surrogatepass") for c in text
    )


def _put(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
