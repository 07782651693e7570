"""What stands in for a name or an address: the same for the same original, counted up, so that nothing leads back."""

from __future__ import annotations

import re
from socket import AF_INET, AF_INET6, inet_ntop, inet_pton
from typing import TYPE_CHECKING

from leaktop.model.program_names import virtual_machine

if TYPE_CHECKING:
    from collections.abc import Callable

_MOST_KEPT = 1 << 17
"""Originals of one kind that are remembered at least; a busy server meets new peers for as long as it is recorded."""
_KERNEL_THREAD = re.compile(
    rb"(?:kworker/(?:R|u?[0-9]+:[0-9]+H?)|(?:ksoftirqd|migration|cpuhp|idle_inject|watchdog|swapper|rcu[a-z]{1,2})/[0-9]+"
    rb"|irq/[0-9]+|jbd2|xfsaild|scsi_(?:eh|tmf)_[0-9]+|k(?:swapd|compactd)[0-9]+|rcu_(?:sched|preempt|bh|gp|par_gp)"
    rb"|rcu_exp_(?:par_gp_|gp_kthr)(?:kthread_worker|ead_worker)?|rcu_tasks_(?:kthre(?:ad)?|rude_(?:kthread)?"
    rb"|trace(?:_kthread)?)|kthreadd|khugepaged|ksmd|kauditd|khungtaskd|kdevtmpfs|oom_reaper|writeback|kblockd"
    rb"|kintegrityd|watchdogd|netns|slub_flushwq|inet_frag_wq|pool_workqueue_release|kmemleak)(?=[-+/:]|\Z)"
)
"""Names that the kernel gives its threads; what may follow (a queue, a device, an interface) is cut off."""
_KNOWN_DIRECTORIES = (b"/dev/shm", b"/run/lock", b"/run/user", b"/var/tmp", b"/tmp", b"/run", b"/dev")
_KNOWN_MOUNTS = {b"/", b"/sys/fs/cgroup", *_KNOWN_DIRECTORIES} - {b"/run/user"}
_KNOWN_INTERFACE = re.compile(rb"lo|(?:eth|wlan|if|bond|br|tun|tap|ppp|docker|virbr)[0-9]{1,6}")
_OVERFLOW = 65534
"""nobody."""
_NO_ID = 0xFFFFFFFF
_FIRST_USER = 900_000
"""Numbers that no system gives out by itself."""
_BENCHMARK_NET = 198 << 24 | 18 << 16
_RESERVED_NET = 240 << 24


class _Counted:
    """Numbers originals as they come, and makes of the number what stands in for them."""

    def __init__(self, make: Callable[[int, bytes], bytes]) -> None:
        self._make = make
        self._count = 0
        self._recent: dict[bytes, bytes] = {}
        self._before: dict[bytes, bytes] = {}

    def __call__(self, original: bytes) -> bytes:
        found = self._recent.get(original)
        if found is None:
            found = self._before.get(original)
            if found is None:
                self._count += 1
                found = self._make(self._count, original)
            if len(self._recent) >= _MOST_KEPT:
                self._before, self._recent = self._recent, {}
            self._recent[original] = found
        return found


def _called(kind: bytes) -> _Counted:
    return _Counted(lambda number, _: b"%b-%d" % (kind, number))


