"""Facts about the machine below a root: kernel release, page size, boot id, how stacks are allocated."""

from __future__ import annotations

import contextlib
import os
import platform
import re
import zlib

from leaktop.model.sample import Machine
from leaktop.sources.files import path_below

_CONFIG_LIMIT = 8 << 20
_PAGE_SIZES = (4096, 8192, 16384, 65536)


def live_machine() -> Machine:
    """The machine this runs on."""
    config = kernel_config("/", platform.release())
    return Machine(
        release=platform.release(),
        hostname=platform.node(),
        page_size=os.sysconf("SC_PAGE_SIZE"),
        boot_id=_line("/", "proc/sys/kernel/random/boot_id"),
        architecture=platform.machine(),
        cmdline=_line("/", "proc/cmdline"),
        vmap_stack=_vmap_stack(config, platform.release(), platform.machine()),
        is_live=True,
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
    architecture = next((w for w in words if w in {"x86_64", "aarch64", "ppc64le", "s390x", "armv7l", "i686"}), None)
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
        path = f"/{relative}" if root == "/" else path_below(root, relative)
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        with open(descriptor, "rb") as file:
            return file.read(limit)
    return None


def _line(root: str, relative: str) -> str | None:
    content = _content(root, relative, 4096)
    return content.decode("utf-8", "replace").strip("\0\n ") or None if content else None


def kernel_config(root: str, release: str) -> str | None:
    packed = _content(root, "proc/config.gz")
    if packed:
        with contextlib.suppress(zlib.error):
            return zlib.decompressobj(wbits=31).decompress(packed, _CONFIG_LIMIT).decode("ascii", "replace")
    plain = _content(root, f"boot/config-{release}") if release and "/" not in release else None
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
    meminfo = _content(root, "proc/meminfo") or b""
    total = re.search(rb"^MemTotal:\s+(\d+)", meminfo, re.MULTILINE)
    free = re.search(rb"^MemFree:\s+(\d+)", meminfo, re.MULTILINE)
    managed = sum(
        map(int, re.findall(rb"^ +managed +(\d+)", _content(root, "proc/zoneinfo", 32 << 20) or b"", re.MULTILINE))
    )
    free_pages = re.search(rb"^nr_free_pages (\d+)", _content(root, "proc/vmstat") or b"", re.MULTILINE)
    if total and managed:
        ratio = int(total[1]) * 1024 / managed
    elif free and free_pages and int(free_pages[1]):
        ratio = int(free[1]) * 1024 / int(free_pages[1])
    else:
        return 4096
    return min(_PAGE_SIZES, key=lambda size: abs(size - ratio))
