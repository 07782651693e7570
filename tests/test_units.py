"""Numbers for people, and back."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaktop.units import (
    human_bytes,
    human_count,
    human_delta,
    human_duration,
    human_rate,
    parse_duration,
    time_of_day,
)

BINARY = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40, "P": 2**50, "E": 2**60}
SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
DECIMAL = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9}
AMOUNTS = st.integers(-(2**63), 2**63) | st.floats(-1e18, 1e18)


def back(text: str, units: dict[str, int]) -> float:
    found = re.fullmatch(r"([+-]?[0-9]+(?:\.[0-9]+)?)([a-zA-Z]?)", text)
    assert found is not None, text
    return float(found[1]) * units[found[2]]


@given(AMOUNTS)
def test_bytes_there_and_back(amount: float) -> None:
    assert back(human_bytes(amount), BINARY) == pytest.approx(amount, rel=0.0051, abs=0.5)


@given(AMOUNTS)
def test_bytes_fit_in_five_characters_and_a_sign(amount: float) -> None:
    assert len(human_bytes(abs(amount))) <= 5
    assert len(human_bytes(-abs(amount))) <= 6


@given(st.integers(0, 2**63), st.integers(0, 2**63))
def test_more_bytes_never_look_less(one: int, other: int) -> None:
    low, high = sorted((one, other))
    assert back(human_bytes(low), BINARY) <= back(human_bytes(high), BINARY)


@pytest.mark.parametrize(
    ("amount", "text"),
    [(None, "-"), (0, "0"), (999, "999"), (1000, "0.98K"), (4096, "4.00K"), (1023 * 1024, "1.00M"), (2**40, "1.00T")],
)
def test_bytes_at_the_edges(amount: int | None, text: str) -> None:
    assert human_bytes(amount) == text


@given(st.integers(-(2**63), 2**63))
def test_a_delta_is_bytes_with_a_sign(amount: int) -> None:
    text = human_delta(amount)
    assert text == ("0" if amount == 0 else f"+{human_bytes(amount)}" if amount > 0 else human_bytes(amount))
    assert len(text) <= 6


@given(st.floats(-1e15, 1e15))
def test_a_rate_is_bytes_a_minute(rate: float) -> None:
    text = human_rate(rate)
    if abs(rate * 60) < 1:
        assert text == "0"
        return
    assert text[0] == ("-" if rate < 0 else "+")
    assert text.endswith("/m")
    assert back(text[:-2], BINARY) == pytest.approx(rate * 60, rel=0.051, abs=0.5)
    assert len(text) <= 8


@given(st.integers(-(10**12), 10**12))
def test_counts_there_and_back(number: int) -> None:
    assert back(human_count(number), DECIMAL) == pytest.approx(number, rel=0.051, abs=0.5)
    assert len(human_count(abs(number))) <= 5


def test_unknown_is_a_dash_everywhere() -> None:
    assert {f(None) for f in (human_bytes, human_delta, human_rate, human_count, human_duration)} == {"-"}
    assert human_delta(0.4) == human_delta(-0.4) == human_rate(0.0) == "0"


@given(st.integers(0, 10**8))
def test_a_duration_is_read_back(whole: int) -> None:
    text = human_duration(whole)
    step = 1 if whole < 3600 else 60 if whole < 86400 else 3600
    if whole:
        assert parse_duration(text) == whole // step * step
    assert human_duration(-5) == "0s"


@given(
    st.lists(
        st.tuples(st.integers(0, 500), st.sampled_from(sorted(SECONDS.items()))),
        min_size=1,
        max_size=4,
    )
)  # fmt: skip
def test_parts_of_a_duration_add_up(parts: list[tuple[int, tuple[str, float]]]) -> None:
    total = sum(number * unit[1] for number, unit in parts)
    text = "".join(f"{number}{unit[0]}" for number, unit in parts)
    if total > 0:
        assert math.isclose(parse_duration(text), total)
    else:
        with pytest.raises(ValueError, match="is not a time"):
            parse_duration(text)


@given(st.text(max_size=8))
def test_any_text_is_a_time_above_zero_or_refused(text: str) -> None:
    try:
        found = parse_duration(text)
    except ValueError:
        found = None
    if found is None:
        with pytest.raises(ValueError, match=f"^{re.escape(repr(text))} is not a time"):
            parse_duration(text)
    else:
        assert 0 < found < 1e9
        assert re.fullmatch(r"[\d.msdh]+", text)


@pytest.mark.parametrize(
    "text",
    ["", "0", "0s", "-1", "+1", "1 s", "s", "1x", "nan", "inf", "1e3", "1.", ".5", "99999999999", "9" * 400, "1s "],
)
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a time; write 1, 0\.5s, 5m or 1h30m"):
        parse_duration(text)


def test_time_of_day_survives_any_clock() -> None:
    assert re.fullmatch(r"\d\d:\d\d:\d\d", time_of_day(1.7e9))
    assert [time_of_day(wall) for wall in (math.nan, math.inf, 1e300, -1e300)] == ["-"] * 4