class Fakes:
    """Stand-ins of every kind. Names are as the text forms write them, with backslash escapes."""

    def __init__(self) -> None:
        self.host = _called(b"host")
        self.cgroup = _called(b"cgroup")
        self.frame = _called(b"redacted")
        self.mark = _Counted(lambda number, _: b"mark %d" % number)
        self.boot_id = _Counted(lambda number, _: b"00000000-0000-4000-8000-%012x" % number)
        self._comm = _called(b"proc")
        self._path = _called(b"path")
        self._interface = _called(b"iface")
        self._uid = _Counted(lambda number, _: b"%d" % (_FIRST_USER + number))
        self._pointer = _Counted(lambda number, original: b"f%0*x" % (max(len(original), 8) - 1, number))
        self._mac = _Counted(lambda number, _: b"02:00:%02x:%02x:%02x:%02x" % (*number.to_bytes(4, "big"),))
        self._ipv4 = _Counted(lambda number, _: _ipv4(number).to_bytes(4, "big"))
        self._ipv6 = _Counted(lambda number, _: b"\x20\x01\x0d\xb8" + number.to_bytes(12, "big"))

    def comm(self, name: bytes) -> bytes:
        """A process's name; those of the kernel's own threads stay, and what says that it is a virtual machine."""
        kernel = _KERNEL_THREAD.match(name)
        if kernel:
            return kernel[0]
        guest = virtual_machine(name.decode("latin-1"))
        if guest:
            return guest.encode()
        return name if name in {b"", b"?"} else self._comm(name)

    def path(self, path: bytes) -> bytes:
        """A file or an abstract socket's name; the well-known directory that it lies in stays."""
        if path[:1] != b"/":
            return (b"@" if path[:1] == b"@" else b"") + self._path(path) if path else path
        above = next((known for known in _KNOWN_DIRECTORIES if path.startswith(known + b"/")), b"")
        if path.startswith(b"/memfd:"):
            return b"/memfd:" + self._path(path)
        return above + b"/" + self._path(path)

    def mount(self, path: bytes) -> bytes:
        """A mount point; those that every system has stay."""
        return path if path in _KNOWN_MOUNTS else self.path(path)

    def interface(self, name: bytes) -> bytes:
        """A network interface; the kernel's plain numbered names stay, since they say nothing."""
        return name if name == b"-" or _KNOWN_INTERFACE.fullmatch(name) else self._interface(name)

    def uid(self, digits: bytes) -> bytes:
        """A user's or group's number; root, nobody and none stay."""
        return digits if not digits.isdigit() or int(digits) in {0, _OVERFLOW, _NO_ID} else self._uid(digits)

    def pointer(self, digits: bytes) -> bytes:
        """A kernel address in hexadecimal, of the same length; zeros stay."""
        return self._pointer(digits.lower()) if digits.strip(b"0") else digits

    def mac(self, address: bytes) -> bytes:
        """A hardware address with colons; one that is all zeros or all ones stays."""
        plain = address.lower().replace(b"-", b":")
        return address if plain.strip(b"0:") in {b"", b"f"} or not plain.strip(b"f:") else self._mac(plain)

    def packed(self, address: bytes) -> bytes:
        """An IPv4 or IPv6 address in network order; any, loopback and broadcast stay."""
        if len(address) == 4:
            is_plain = address[0] == 127 or address in {bytes(4), b"\xff" * 4}
            return address if is_plain else self._ipv4(address)
        if address[:15] == bytes(15) and address[15] < 2:
            return address
        if address[:12] in {bytes(12), bytes(10) + b"\xff\xff"}:  # an IPv4 address inside
            return address[:12] + self.packed(address[12:])
        return self._ipv6(address)

    def address(self, text: bytes) -> bytes:
        """An IPv4 or IPv6 address as it is written.

        Raises:
            ValueError: it is none.
        """
        family = AF_INET6 if b":" in text else AF_INET
        try:
            packed = inet_pton(family, text.decode("ascii"))
        except OSError as error:
            raise ValueError("no address") from error
        fake = self.packed(packed)
        return text if fake == packed else inet_ntop(family, fake).encode()


class Words:
    """The names that no text may hold, wherever they stand in it."""

    def __init__(self, fakes: Fakes) -> None:
        self._fakes = fakes
        self._names: dict[bytes, bytes] = {}
        self._pattern: re.Pattern[bytes] | None = None

    def learn(self, host: str) -> None:
        """Keep a host's name out from here on: all of it, its first label, and its domain."""
        first, _, domain = host.partition(".")
        for name in (host, first, domain if "." in domain else ""):
            word = name.lower().encode("utf-8", "surrogatepass")
            if word and not word.isdigit() and word not in _GRAMMAR:
                self._names.setdefault(word, self._fakes.host(word))
        if self._names:
            longest_first = sorted(map(re.escape, self._names), key=len, reverse=True)
            self._pattern = re.compile(rb"(?<!\w)(?:%b)(?!\w)" % b"|".join(longest_first), re.IGNORECASE)

    def strip(self, text: bytes) -> bytes:
        """The text with other words in their place."""
        if self._pattern is None:
            return text
        lower = text.lower()
        if not any(name in lower for name in self._names):
            return text
        return self._pattern.sub(lambda found: self._names[found[0].lower()], text)


_GRAMMAR = frozenset(
    b"localhost slabinfo version tunables slabdata globalstat cpustat name limit batchcount sharedfactor "
    b"vmalloc vmap ioremap user vm_map_ram unpurged dma-coherent sparse pages phys "
    b"unreferenced object size comm pid jiffies age hex dump first bytes on cpu backtrace crc percpu "
    b"allocinfo calls tag info func accurate "
    b"leaktop slab_links dir link total root proc sys".split()
)
"""Words of the kernel's grammars: a host of such a name gives nothing away, and parsers need them."""


def _ipv4(number: int) -> int:
    return (_BENCHMARK_NET if number < 1 << 17 else _RESERVED_NET) + number % (1 << 28)
