"""A damaged recording gives back what is whole, names what is not, and never says anything wrong."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leaktop.recording.layout import SEEK_TABLE_MAGIC, SIGNPOST_MAGIC
from leaktop.recording.reader import Place
from tests.recording.recordings import check_ticks, encode, every_bit, in_chapters, opened, small_ticks, use_all

TICKS = small_ticks(9)
ALL = {tick.mono for tick in TICKS}
CONTENT = encode(in_chapters(TICKS, 3))
UNCLOSED = encode(in_chapters(TICKS, 3), is_closed=False)
INTACT = opened(CONTENT)
assert INTACT is not None
FRAMES = [(s.offset, s.offset + s.length) for s in INTACT.stretches]
"""Where the chapters lie in both."""


def of_chapter(number: int) -> set[float]:
    return {tick.mono for tick in TICKS[3 * number : 3 * number + 3]}


@pytest.mark.parametrize("part", range(6))
def test_any_bit_flipped(part: int) -> None:
    """A flip costs at most the chapter that it hits, and is named unless it cost nothing."""
    for number, damaged in enumerate(every_bit(CONTENT)):
        at = number // 8
        if at % 6 != part:
            continue
        recording = opened(damaged)
        assert recording is not None
        whole = check_ticks(recording, TICKS)
        hit = {i for i, (begin, end) in enumerate(FRAMES) if begin <= at < end}
        for chapter in {0, 1, 2} - hit:
            assert of_chapter(chapter) <= whole, f"bit {number % 8} of byte {at}"
        assert recording.verify() or whole == ALL, f"bit {number % 8} of byte {at}"
        if number % 32 == 0:
            use_all(recording)


def test_any_bit_of_an_unclosed_chapter_flipped() -> None:
    """Nothing but the lines' own checksums guards what a killed recorder left."""
    begin = FRAMES[2][0]
    for number, damaged in enumerate(every_bit(UNCLOSED[begin:])):
        recording = opened(UNCLOSED[:begin] + damaged)
        assert recording is not None
        whole = check_ticks(recording, TICKS)
        assert of_chapter(0) | of_chapter(1) <= whole
        assert recording.verify()
        if number % 32 == 0:
            use_all(recording)


@pytest.mark.parametrize("content", [CONTENT, UNCLOSED], ids=["closed", "unclosed"])
def test_cut_at_any_byte(content: bytes) -> None:
    """All chapters before the cut are there; that the end is not is said."""
    ends = sorted(s.offset + s.length for s in INTACT.stretches) if INTACT else []
    for length in range(len(content)):
        recording = opened(content[:length])
        whole = check_ticks(recording, TICKS)
        for chapter, (_, end) in enumerate(FRAMES):
            assert end > length or of_chapter(chapter) <= whole
        if recording is not None:
            # A first chapter that is whole, and nothing after it: so `zstd` makes them, too.
            assert recording.damage or length == ends[0]
            use_all(recording)


def test_a_cut_costs_at_most_the_tick_being_written() -> None:
    """Every piece that was written whole can be read, however little of the next is there."""
    known = 0
    for length in range(len(UNCLOSED)):
        known_now = len(check_ticks(opened(UNCLOSED[:length]), TICKS))
        assert known_now >= known
        known = known_now
    assert len(check_ticks(opened(UNCLOSED), TICKS)) == len(TICKS)


@pytest.mark.parametrize("start", range(1, len(CONTENT), 7))
def test_the_beginning_is_missing(start: int) -> None:
    recording = opened(CONTENT[start:])
    whole = check_ticks(recording, TICKS)
    for chapter, (begin, _) in enumerate(FRAMES):
        assert begin < start or of_chapter(chapter) <= whole
    assert recording is None or recording.verify()
    use_all(recording)


