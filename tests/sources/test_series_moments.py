"""Times as people name their captures, and as `date` prints them."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaktop.sources.series.moments import time_of_line, time_of_name
from tests.series import AT

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def berlin() -> Iterator[None]:
    """This machine stands in Berlin: 13:00 there is 12:00 UTC in November."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = "Europe/Berlin"
    time.tzset()
    yield
    if before is None:
        del os.environ["TZ"]
    else:
        os.environ["TZ"] = before
    time.tzset()


@pytest.mark.parametrize("name", [
    "2026-11-21T12:00:00Z", "2026-11-21T12:00:00+00:00", "2026-11-21T13:00:00", "2026-11-21_13-00-00",
    "20261121-130000", "20261121130000", "20261121T130000", "2026-11-21 13:00", "2026-11-21T13:00:00+0100",
    "2026-11-21T17:30:00+05:30", "1795262400", "1795262400000", "2026-11-21-1300", "1795262400s",
])  # fmt: skip
@pytest.mark.usefixtures("berlin")
def test_names_that_are_a_time(name: str) -> None:
    assert time_of_name(name) == (AT, False)


@pytest.mark.parametrize(("name", "seconds"), [("0", 0), ("30", 30), ("7.5", 7.5), ("0060", 60), ("30s", 30)])
def test_names_that_count_from_a_beginning(name: str, seconds: float) -> None:
    assert time_of_name(name) == (seconds, True)


def test_fractions_and_days() -> None:
    found = time_of_name("2026-11-21T12:00:00.250Z")
    assert found is not None
    assert found.seconds == pytest.approx(AT + 0.25)
    assert time_of_name("1795262400.5") == (AT + 0.5, False)
    assert time_of_name("20261121") is not None
    assert time_of_name("20261121") != (20261121, True)


@pytest.mark.parametrize("name", [
    "", "before", "sosreport-web1-2026-11-21-abc", "-5", "1e9", "2026-13-41T12:00:00", "t0", "0x10", "١٢",
    "123456789012",
])  # fmt: skip
def test_names_that_are_none(name: str) -> None:
    assert time_of_name(name) is None


@pytest.mark.parametrize("line", [
    "Sat Nov 21 12:00:00 UTC 2026", "Sat Nov 21 12:00:00 PM UTC 2026", "Sat 21 Nov 12:00:00 GMT 2026",
    "Sat Nov 21 01:00:00 PM CET 2026", "Sat Nov 21 13:00:00 CET 2026", "Sat Nov 21 07:00:00 EST 2026",
    "Sat 21 Nov 2026 12:00:00 PM UTC", "Sat, 21 Nov 2026 12:00:00 +0000", "Sat, 21 Nov 2026 17:30:00 +0530",
    "Sat Nov 21 20:00:00 +08 2026", "2026-11-21T12:00:00+00:00", "2026-11-21T12:00:00Z", "2026-11-21 13:00:00+01:00",
    "2026-11-21T13:00:00,000000000+01:00", "2026-11-21 13:00:00", "2026-11-21 13:00", "1795262400", "@1795262400",
    "1795262400.000", "1795262400.00", "1795262400000", "time: 1795262400", "===== Sat Nov 21 12:00:00 UTC 2026 =====",
    "# Date: 2026-11-21T12:00:00Z", "Sa 21. Nov 13:00:00 CET 2026", "sam. 21 nov. 2026 13:00:00 CET",
    "sábado, 21 de noviembre de 2026, 13:00:00 CET", "sam. 21 nov. 2026 13:00:00 (UTC+0100)", "11/21/2026 13:00:00",
    "11/21/26 13:00:00", "21.11.2026 13:00:00", "2026年 11月 21日 星期六 12:00:00 UTC", "2026/11/21 13:00:00",
    "2026年 11月 21日 土曜日 21:00:00 JST", "Sat Nov 21 13:00:00 XYZT 2026", "Sat Nov 21 13:00:00 2026",
    "mar. 21 nov. 2026 13:00:00 CET", "  Sat Nov 21 12:00:00 UTC 2026  ", "Sat Nov 21 13:00:00 2026 +0100",
])  # fmt: skip
@pytest.mark.usefixtures("berlin")
def test_lines_that_date_prints(line: str) -> None:
    """Without a zone, or with one that nobody knows, the time is local."""
    assert time_of_line(line) == AT


@pytest.mark.parametrize("line", [
    "", "12:00:00 up 3 days", "Sat Nov 21", "2026-11-21", "Linux web1 5.4.0 #1 SMP Thu Feb 3 13:50:55 UTC 2022 x86_64",
    "MemTotal:       16384000 kB", "Sat Nov 41 12:00:00 UTC 2026", "2026-11-21 25:00:00", "00:1f.3 2026", "42",
])  # fmt: skip
def test_lines_that_are_no_date(line: str) -> None:
    assert time_of_line(line) is None


def test_a_leap_second_is_a_time() -> None:
    assert time_of_line("Sat Dec 31 23:59:60 UTC 2016") is not None


@given(
    st.text(max_size=80) | st.from_regex(r"[0-9]{1,5}[-/.:T ][0-9]{1,3}[-/:. ][0-9]{1,3}.*[0-9]:[0-9]{2}:[0-9]{2}.*")
)
def test_any_text_is_a_time_or_none(text: str) -> None:
    time_of_line(text)
    time_of_name(text)
