"""Moments as people write them: "14:02", "-5m", "+30s", "2026-11-21T14:02:10", "start", "end"."""

from __future__ import annotations

import re
import time
from datetime import datetime

from leaktop.units import parse_duration

_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}(?:\.\d+)?))?")


def resolve(text: str, *, here: float | None, start: float, end: float) -> float:
    """Seconds since the epoch of a moment.

    Args:
        text: as the user wrote it.
        here: what "+30s" counts from, and "-5m"; None: the one from the start, the other from the end, so that neither
            leaves the recording.
        start: of the recording; a time of day is the first such at or after it.
        end: of the recording.

    Raises:
        ValueError: it is no time; the message says what may be written.
    """
    wish = text.strip()
    if wish in {"start", "0"}:
        return start
    if wish in {"end", "$"}:
        return end
    if wish[:1] in {"+", "-"}:
        is_later = wish[0] == "+"
        origin = here if here is not None else start if is_later else end
        return origin + (1 if is_later else -1) * parse_duration(wish[1:])
    clock = _CLOCK.fullmatch(wish)
    if clock:
        return _time_of_day(int(clock[1]), int(clock[2]), float(clock[3] or 0), start, end)
    if re.fullmatch(r"\d{9,11}(\.\d+)?", wish):
        return float(wish)
    try:
        return datetime.fromisoformat(wish).timestamp()
    except (ValueError, OverflowError, OSError):
        raise ValueError(f"{text!r} is no time; write 14:02, -5m, +30s, 2026-11-21T14:02, start or end") from None


def _time_of_day(hour: int, minute: int, second: float, start: float, end: float) -> float:
    """Local time, on the first day of the recording on which it lies in it, else on its first day."""
    if hour > 23 or minute > 59 or second >= 60:
        raise ValueError(f"{hour}:{minute:02d} is no time of day")
    day = time.localtime(start)
    for days in (0, 1):
        parts = (day.tm_year, day.tm_mon, day.tm_mday + days, hour, minute, 0, 0, 0, -1)
        moment = time.mktime(parts) + second
        # A minute that holds the start counts as in it: "14:02" for a recording from 14:02:31.
        if start - 60 < moment <= end:
            return moment
    return time.mktime((day.tm_year, day.tm_mon, day.tm_mday, hour, minute, 0, 0, 0, -1)) + second
