"""When a capture was made: what the name of a directory says, and what a line that `date` printed says.

What names no zone, or one that nobody can know, is taken as this machine's local time: the screen shows local time, and
so shows the digits that stood there.
"""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import NamedTuple

_NUMBER = re.compile(r"([0-9]{1,13})(\.[0-9]{1,9})?s?")
_NAME = re.compile(
    r"((?:19|20)[0-9]{2})-?([0-9]{2})-?([0-9]{2})"
    r"(?:[T_ -]?([0-9]{2})[:.h-]?([0-9]{2})(?:[:.m-]?([0-9]{2})(?:[.,]([0-9]{1,9}))?)?)?"
    r"(Z|[+-][0-9]{2}(?::?[0-9]{2})?)?",
)
_EPOCH = re.compile(r"[^\w\s]*\s*(?:[A-Za-z_ ]{1,20}[:=@]\s*)?@?([0-9]{9,11}(?:[.,][0-9]{1,9})?|[0-9]{13})[^\w]*")
_CLOCK = re.compile(
    r"(?<![0-9:.])([0-9]{1,2}):([0-9]{2})(?::([0-9]{2})(?:[.,]([0-9]{1,9}))?)?(?![0-9:])(?:\s*([AaPp])\.?[Mm]\b)?"
)
_YEAR = re.compile(r"(?<![0-9])((?:19|20)[0-9]{2})(?![0-9])")
_YEAR_FIRST = re.compile(
    r"(?<![0-9])((?:19|20)[0-9]{2})(?:[-/.]|[年년]\s*)([0-9]{1,2})(?:[-/.]|[月월]\s*)([0-9]{1,2})(?![0-9])"
)
_DAY_FIRST = re.compile(r"(?<![0-9])([0-9]{1,2})\.([0-9]{1,2})\.((?:19|20)[0-9]{2})(?![0-9])")
_MONTH_FIRST = re.compile(r"(?<![0-9])([0-9]{1,2})/([0-9]{1,2})/((?:19|20)?[0-9]{2})(?![0-9])")
_DAY_MONTH = re.compile(r"(?<![0-9:.])([0-9]{1,2})(?:\.|,|-)?\s*(?:de\s+)?([^\W\d_]{3,10})")
_MONTH_DAY = re.compile(r"([^\W\d_]{3,10})\.?\s+([0-9]{1,2})(?![0-9:])")
_OFFSET = re.compile(r"(?:^|[\s(]|UTC|GMT)([+-])([0-9]{2})(?::?([0-9]{2}))?(?![0-9-])")
_ABBREVIATION = re.compile(r"\b([A-Z]{1,5})\b")
_MONTHS = (
    "jan ene gen sty", "feb fév fev lut", "mar mär mrz maa mrt", "apr avr abr kwi", "may mai mei mag maj maio",
    "jun juin giu cze", "jul juil lug lip", "aug aoû ago aou sie", "sep set wrz", "oct okt ott out paź", "nov lis",
    "dec dez déc dic gru",
)  # fmt: skip
"""How the names of the months begin, in the languages of most servers."""
_HOURS = {
    "UTC": 0, "GMT": 0, "Z": 0, "WET": 0, "WEST": 1, "BST": 1, "CET": 1, "CEST": 2, "EET": 2, "EEST": 3, "MSK": 3,
    "EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7, "IST": 5.5, "SAST": 2,
    "HKT": 8, "JST": 9, "KST": 9, "AEST": 10, "AEDT": 11, "NZST": 12, "NZDT": 13,
}  # fmt: skip
"""Hours east of Greenwich. One that is this machine's own means what it means here, whatever stands in this table."""
LONGEST_LINE = 200
"""Characters; no date is longer, even with a heading around it."""


class NamedTime(NamedTuple):
    """What the name of a directory says."""

    seconds: float
    is_relative: bool
    """True: since the series began. False: since the epoch."""


