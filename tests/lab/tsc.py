"""How fast this machine's time stamp counter runs: under software emulation it is the guest's as well.

The guest could measure it itself, against an emulated timer, which fails on a busy host and leaves clocks of 10 ms.
"""

from __future__ import annotations

import ctypes
import mmap
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_RDTSC = bytes.fromhex("0f31 48c1e220 4809d0 c3")
"""rdtsc; shl rdx, 32; or rax, rdx; ret."""
_ROUNDS, _NAP = 5, 0.02


def tsc_khz() -> int | None:
    """Ticks in a millisecond; None where code cannot be put into memory and run."""
    try:
        with mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC) as page:
            page.write(_RDTSC)
            start = ctypes.c_char.from_buffer(page)
            read = ctypes.CFUNCTYPE(ctypes.c_uint64)(ctypes.addressof(start))
            khz = _measure(read)
            del read, start
    except OSError:
        return None
    return khz


def _measure(read: Callable[[], int]) -> int:
    """The best of some rounds: the one whose readings took the least time, in which nothing came between."""
    rounds: list[tuple[int, float]] = []
    for _ in range(_ROUNDS):
        before, first, after = time.perf_counter_ns(), read(), time.perf_counter_ns()
        time.sleep(_NAP)
        again_before, second, again_after = time.perf_counter_ns(), read(), time.perf_counter_ns()
        passed = (again_before + again_after - before - after) / 2
        blur = (after - before) + (again_after - again_before)
        rounds.append((blur, (second - first) * 1e6 / passed))
    _, best = min(rounds)
    return round(best)
