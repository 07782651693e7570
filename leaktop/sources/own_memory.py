"""What leaktop itself has in memory."""

from __future__ import annotations

import psutil


def resident_bytes() -> int | None:
    """Resident memory of this process; None where there is no /proc."""
    try:
        return int(psutil.Process().memory_info().rss)
    except (psutil.Error, OSError):
        return None
