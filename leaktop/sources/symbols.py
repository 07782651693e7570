"""Frames of a backtrace ("func+0x1a/0x40 [module]") to lines of source, by the symbol table and addr2line(1).

An address in the running kernel says nothing, since KASLR moves it; the function and the offset in it do, in any file
of the same build. What stands in a backtrace is the address behind the call, so that one byte less is looked up.
"""

from __future__ import annotations

import os
import re
import shlex
import threading
from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from leaktop import children
from leaktop.sources.debug_files import debug_file, usual_place
from leaktop.sources.elf import ElfError, ElfFile, Function

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

ADDR2LINE = "/usr/bin/addr2line"
_TIMEOUT = 30.0
"""Seconds; a vmlinux of 500 MB takes two to five."""
_MOST = 256
"""Frames that are looked up at once."""
_KEPT = 8192
_FRAME = re.compile(r"([\w.$]{1,512})\+0x([0-9a-f]{1,8})/0x([0-9a-f]{1,8})(?: \[([\w-]{1,64})(?: [0-9a-f]{4,64})?\])?")
_BUILD_PLACE = re.compile(
    r"^.*?/linux[^/]*/(?=(?:arch|block|crypto|drivers|fs|include|init|io_uring|ipc|kernel|lib|mm|net|security|sound)/)"
)
"""Debian and others build below a directory that says nothing: /build/linux-6.12/mm/slub.c."""
_PADDING = 64
"""Bytes that a function's size in a backtrace, which reaches to the next one, may be above that of its symbol."""


class _Frame(NamedTuple):
    function: str
    offset: int
    size: int
    module: str | None


class _Place(NamedTuple):
    """Where in a file a frame lies."""

    section: str
    """"" in a linked file."""
    address: int


_kept: dict[tuple[str, str, str, tuple[str, ...]], str | None] = {}
_lock = threading.Lock()


def resolve(frames: Sequence[str], release: str, root: str = "/", more: Sequence[str] = ()) -> list[str | None]:
    """The line of source of each frame; None where none can be told. Takes seconds at first: not for the UI's thread.

    Args:
        frames: as the kernel prints them, without the column of addresses.
        release: of the kernel that printed them, as uname -r has it.
        root: where its files are.
        more: directories to look in first, for "vmlinux" and "NAME.ko".

    Returns:
        "mm/slub.c:4210", and behind it the function's own line where that one was inlined into it:
        "include/linux/slab.h:904 in drivers/leak.c:12".
    """
    directories = tuple(more)
    with _lock:
        wanted = [frame for frame in dict.fromkeys(frames[:_MOST]) if (frame, release, root, directories) not in _kept]
        if len(_kept) + len(wanted) > _KEPT:
            _kept.clear()
            wanted = list(dict.fromkeys(frames[:_MOST]))
        for frame, line in _look_up(wanted, release, root, directories).items():
            _kept[frame, release, root, directories] = line
        return [_kept.get((frame, release, root, directories)) for frame in frames]


def command_for(frame: str, release: str) -> str:
    """The command that tells the line of source of a frame, for whoever has the kernel's debug information."""
    found = _parsed(frame)
    file = shlex.quote(usual_place(found.module if found else None, release))
    bare = shlex.quote(frame.partition(" [")[0])
    return f"/lib/modules/{shlex.quote(release)}/build/scripts/faddr2line {file} {bare}"


def source_lines(frames: Sequence[str], release: str, root: str = "/") -> bytes:
    """For the drill-down: "FRAME=LINE" for each frame whose line is known, then how to learn that of the others."""
    found = resolve(frames, release, root)
    lines = [f"{frame}={line}" for frame, line in zip(frames, found, strict=True) if line]
    missing = next((frame for frame, line in zip(frames, found, strict=True) if not line and _parsed(frame)), None)
    if missing is not None:
        lines.append(f"no debug information here for the others; with it={command_for(missing, release)}")
    return "\n".join(lines).encode("utf-8", "surrogateescape")


def _look_up(frames: Iterable[str], release: str, root: str, more: Sequence[str]) -> dict[str, str | None]:
    lines: dict[str, str | None] = dict.fromkeys(frames)
    by_module: defaultdict[str | None, list[tuple[str, _Frame]]] = defaultdict(list)
    for text in lines:
        frame = _parsed(text)
        if frame is not None:
            by_module[frame.module].append((text, frame))
    for module, members in by_module.items():
        path = debug_file(module, release, root, more)
        if path is not None:
            lines.update(_lines_in(path, members))
    return lines


def _parsed(text: str) -> _Frame | None:
    found = _FRAME.fullmatch(text.strip())
    return _Frame(found[1], int(found[2], 16), int(found[3], 16), found[4]) if found else None


def _lines_in(path: str, members: Sequence[tuple[str, _Frame]]) -> dict[str, str]:
    """The lines of the frames of one file."""
    places: defaultdict[str, dict[str, int]] = defaultdict(dict)
    try:
        with ElfFile(path) as file:
            functions = file.functions({frame.function for _, frame in members})
            for text, frame in members:
                place = _place(frame, functions[frame.function], is_relocatable=file.is_relocatable)
                if place is not None:
                    places[place.section][text] = place.address
    except (OSError, ElfError):
        return {}
    lines: dict[str, str] = {}
    for section, addresses in places.items():
        answers = _ask(path, section, sorted(set(addresses.values())))
        lines.update({text: answers[address] for text, address in addresses.items() if address in answers})
    return lines


def _place(frame: _Frame, functions: Sequence[Function], *, is_relocatable: bool) -> _Place | None:
    """Where a frame lies; None where several functions have its name and its size, or none has."""
    fitting = [found for found in functions if 0 <= frame.size - found.size < _PADDING]
    exact = [found for found in fitting if found.size == frame.size] or fitting
    address = frame.offset - (1 if frame.offset else 0)
    places = {_Place(found.section if is_relocatable else "", found.address + address) for found in exact}
    return places.pop() if len(places) == 1 else None


def _ask(path: str, section: str, addresses: Sequence[int]) -> dict[int, str]:
    """What addr2line says of addresses in a section, or of a linked file."""
    command = [ADDR2LINE, "-a", "-i", "-e", path, *(["-j", section] if section else []), *map(hex, addresses)]
    try:
        # An environment of our own: DEBUGINFOD_URLS would have it ask the network.
        output = children.output_of(command, _TIMEOUT, {"LC_ALL": "C"})
    except OSError:
        return {}
    chains: dict[int, list[str]] = {}
    current: list[str] = []
    for line in output.decode("utf-8", "surrogateescape").splitlines():
        if re.fullmatch(r"0x[0-9a-f]{8,16}", line):
            current = chains.setdefault(int(line, 16), [])
        else:
            current.append(line)
    return {address: words for address, chain in chains.items() if (words := _in_words(chain))}


def _in_words(chain: Sequence[str]) -> str | None:
    """Lines of source, the innermost first, as one; None where they are not known ("??:0", "file.c:?")."""
    known = [_shortened(line) for line in chain if not line.startswith("??") and not re.search(r":(\?|0)$", line)]
    if not known:
        return None
    return known[0] if len(known) == 1 else f"{known[0]} in {known[-1]}"


def _shortened(line: str) -> str:
    path, colon, number = line.partition(" (discriminator")[0].rpartition(":")
    path = os.path.normpath(path)
    return f"{_BUILD_PLACE.sub('', path)}{colon}{number}"