def time_of_name(name: str) -> NamedTime | None:
    """Seconds ("0", "30", "7.5s"), seconds or milliseconds since the epoch (9 to 11 or 13 digits), or an ISO time.

    Returns:
        None where the name is nothing of these.
    """
    written = _NAME.fullmatch(name)
    if written:
        *parts, fraction, zone = written.groups(default="")
        numbers = [int(part or 0) for part in parts]
        offset = _OFFSET.search(zone)
        moment = _moment(numbers, fraction, _east(offset) if offset else UTC if zone else None)
        if moment is not None:
            return NamedTime(moment, is_relative=False)
    number = _NUMBER.fullmatch(name)
    if number is None or len(number[1]) == 12:
        return None
    seconds = float(number[1] + (number[2] or ""))
    if len(number[1]) == 13:
        return NamedTime(seconds / 1000, is_relative=False)
    return NamedTime(seconds, is_relative=len(number[1]) < 9)


def time_of_line(line: str) -> float | None:
    """Seconds since the epoch of a line that `date` printed, in whatever form, a heading around it or not.

    Returns:
        None where the line has no day or no time of day.
    """
    text = line[:LONGEST_LINE]
    epoch = _EPOCH.fullmatch(text.strip())
    if epoch:
        seconds = float(epoch[1].replace(",", "."))
        return seconds / 1000 if len(epoch[1]) == 13 and epoch[1].isdecimal() else seconds
    if text.startswith("Linux "):  # uname -a, /proc/version: the date is when the kernel was built
        return None
    # A "T" between day and time must not hide the time, nor the day.
    text = re.sub(r"(?<=[0-9])T(?=[0-9])", " ", text)
    clock = _CLOCK.search(text)
    day = _day(text) if clock else None
    if clock is None or day is None:
        return None
    hour, half = int(clock[1]), (clock[5] or "").lower()
    if half and 1 <= hour <= 12:
        hour = hour % 12 + (12 if half == "p" else 0)
    return _moment([*day, hour, int(clock[2]), int(clock[3] or 0)], clock[4] or "", _zone(text[clock.end() :]))


def _day(text: str) -> tuple[int, int, int] | None:
    found = _YEAR_FIRST.search(text)
    if found:
        return int(found[1]), int(found[2]), int(found[3])
    found = _DAY_FIRST.search(text)
    if found:
        return int(found[3]), int(found[2]), int(found[1])
    found = _MONTH_FIRST.search(text)
    if found:
        month, day, year = int(found[1]), int(found[2]), int(found[3])
        if month > 12:
            month, day = day, month
        return year + (2000 if year < 100 else 0), month, day
    year_found = _YEAR.search(text)
    if year_found is None:
        return None
    # The day before the month first: in "mar. 24 nov. 2026" the first word is a Tuesday.
    pairs = [(word, day) for day, word in _DAY_MONTH.findall(text)] + _MONTH_DAY.findall(text)
    for word, day_text in pairs:
        month_found = _month(word.lower())
        if month_found is not None:
            return int(year_found[1]), month_found, int(day_text)
    return None


def _month(word: str) -> int | None:
    for number, beginnings in enumerate(_MONTHS, 1):
        if any(word.startswith(beginning) for beginning in beginnings.split()):
            return number
    return None


def _zone(rest: str) -> tzinfo | None:
    offset = _OFFSET.search(rest)
    if offset:
        return _east(offset)
    for name in _ABBREVIATION.findall(rest):
        if name in time.tzname and name not in {"UTC", "GMT"}:
            return None
        if name in _HOURS:
            return timezone(timedelta(hours=_HOURS[name]))
    return UTC if rest.startswith("Z") else None


def _east(offset: re.Match[str]) -> timezone | None:
    ahead = timedelta(hours=int(offset[2]), minutes=int(offset[3] or 0))
    if ahead >= timedelta(days=1):
        return None
    return timezone(ahead if offset[1] == "+" else -ahead)


def _moment(numbers: list[int], fraction: str, zone: tzinfo | None) -> float | None:
    year, month, day, hour, minute, second = numbers
    try:
        moment = datetime(year, month, day, hour, minute, min(second, 59), tzinfo=zone)  # a leap second is 60
        return moment.timestamp() + float(f"0.{fraction or 0}")
    except (ValueError, OverflowError, OSError):
        return None
