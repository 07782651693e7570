"""What leaktop itself has in memory: /proc/self/statm (fs/proc/array.c)."""

from __future__ import annotations

import os


def resident_bytes() -> int | None:
    """Resident memory of this process; None where there is no /proc."""
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return None
