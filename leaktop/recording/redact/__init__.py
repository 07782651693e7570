"""Makes a recording fit to be shown to strangers: the same figures, other names.

Hidden are host names, addresses, users, processes, files, sockets' paths, mount points, control groups, kernel
pointers, the contents of leaked objects, the text of marks, the boot id, and boot parameters that say nothing of
memory. What stays are figures, times, pids, inodes, ports, and the kernel's own names: caches, functions, modules. The
same original has the same stand-in throughout, so that a piece ranks as before; the originals are kept nowhere.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from leaktop.model.sample import Fault, RawSample
from leaktop.model.socket_names import PROTOCOLS
from leaktop.recording.redact.fakes import Fakes, Words
from leaktop.recording.redact.kernel import (
    FIGURES,
    redact_allocinfo,
    redact_experiment,
    redact_figures,
    redact_slab_links,
    redact_slabinfo,
    redact_vmallocinfo,
)
from leaktop.recording.redact.kmemleak import redact_kmemleak
from leaktop.recording.redact.lists import redact_open_files, redact_owners, redact_processes, redact_tmpfs
from leaktop.recording.redact.sockets import redact_proc_net, redact_sock_diag, redact_sysvipc

if TYPE_CHECKING:
    from collections.abc import Callable

    from leaktop.model.sample import Event, Tick
    from leaktop.recording.lines import Header

_OWN_WORDS = {"gap", "suspend", "clock", "reboot", "baseline", "allocations"}
"""Events whose texts are leaktop's own words, and name code at most; what is said to a mark is people's."""
_PARAMETER = re.compile(
    r"(?:slub_(?:debug|nomerge|merge|min_objects|max_order|min_order|memcg_sysfs)|slab_(?:debug|nomerge|merge"
    r"|max_order|min_order|strict_numa)|kmemleak|page_(?:owner|poison|poisoning|reporting\.page_reporting_order)"
    r"|page_alloc\.shuffle|init_on_(?:alloc|free)|debug_(?:pagealloc|objects|guardpage_minorder)|debug_slab_leak"
    r"|mem|memmap|crashkernel|hugepages|hugepagesz|default_hugepagesz|hugetlb_cma|hugetlb_free_vmemmap|cma"
    r"|transparent_hugepage|numa|numa_balancing|movablecore|kernelcore|movable_node|zswap\.enabled"
    r"|zswap\.max_pool_percent|cgroup\.memory|cgroup_disable|swapaccount|kasan(?:\.\w+)?|kfence\.\w+|percpu_alloc"
    r"|vmalloc|stack_depot_disable|mem_encrypt|swiotlb|iommu|psi|nokaslr|deferred_init|nr_cpus|maxcpus)"
    r"(?:=[0-9A-Za-z,.:%@$!+*_-]{0,60})?"
)
"""Boot parameters that decide where memory goes, or what can be seen of it."""
_MAC = re.compile(rb"(?<![\w:-])[0-9A-Fa-f]{2}(?:[:-][0-9A-Fa-f]{2}){5}(?![\w:-])")
_IPV6 = re.compile(rb"(?<![\w:.])[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?:[0-9]{1,3}(?:\.[0-9]{1,3}){3})?")
_IPV4 = re.compile(rb"(?<![\w.])[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?!\w)")
_POINTER = re.compile(rb"(?<![\w.])[c-f][0-9a-f]{7}(?:[0-9a-f]{8})?(?!\w)|(?<=0x)[0-9a-f]{7,16}(?!\w)")
_PATH = re.compile(rb"(?<![\w/.])/(?!(?:proc|sys)(?:[/\s:,;]|\Z))[^\s:,;'\"()]+")


class Redactor:
    """Rewrites a session, beginning with its header: only then is the host's name known."""

    def __init__(self) -> None:
        fakes = self._fakes = Fakes()
        words = self._words = Words(fakes)
        self._rewrites: dict[str, Callable[[bytes], bytes]] = {
            **{probe: partial(redact_figures, probe) for probe in FIGURES},
            **{f"net/{proto}": partial(redact_proc_net, proto, fakes=fakes) for proto in PROTOCOLS},
            "slabinfo": partial(redact_slabinfo, fakes=fakes, words=words),
            "slab_links": partial(redact_slab_links, fakes=fakes, words=words),
            "vmallocinfo": partial(redact_vmallocinfo, fakes=fakes, words=words),
            "allocinfo": partial(redact_allocinfo, fakes=fakes, words=words),
            "kmemleak": partial(redact_kmemleak, fakes=fakes, words=words),
            "sock_diag": partial(redact_sock_diag, fakes=fakes),
            "sysvipc/shm": partial(redact_sysvipc, fakes=fakes),
            "socket_owners": partial(redact_owners, fakes=fakes),
            "processes": partial(redact_processes, fakes=fakes),
            "open_files": partial(redact_open_files, fakes=fakes),
            "tmpfs": partial(redact_tmpfs, fakes=fakes),
        }
        self._stand_ins = (
            (_PATH, fakes.path),
            (_MAC, fakes.mac),
            (_IPV6, fakes.address),
            (_IPV4, fakes.address),
            (_POINTER, fakes.pointer),
        )
        self._last: dict[str, tuple[bytes, bytes]] = {}
        """By probe, what was read last and what became of it: most probes give the same again and again."""

    def header(self, header: Header) -> Header:
        """The header of a session, without what names the machine."""
        machine = header.machine
        host = machine.hostname
        if host:
            self._words.learn(host)
        known = [word for word in (machine.cmdline or "").split() if _PARAMETER.fullmatch(word)]
        hidden = replace(
            machine,
            release=None if machine.release is None else self._text(machine.release),
            hostname=self._fakes.host(_bytes(host.lower())).decode() if host else host,
            boot_id=self._fakes.boot_id(_bytes(machine.boot_id)).decode() if machine.boot_id else machine.boot_id,
            cmdline=None if machine.cmdline is None else " ".join(known),
        )
        probes = tuple(replace(probe, path=self._text(probe.path)) for probe in header.probes)
        return header._replace(machine=hidden, probes=probes, origin="redacted" * bool(header.origin), is_redacted=True)

    def tick(self, tick: Tick) -> Tick:
        """A tick, its texts rewritten; probes that this version does not know are left out."""
        return replace(tick, samples=tuple(map(self._sample, tick.samples)))

    def event(self, event: Event) -> Event:
        """An event; what somebody wrote to a mark becomes its number."""
        if not event.text:
            return event
        if event.kind in _OWN_WORDS:
            return replace(event, text=self._text(event.text))
        if event.kind == "experiment":
            said = redact_experiment(_bytes(event.text), self._fakes, self._words)
            return replace(event, text=self._text(said.decode("utf-8", "surrogatepass")))
        return replace(event, text=self._fakes.mark(_bytes(event.text)).decode())

    def _sample(self, sample: RawSample) -> RawSample:
        content, fault = sample.content, sample.fault
        if content is not None:
            content = self._content(sample.probe, content)
            if content is None:
                fault = Fault("unsupported", f"{sample.probe}: left out by --redact")
        elif fault is not None:
            remedy = None if fault.remedy is None else self._text(fault.remedy)
            fault = Fault(fault.kind, self._text(fault.reason), remedy)
        return RawSample(sample.probe, content, fault, sample.mono, sample.wall, sample.cost)

    def _content(self, probe: str, content: bytes) -> bytes | None:
        rewrite = self._rewrites.get(probe)
        if rewrite is None:
            return None
        kept = self._last.get(probe)
        if kept is None or kept[0] != content:
            try:
                kept = self._last[probe] = content, rewrite(content)
            except (ValueError, IndexError, KeyError):
                return None  # no kernel prints this; whatever it is, it does not go out
        return kept[1]

    def _text(self, text: str) -> str:
        """Words for people, without paths, addresses and hosts."""
        words = _bytes(text)
        for pattern, stand_in in self._stand_ins:
            words = pattern.sub(partial(_replaced, stand_in), words)
        return self._words.strip(words).decode("utf-8", "surrogatepass")


def _replaced(stand_in: Callable[[bytes], bytes], found: re.Match[bytes]) -> bytes:
    try:
        return stand_in(found[0])
    except ValueError:  # a time of day looks like an address until it is read
        return found[0]


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
