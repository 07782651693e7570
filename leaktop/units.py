"""Numbers for people: bytes, rates, durations, counts. Parsing of the same from the command line."""

from __future__ import annotations

import re
import time

_UNITS = ("", "K", "M", "G", "T", "P", "E")


def human_bytes(amount: float | None) -> str:
    """At most five characters, in powers of 1024: 0, 812, 4.0K, 96.1M, 1.21G; "-" for None.

    A sign costs one more.
    """
    if amount is None:
        return "-"
    sign, size = ("-", -amount) if amount < 0 else ("", amount)
    if size < 1000:
        return f"{sign}{size:.0f}"
    for unit in _UNITS[1:]:
        size /= 1024
        if size < 9.995:
            return f"{sign}{size:.2f}{unit}"
        if size < 99.95:
            return f"{sign}{size:.1f}{unit}"
        if size < 1000:
            return f"{sign}{size:.0f}{unit}"
    return f"{sign}{size:.0f}{_UNITS[-1]}"


def human_delta(amount: float | None) -> str:
    """Like human_bytes, with a plus sign; "0" for no change, "-" (unknown) for None."""
    if amount is None:
        return "-"
    return f"+{human_bytes(amount)}" if amount >= 0.5 else human_bytes(amount) if amount <= -0.5 else "0"


def human_rate(bytes_per_second: float | None) -> str:
    """Bytes a minute: leaks are slow. "-" for unknown; "0" below one byte a minute."""
    if bytes_per_second is None:
        return "-"
    per_minute = bytes_per_second * 60
    if abs(per_minute) < 1:
        return "0"
    sign, size = ("-", -per_minute) if per_minute < 0 else ("+", per_minute)
    # Two digits: a third would only flicker.
    for unit in _UNITS:
        if size < 9.95 and unit:
            return f"{sign}{size:.1f}{unit}/m"
        if size < 1000:
            return f"{sign}{size:.0f}{unit}/m"
        size /= 1024
    return f"{sign}{size:.0f}{_UNITS[-1]}/m"


def human_count(number: float | None) -> str:
    """Objects: 812, 4200, 58.1k, 1.1M; "-" for None."""
    if number is None:
        return "-"
    sign, size = ("-", -number) if number < 0 else ("", number)
    if size < 10000:
        return f"{sign}{size:.0f}"
    for unit in ("k", "M", "G"):
        size /= 1000
        if size < 99.95:
            return f"{sign}{size:.1f}{unit}"
        if size < 1000 or unit == "G":
            return f"{sign}{size:.0f}{unit}"
    raise AssertionError("unreachable")


def human_duration(seconds: float | None) -> str:
    """42s, 12m05s, 5h10m, 3d04h; "-" for None."""
    if seconds is None:
        return "-"
    whole = int(max(seconds, 0))
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}s"
    if whole < 86400:
        return f"{whole // 3600}h{whole % 3600 // 60:02d}m"
    return f"{whole // 86400}d{whole % 86400 // 3600:02d}h"


def human_pace(seconds: float) -> str:
    """Between two reads: 0.25s, 1.4s, 12s, 2m05s."""
    return human_duration(seconds) if seconds >= 9.95 else f"{seconds:.2g}s"


def time_of_day(wall: float) -> str:
    """Local time: "07:33:37"; "-" for a clock that no calendar reaches."""
    try:
        return time.strftime("%H:%M:%S", time.localtime(wall))
    except (OverflowError, OSError, ValueError):
        return "-"


_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)?")
_SECONDS = {"ms": 0.001, "s": 1.0, None: 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def parse_duration(text: str) -> float:
    """Seconds of "0.5", "5s", "2h", "1h30m".

    Raises:
        ValueError: the text is no duration, or not above zero.
    """
    position, total = 0, 0.0
    for found in _DURATION.finditer(text):
        if found.start() != position:
            break
        total += float(found[1]) * _SECONDS[found[2]]
        position = found.end()
    if position != len(text) or not 0 < total < 1e9:
        raise ValueError(f"{text!r} is not a time; write 1, 0.5s, 5m or 1h30m")
    return total


_SHARE = re.compile(r"(\d{1,6}(?:\.\d{1,6})?) ?%?", re.ASCII)


def parse_share(text: str) -> float | None:
    """Share of one core of "2%", "0.5", "150"; None for "none" and for 0, which are no limit.

    Raises:
        ValueError: the text is none.
    """
    if text.strip().lower() == "none":
        return None
    found = _SHARE.fullmatch(text.strip())
    if not found:
        raise ValueError(f"{text!r} is not a share of a core; write 2%, 0.5% or none")
    return float(found[1]) / 100 or None
