"""The pools of huge pages: /sys/kernel/mm/hugepages/hugepages-*kB/*_hugepages (2.6.27+, mm/hugetlb.c)."""

from __future__ import annotations

import os

from leaktop.sources.files import path_below, read_small

_DIRECTORY = "sys/kernel/mm/hugepages"
_COUNTS = ("nr_hugepages", "free_hugepages", "resv_hugepages", "surplus_hugepages")


def list_hugepages(root: str) -> bytes:
    """Lines "hugepages-2048kB/nr_hugepages:5": nr, free, resv and surplus of every pool, in huge pages.

    A count that cannot be read is left out.

    Args:
        root: "/" for this machine, or the directory that holds a captured `sys`.

    Raises:
        OSError: the directory cannot be listed; FileNotFoundError where the kernel has no huge pages.
    """
    directory = path_below(root, _DIRECTORY)
    lines = []
    with os.scandir(directory) as entries:
        pools = sorted(
            entry.name
            for entry in entries
            if entry.name.startswith("hugepages-") and entry.is_dir(follow_symlinks=False)
        )
    for pool in pools:
        for count in _COUNTS:
            try:
                value = read_small(os.path.join(directory, pool, count)).strip()
            except OSError:
                continue
            lines.append(os.fsencode(f"{pool}/{count}:") + value + b"\n")
    return b"".join(lines)
