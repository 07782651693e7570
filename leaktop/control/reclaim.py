"""Asking the kernel to give memory back: drop_caches (fs/drop_caches.c) and a cache's shrink file (mm/slub.c)."""

from __future__ import annotations

import errno
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator

SLAB = "/sys/kernel/slab"
DROP_CACHES = "/proc/sys/vm/drop_caches"

Caches = Literal["pagecache", "slab", "all"]
BITS: dict[Caches, str] = {"pagecache": "1", "slab": "2", "all": "3"}
"""What is written to drop_caches for each."""

_REFUSALS = {
    errno.EPERM: "the kernel forbids it",
    errno.EACCES: "needs root: sudo leaktop",
    errno.EROFS: "it is mounted read-only here, as in a container",
    errno.EINTR: "interrupted",
    errno.ENOMEM: "the kernel had no memory for it",
    errno.ELOOP: "it is a link, which no kernel makes",
}
_NO_SLUB = f"this kernel has no {SLAB}: its slab allocator is not SLUB"


class ReclaimError(Exception):
    """The kernel refused, or nothing was asked of it; the message says why, for people."""


def shrink_path(name: str) -> str:
    """The file that shrinks a cache.

    Raises:
        ReclaimError: no directory can have that name.
    """
    if name in {"", ".", ".."} or "/" in name or "\0" in name:
        raise ReclaimError(f"{name!r} has no directory in {SLAB}")
    return os.path.join(SLAB, name, "shrink")


def can_shrink(name: str) -> bool:
    """Whether there is a file that shrinks this cache; none on kernels whose allocator is SLAB or SLOB."""
    try:
        return os.path.exists(shrink_path(name))
    except ReclaimError:
        return False


def shrink_cache(name: str) -> None:
    """Let the kernel free the empty slabs of one cache. Its objects stay: only `drop_caches` lets go of those.

    Args:
        name: of the cache, or of another that shares its slabs.

    Raises:
        ReclaimError: the kernel refused, has no such cache, or is not SLUB.
    """
    try:
        _write(shrink_path(name), "1")
    except FileNotFoundError as error:
        raise ReclaimError(f"shrink {name}: {'the cache is gone' if os.path.isdir(SLAB) else _NO_SLUB}") from error


def shrink_all() -> int:
    """Let the kernel free the empty slabs of every cache, and tell how many caches those were.

    Raises:
        ReclaimError: the kernel refused, or is not SLUB.
    """
    try:
        with _refusals(SLAB), os.scandir(SLAB) as entries:
            # The other names of a merged cache are links to its directory.
            names = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
    except FileNotFoundError as error:
        raise ReclaimError(_NO_SLUB) from error
    count = 0
    for name in names:
        try:
            _write(shrink_path(name), "1")
        except FileNotFoundError:
            continue  # destroyed since it was listed
        count += 1
    return count


def drop_caches(what: Caches = "all") -> None:
    """Let the kernel drop clean page cache, slab caches such as dentries and inodes, or both. Blocks: seconds.

    Dirty pages are not dropped, nor the inodes that they belong to: everything is written to disk first.

    Raises:
        ReclaimError: the kernel refused.
    """
    try:
        _write(DROP_CACHES, BITS[what], is_synced=True)
    except FileNotFoundError as error:
        raise ReclaimError(f"there is no {DROP_CACHES} here") from error


def _write(path: str, text: str, *, is_synced: bool = False) -> None:
    """Write to a kernel file; where that is asked for, sync the disks before, yet only once the file may be written."""
    with _refusals(f"{text!r} to {path}"):
        descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            if is_synced:
                os.sync()
            os.write(descriptor, text.encode())
        finally:
            os.close(descriptor)


@contextmanager
def _refusals(what: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise  # means something else for each file
    except OSError as error:
        why = _REFUSALS.get(error.errno or 0, error.strerror or str(error))
        raise ReclaimError(f"{what}: {why}") from error
