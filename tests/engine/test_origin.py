"""Where the growth of a row began."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from leaktop.engine.origin import find_origin
from leaktop.model.sample import Tick
from leaktop.recording.reader import Place
from tests.engine.played import (
    LEAK,
    START_WALL,
    STILL,
    contents,
    leaking,
    opened,
    recorded,
    slab,
    tick,
)

if TYPE_CHECKING:
    import pytest

    from leaktop.recording.reader import Recording

EATER = (77, 77)


def second_of(recording: Recording, place: Place | None) -> float | None:
    """The tick of a recording that begins at START_WALL."""
    return None if place is None else recording.moment(place).wall - START_WALL


@settings(max_examples=40)
@given(count=st.integers(20, 700), share=st.floats(0, 0.9))
def test_it_is_found_wherever_it_is(count: int, share: float) -> None:
    begins = int(count * share)
    recording = opened(recorded(leaking(count, begins=begins)))
    last = recording.last()
    assert last is not None
    found = second_of(recording, find_origin(recording, "slab", LEAK, last))
    # Up to a twentieth of the growth is taken for none.
    assert found is not None
    assert begins <= found <= begins + 0.07 * (count - begins) + 1


def test_a_row_that_stands_still_or_is_not_there_has_none() -> None:
    recording = opened(recorded(leaking(300)))
    last = recording.last()
    assert last is not None
    assert find_origin(recording, "slab", STILL, last) is None
    assert find_origin(recording, "slab", ("nobody", 0), last) is None
    assert find_origin(recording, "tmpfs", ("nobody",), last) is None  # nothing of that was recorded
    assert find_origin(recording, "slab", LEAK, Place(0, 0)) is None


def test_up_to_where_one_is() -> None:
    recording = opened(recorded(leaking(400, begins=200)))
    assert find_origin(recording, "slab", LEAK, Place(1, 30)) is None
    found = find_origin(recording, "slab", LEAK, Place(2, 10))
    assert found is not None
    assert 200 <= (second_of(recording, found) or 0) <= 205


def test_a_row_that_was_not_there_before_begins_with_its_first_tick() -> None:
    def texts(n: int) -> dict[str, bytes]:
        lines = [slab("still", 50)] + ([slab("late", 40)] if n >= 170 else [])
        return {"slabinfo": "\n".join(["slabinfo - version: 2.1", *lines, ""]).encode()}

    recording = opened(recorded([tick(n, texts(n)) for n in range(250)]))
    last = recording.last()
    assert last is not None
    assert second_of(recording, find_origin(recording, "slab", ("late", 0), last)) == 169


def test_a_probe_that_came_late_is_no_growth() -> None:
    def texts(n: int) -> dict[str, bytes]:
        everything = contents(n, 30)
        if n < 150:
            everything.pop("processes", None)
        return everything

    recording = opened(recorded([tick(n, texts(n)) for n in range(400)]))
    last = recording.last()
    assert last is not None
    found = second_of(recording, find_origin(recording, "processes", EATER, last))
    assert found is not None
    assert found >= 150  # it grows from there on, and was not seen before
    assert find_origin(recording, "processes", (1, 1), last) is None


def test_what_was_before_the_reboot_does_not_count() -> None:
    before = [tick(n, contents(n, 1)) for n in range(200)]
    after = [
        Tick(10.0 + n, START_WALL + 1000 + n, t.samples)
        for n, t in enumerate(leaking(300, begins=120, start=(10.0, START_WALL + 1000)))
    ]
    recording = opened(recorded(before, after))
    last = recording.last()
    assert last is not None
    found = second_of(recording, find_origin(recording, "slab", LEAK, last))
    assert found is not None
    assert 1120 <= found <= 1132


def test_a_day_is_searched_without_reading_all_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    recording = opened(recorded(leaking(6000, begins=4321)))
    last = recording.last()
    assert last is not None
    read: list[Place] = []
    state = recording.state

    def counted(place: Place) -> Tick:
        read.append(place)
        return state(place)

    monkeypatch.setattr(recording, "state", counted)
    found = second_of(recording, find_origin(recording, "slab", LEAK, last))
    assert found is not None
    assert 4321 <= found <= 4321 + 0.07 * 1679
    assert len(read) < 150
