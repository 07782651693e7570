"""What is fuzzed: every function that takes bytes from the kernel, from a file or from a pipe that others wrote.

A target takes any bytes; whatever it raises but what its documentation says is a crash. To add a parser to them, write
it: each public function of leaktop.parsers that takes bytes alone is found.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import os
import pkgutil
import tempfile
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import leaktop.parsers
from leaktop.engine.kmemleak.suppressions import parse_suppressions
from leaktop.model.sample import ParseError
from leaktop.parsers.kernel_log import parse_kernel_log
from leaktop.parsers.oom import parse_oom
from leaktop.parsers.proc_net import parse_proc_net
from leaktop.parsers.trace_events import CpuDecoder, StackLayout, take_allocations, take_frees
from leaktop.parsers.trace_format import parse_event_format, parse_page_layout
from leaktop.sources.elf import ElfError, ElfFile
from tests.corpus import DATA
from tests.fuzz import archives, machines, recorded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_LARGEST_SEED = 1 << 14
"""Bytes; what is longer is cut, since time goes into runs."""
_NETS = ("tcp", "tcp6", "udp", "raw6", "unix", "packet", "netlink")


class Target(NamedTuple):
    """Something that takes bytes from strangers."""

    name: str
    run: Callable[[bytes], object]
    seeds: Callable[[], list[bytes]]
    allowed: tuple[type[Exception], ...] = ()
    """What it may raise."""

    def __call__(self, content: bytes) -> None:
        """Run it once."""
        with contextlib.suppress(*self.allowed):
            self.run(content)


def _captures(*patterns: str) -> list[bytes]:
    paths = sorted({path for pattern in patterns for path in DATA.glob(pattern) if path.is_file()})
    return [path.read_bytes()[:_LARGEST_SEED] for path in paths]


_SEEDS = {
    "alloc_traces": ("slab_alloc_*/*",),
    "hugepages": ("hugepages_sysfs/*",),
    "kernel_log": ("oom/*", "kmemleak/*dmesg*"),
    "page_owner": ("page_owner*/*",),
    "slab_links": ("sysfs_slab/*",),
    "kallsyms": ("trace/*kallsyms*",),
    "trace_format": ("trace/*format*", "trace/*header_page*"),
    "trace_hist": ("trace/*hist*",),
    "lines": ("meminfo/*",),
}


def _parsers() -> Iterator[Target]:
    """Every function of leaktop.parsers that is called with bytes and nothing else."""
    for module in pkgutil.iter_modules(leaktop.parsers.__path__):
        room = importlib.import_module(f"leaktop.parsers.{module.name}")
        for name, function in inspect.getmembers(room, inspect.isfunction):
            if function.__module__ != room.__name__ or name.startswith("_"):
                continue
            parameters = [*inspect.signature(function).parameters.values()]
            needed = [parameter.annotation for parameter in parameters if parameter.default is parameter.empty]
            if needed == ["bytes"]:
                yield Target(f"parsers.{name}", _exhausted(function), partial(_own_seeds, module.name), (ParseError,))


def _exhausted(function: Callable[[bytes], object]) -> Callable[[bytes], object]:
    def run(content: bytes) -> object:
        found = function(content)
        return list(found) if inspect.isgenerator(found) else found

    return run


def _own_seeds(module: str) -> list[bytes]:
    form = machines.listing(module)
    return [*_captures(*_SEEDS.get(module, (f"{module}/*",))), *([form] if form else [])]


def _net(content: bytes) -> object:
    """The first byte chooses the table."""
    proto = _NETS[content[0] % len(_NETS)] if content else "tcp"
    return parse_proc_net(proto, content[1:], big_endian=bool(content and content[0] & 0x80))


def _net_seeds() -> list[bytes]:
    found = []
    for number, proto in enumerate(_NETS):
        found += [bytes((number,)) + capture for capture in _captures(f"net/net_{proto}__*")]
    return found


@cache
def _decoder_parts() -> tuple[object, ...]:
    formats = {
        name: parse_event_format((DATA / f"trace/live-6.18-{name}-format.txt").read_bytes())
        for name in ("kmalloc", "kfree", "kernel_stack", "mm_page_alloc")
    }
    taken = [
        take_allocations(formats["kmalloc"], "ptr", "bytes_alloc", None),
        take_frees(formats["kfree"], "ptr"),
        take_allocations(formats["mm_page_alloc"], "pfn", "order", 4096),
    ]
    header = parse_page_layout((DATA / "trace/live-6.18-header_page.txt").read_bytes())
    return header, {kind.number: kind for kind in taken}, StackLayout(formats["kernel_stack"])


def _ring(content: bytes) -> object:
    """Pages of a ring buffer, and what they decode to."""
    decoder = CpuDecoder(*_decoder_parts())  # type: ignore[arg-type]  # a tuple of its arguments
    return [decoder.feed(content[at : at + 4096]) for at in range(0, min(len(content), 4 * 4096), 4096)]


def _format(content: bytes) -> object:
    """A format, and whatever bytes follow it, read as it says."""
    text, _, event = content.partition(b"\n\n\n")
    layout = parse_event_format(text)
    decoder = CpuDecoder(_decoder_parts()[0], {layout.number: take_frees(layout, "ptr")}, None)  # type: ignore[arg-type]  # less than the real thing will do here
    return decoder.feed(event)


def _elf(content: bytes) -> object:
    with tempfile.NamedTemporaryFile(dir=_memory()) as file:
        file.write(content)
        file.flush()
        with ElfFile(file.name) as elf:
            return elf.has_lines, elf.build_id, elf.functions({"main", "leak_it", ""})


def _elf_seeds() -> list[bytes]:
    """Small ones of this machine's; none where it keeps none."""
    places = (Path(f"/usr/lib/{os.uname().machine}-linux-gnu").glob("crt*.o"), Path("/usr/lib64").glob("crt*.o"))
    return [path.read_bytes()[:_LARGEST_SEED] for place in places for path in sorted(place)]


def _memory() -> str | None:
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def targets() -> dict[str, Target]:
    """All of them, by name."""
    logs = partial(_captures, "oom/*")
    found = [
        *_parsers(),
        Target("parsers.parse_proc_net", _net, _net_seeds, (ParseError,)),
        Target("parsers.parse_oom", lambda content: parse_oom(parse_kernel_log(content), 4096), logs),
        Target("parsers.parse_ring_page", _ring, partial(_captures, "trace/*.bin")),
        Target("parsers.read_as_format", _format, partial(_captures, "trace/*format*"), (ParseError,)),
        Target("suppressions", lambda c: parse_suppressions(c.decode("utf-8", "replace")), machines.suppression_lists),
        Target("elf", _elf, _elf_seeds, (ElfError, OSError)),
        Target("recording.file", recorded.read_whole, recorded.files),
        Target("recording.text", recorded.read_text, recorded.texts),
        Target("recording.stream", recorded.read_in_pieces, recorded.streams),
        Target("recording.redact", recorded.redact, machines.seeds),
        Target("import.file", archives.import_bytes, archives.files),
        Target("import.tar", archives.import_recipe, archives.recipes),
        Target("screen", machines.show, machines.seeds),
    ]
    return {target.name: target for target in found}
