"""Facts about the machine below a root: kernel release, page size, boot id, how stacks are allocated."""

from __future__ import annotations

import contextlib
import os
import re
import zlib

from leaktop.model.sample import Machine
from leaktop.sources.enclosure import find_enclosure
from leaktop.sources.files import path_below

_CONFIG_LIMIT = 8 << 20
_PAGE_SIZES = (4096, 8192, 16384, 65536)
_ARCHITECTURE = re.compile(
    r"x86_64|i[3-6]86|aarch64(_be)?|armv\d\w*|ppc(64)?(le)?|s390x?|riscv(32|64)|mips(64)?|sparc(64)?|loongarch64"
)
"""As `uname -m` prints it."""
_KILOBYTES = re.compile(rb"^(\w+):\s+([0-9]{1,20}) kB$", re.MULTILINE)
_PAGES = re.compile(rb"^(\w+) ([0-9]{1,20})$", re.MULTILINE)
_MANAGED = re.compile(rb"^ +managed +([0-9]{1,20})$", re.MULTILINE)
_COUNTED_TWICE = (
    (b"MemFree", b"nr_free_pages"),
    (b"AnonPages", b"nr_anon_pages"),
    (b"Mapped", b"nr_mapped"),
    (b"PageTables", b"nr_page_table_pages"),
    (b"SUnreclaim", b"nr_slab_unreclaimable"),
)
"""Lines of /proc/meminfo that /proc/vmstat counts in pages."""


def live_machine() -> Machine:
    """The machine this runs on."""
    uname = os.uname()
    config = kernel_config("/", uname.release)
    enclosure = find_enclosure()
    return Machine(
        release=uname.release,
        hostname=uname.nodename,
        page_size=os.sysconf("SC_PAGE_SIZE"),
        boot_id=_line("/", "proc/sys/kernel/random/boot_id"),
        architecture=uname.machine,
        cmdline=_line("/", "proc/cmdline"),
        vmap_stack=_vmap_stack(config, uname.release, uname.machine),
        is_live=True,
        reader_pid=os.getpid(),
        enclosure=enclosure.name,
        caveats=enclosure.caveats(),
    )


def captured_machine(root: str) -> Machine:
    """The machine whose tree was captured below a root: a sosreport, or a copy of proc and sys."""
    uname = _line(root, "uname") or _line(root, "sos_commands/kernel/uname_-a") or ""
    words = uname.split()
    version = re.match(r"Linux version (\S+)", _line(root, "proc/version") or "")
    release = (
        _line(root, "proc/sys/kernel/osrelease")
        or (version[1] if version else None)
        or (words[2] if len(words) > 2 else None)
    )
    architecture = next((word for word in words if _ARCHITECTURE.fullmatch(word)), None)
    config = kernel_config(root, release or "")
    return Machine(
        release=release,
        hostname=_line(root, "proc/sys/kernel/hostname") or _line(root, "hostname") or _line(root, "etc/hostname"),
        page_size=_captured_page_size(root),
        boot_id=_line(root, "proc/sys/kernel/random/boot_id"),
        architecture=architecture,
        cmdline=_line(root, "proc/cmdline"),
        vmap_stack=_vmap_stack(config, release, architecture),
        is_live=False,
    )


def _content(root: str, relative: str, limit: int = _CONFIG_LIMIT) -> bytes | None:
    with contextlib.suppress(OSError):
        path = path_below(root, relative)
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        with open(descriptor, "rb") as file:
            return file.read(limit)
    return None


def _line(root: str, relative: str) -> str | None:
    content = _content(root, relative, 4096)
    return content.decode("utf-8", "replace").strip("\0\n ") or None if content else None


def kernel_config(root: str, release: str) -> str | None:
    """The kernel's build configuration, from /proc/config.gz or /boot; None where neither is there."""
    packed = _content(root, "proc/config.gz")
    if packed:
        with contextlib.suppress(zlib.error):
            return zlib.decompressobj(wbits=31).decompress(packed, _CONFIG_LIMIT).decode("ascii", "replace")
    # The release of a captured tree is whatever the tree says, and need not be fit for a path.
    is_name = re.fullmatch(r"[\w.+~-]{1,100}", release) is not None
    plain = _content(root, f"boot/config-{release}") if is_name else None
    return plain.decode("ascii", "replace") if plain else None


def _vmap_stack(config: str | None, release: str | None, architecture: str | None) -> bool | None:
    if config is not None:
        return "\nCONFIG_VMAP_STACK=y" in config
    numbers = re.match(r"(\d+)\.(\d+)", release or "")
    if numbers and architecture == "x86_64":
        # Default y on x86 since 4.9 (commit e37e43a497d5); distributions keep it.
        return (int(numbers[1]), int(numbers[2])) >= (4, 9)
    return None


def _captured_page_size(root: str) -> int:
    """Bytes of a page, from figures that the tree gives both in kB and in pages; 4096 where it gives none."""
    from statistics import median  # noqa: PLC0415  # takes 5 ms, which nobody waits for on a living machine

    kilobytes = dict(_KILOBYTES.findall(_content(root, "proc/meminfo") or b""))
    pages = dict(_PAGES.findall(_content(root, "proc/vmstat") or b""))
    managed = sum(map(int, _MANAGED.findall(_content(root, "proc/zoneinfo", 32 << 20) or b"")))
    if managed and b"MemTotal" in kilobytes:
        ratio = int(kilobytes[b"MemTotal"]) * 1024 / managed
    else:
        # Files of one capture are seconds apart, in which a single figure may have doubled.
        ratios = [
            int(kilobytes[line]) * 1024 / int(pages[count])
            for line, count in _COUNTED_TWICE
            if line in kilobytes and int(pages.get(count, 0))
        ]
        ratio = median(ratios) if ratios else 4096
    return min(_PAGE_SIZES, key=lambda size: abs(size - ratio))
