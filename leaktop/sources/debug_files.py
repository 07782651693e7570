"""Where the debug information of a kernel and of its modules lies, by the habits of distributions."""

from __future__ import annotations

import os
import re
import sys
from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING

from leaktop.sources.elf import ElfError, ElfFile, build_id_of
from leaktop.sources.files import path_below, read_small

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_RELEASE = re.compile(r"[\w.+~-]{1,128}")
_KERNELS = (
    "usr/lib/debug/boot/vmlinux-{release}",  # Debian, Ubuntu
    "usr/lib/debug/lib/modules/{release}/vmlinux",  # Fedora, RHEL
    "usr/lib/debug/usr/lib/modules/{release}/vmlinux",
    "usr/lib/debug/boot/vmlinux-{release}.debug",  # SUSE
    "usr/lib/debug/usr/lib/modules/{release}/vmlinux.debug",
    "lib/modules/{release}/build/vmlinux",  # built on this machine
    "lib/modules/{release}/vmlinux",
    "boot/vmlinux-{release}",
)
_TREES = (
    "usr/lib/debug/lib/modules/{release}",
    "usr/lib/debug/usr/lib/modules/{release}",
    "lib/modules/{release}",
)
_MODULE = re.compile(r"([\w-]+)\.ko(?:\.debug)?")
_MOST_MODULES = 50_000


def debug_file(module: str | None, release: str, root: str = "/", more: Sequence[str] = ()) -> str | None:
    """The file with the line numbers of a module, or of the kernel itself; None where there is none.

    On the live machine, one of another build than what runs is passed over: its lines would be wrong.

    Args:
        module: None for the kernel.
        release: as uname -r prints it.
        root: what the paths are below.
        more: directories to look in first, for "vmlinux" and "NAME.ko".
    """
    if not _RELEASE.fullmatch(release) or release in {".", ".."}:
        return None
    running = _running_build(module) if root == "/" and release == os.uname().release else None
    for path in (*_given(module, more), *_candidates(module, release, root)):
        with suppress(OSError, ElfError), ElfFile(path) as file:
            if file.has_lines and (running is None or file.build_id in {None, running}):
                return path
    return None


def usual_place(module: str | None, release: str) -> str:
    """Where one would look first for the file that `debug_file` did not find."""
    if module is None:
        return "/" + _KERNELS[0].format(release=release)
    return f"{module}.ko"


def _given(module: str | None, more: Sequence[str]) -> Iterator[str]:
    names = ["vmlinux"] if module is None else [f"{module}.ko", f"{module}.ko.debug"]
    for directory in more:
        for name in names:
            yield os.path.join(directory, name)


def _candidates(module: str | None, release: str, root: str) -> Iterator[str]:
    if module is not None:
        yield from _modules(release, root).get(module.replace("-", "_"), ())
        return
    for form in _KERNELS:
        with suppress(OSError):
            yield path_below(root, form.format(release=release))


@lru_cache(maxsize=4)
def _modules(release: str, root: str) -> dict[str, tuple[str, ...]]:
    """The files of every module, by its name as the kernel has it (no hyphens), those with most to tell first."""
    found: dict[str, tuple[str, ...]] = {}
    count = 0
    for form in _TREES:
        with suppress(OSError):
            for directory, _, names in os.walk(path_below(root, form.format(release=release))):
                for name in names:
                    match = _MODULE.fullmatch(name)
                    if match and count < _MOST_MODULES:
                        count += 1
                        key = match[1].replace("-", "_")
                        found[key] = (*found.get(key, ()), os.path.join(directory, name))
    return found


def _running_build(module: str | None) -> bytes | None:
    """The build id of what runs; None where the kernel does not tell."""
    path = "/sys/kernel/notes" if module is None else f"/sys/module/{module}/notes/.note.gnu.build-id"
    with suppress(OSError):
        return build_id_of(read_small(path), "<" if sys.byteorder == "little" else ">")
    return None