def test_a_chapter_taken_out_is_named_by_its_signpost() -> None:
    begin, end = FRAMES[1]
    recording = opened(CONTENT[:begin] + CONTENT[end:])
    assert recording is not None
    assert check_ticks(recording, TICKS) == of_chapter(0) | of_chapter(2)
    (damage,) = recording.damage
    assert damage.ticks == 3
    assert damage.first is not None
    assert damage.first.mono == 103.0
    assert damage.last is not None
    assert damage.last.mono == 105.0
    assert [event.kind for event in recording.events()] == []


def test_a_damaged_chapter_says_what_it_was() -> None:
    """The signpost after it tells the span; what stands before the damaged block is still read."""
    begin, end = FRAMES[1]
    recording = opened(CONTENT[: end - 40] + bytes(30) + CONTENT[end - 10 :])
    assert recording is not None
    (damage,) = recording.verify()
    assert (damage.offset, damage.bytes) == (begin, end - begin)
    assert damage.ticks is not None
    assert 1 <= damage.ticks < 3
    assert check_ticks(recording, TICKS) >= {103.0} | of_chapter(0) | of_chapter(2)


@pytest.mark.parametrize("garbage", [b"\0" * 5000, b"garbage" * 300, b"\x28\xb5\x2f\xfd" * 99, SIGNPOST_MAGIC * 99])
def test_garbage_around_and_between(garbage: bytes) -> None:
    between = CONTENT[: FRAMES[1][0]] + garbage + CONTENT[FRAMES[1][0] :]
    for content in (CONTENT + garbage, garbage + CONTENT, between):
        recording = opened(content)
        assert check_ticks(recording, TICKS) == ALL
        assert recording is not None
        assert recording.damage
        use_all(recording)


@pytest.mark.parametrize("content", [b"", bytes(100_000), b"\x28", b"\x28\xb5\x2f\xfd", b"x" * 3, SEEK_TABLE_MAGIC * 9])
def test_no_recording_at_all(content: bytes) -> None:
    assert opened(content) is None
    growing = opened(content, is_growing=True)
    assert growing is not None
    assert growing.header is None
    assert growing.first() is growing.last() is growing.at(0.0) is None
    assert growing.step(Place(0, 0), 5) == Place(0, 0)
    assert growing.events() == []
    assert growing.ticks == 0


EDITS = st.lists(
    st.one_of(
        st.tuples(st.just("flip"), st.integers(0, 8 * len(CONTENT))),
        st.tuples(st.just("cut"), st.integers(0, len(CONTENT))),
        st.tuples(st.just("insert"), st.integers(0, len(CONTENT)), st.binary(max_size=40)),
        st.tuples(st.just("remove"), st.integers(0, len(CONTENT)), st.integers(1, 600)),
        st.tuples(st.just("repeat"), st.integers(0, len(CONTENT)), st.integers(1, 600)),
    ),
    min_size=1,
    max_size=5,
)


@settings(max_examples=400)
@given(st.sampled_from([CONTENT, UNCLOSED]), EDITS, st.booleans())
def test_any_damage(
    content: bytes, edits: list[tuple[str, int] | tuple[str, int, bytes | int]], is_growing: bool
) -> None:
    """Several flips, cuts, insertions, removals and repetitions at once."""
    damaged = bytearray(content)
    for kind, at, *more in edits:
        if kind == "flip" and at // 8 < len(damaged):
            damaged[at // 8] ^= 1 << at % 8
        elif kind == "cut":
            del damaged[at:]
        elif kind == "insert":
            damaged[at:at] = bytes(more[0])
        elif kind == "remove":
            del damaged[at : at + int(more[0])]
        elif kind == "repeat":
            damaged[at:at] = damaged[at : at + int(more[0])]
    recording = opened(bytes(damaged), is_growing=is_growing)
    whole = check_ticks(recording, TICKS)
    if recording is not None and recording.first() is not None:
        use_all(recording)
        if not is_growing and whole != ALL:
            # Whole chapters cut off together with all that tells of them leave no trace: what is left is a recording.
            assert recording.damage or content.startswith(damaged) or content.endswith(damaged)
