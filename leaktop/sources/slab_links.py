"""The names under /sys/kernel/slab: directories are real caches, symlinks the names merged into them.

mm/slub.c (SLUB only, 2.6.22+). A merged cache's directory is a unique id such as ":A-0001280", whose letters
tell what the attribute reclaim_account would. Attributes are 0400 since 3.2. Those that count objects walk
slabs with interrupts off, and alloc_calls is worse: none of them is ever opened.
"""

from __future__ import annotations

import errno
import glob
import os
from contextlib import closing

from leaktop.sources.files import KeptFiles, path_below, read_small
from leaktop.sources.text_form import encode, escape

_DIRECTORY = "sys/kernel/slab"
_CEILING = 4 << 20
_STATIC = (
    "object_size", "slab_size", "objs_per_slab", "order", "align", "usersize", "min_partial", "cpu_partial",
    "sheaf_capacity", "aliases", "reclaim_account", "hwcache_align", "cache_dma", "destroy_by_rcu",
    "sanity_checks", "trace", "red_zone", "poison", "store_user", "ctor", "remote_node_defrag_ratio",
)  # fmt: skip
"""Attributes that are a field of struct kmem_cache: reading one takes no lock and walks no list."""


def list_slab_links(root: str) -> bytes:
    """The list "slab_links": name, "dir", reclaim_account ("0", "1", "-" unknown); or name, "link", target.

    Sorted by name. For ids (":...") reclaim_account is not read. For a captured tree without sys/kernel/slab:
    the raw bytes of the `ls -l` of it that sosreport keeps.

    Args:
        root: "/" for this machine, or the directory that holds a captured tree.

    Raises:
        OSError: /sys/kernel/slab cannot be listed.
        FileNotFoundError: neither the directory nor a listing of it is there.
    """
    try:
        directory = path_below(root, _DIRECTORY)
        with os.scandir(directory) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except (FileNotFoundError, NotADirectoryError):
        if root == "/":
            raise
        return _captured(root)
    lines = []
    for entry in entries:
        name = escape(entry.name)
        try:
            if entry.is_symlink():
                lines.append(f"{name}\tlink\t{escape(os.path.basename(os.readlink(entry.path)))}")
            elif entry.is_dir():
                is_id = entry.name.startswith(":")
                account = None if is_id else _attribute(entry.path, "reclaim_account")
                lines.append(f"{name}\tdir\t{account if account in {'0', '1'} else '-'}")
        except OSError:
            continue  # the cache was destroyed while we looked
    return encode("slab_links", lines)


def read_slab_attributes(root: str, identity: str) -> bytes:
    """Lines "attribute=value" for the static attributes that one cache has; unreadable ones are left out.

    Args:
        root: "/" for this machine, or the directory that holds a captured tree.
        identity: the name of a directory or link under /sys/kernel/slab.

    Raises:
        OSError: no such cache (ENOENT), its attributes denied (EACCES), or `identity` is no name (EINVAL).
    """
    if not identity or "/" in identity or "\0" in identity or identity in {".", ".."}:
        raise OSError(errno.EINVAL, "not the name of a slab cache", identity)
    directory = path_below(root, f"{_DIRECTORY}/{identity}")
    if not os.access(directory, os.F_OK):
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), directory)
    lines = []
    denied: OSError | None = None
    for name in _STATIC:
        try:
            value = _text(os.path.join(directory, name))
        except PermissionError as error:
            denied = error
        except OSError:
            continue
        else:
            lines.append(f"{name}={escape(value)}\n")
    if denied is not None and not lines:
        raise denied
    return "".join(lines).encode("utf-8", "surrogateescape")


def _attribute(directory: str, name: str) -> str | None:
    try:
        return _text(os.path.join(directory, name))
    except OSError:
        return None


def _text(path: str) -> str:
    return read_small(path).decode("utf-8", "surrogateescape").strip()


def _captured(root: str) -> bytes:
    for relative in sorted(glob.glob("sos_commands/*/ls*sys.kernel.slab*", root_dir=root)):
        with closing(KeptFiles(root)) as files:
            return files.read(relative, _CEILING)
    raise FileNotFoundError(errno.ENOENT, "neither sys/kernel/slab nor a listing of it", root)
