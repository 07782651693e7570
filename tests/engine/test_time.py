"""Clocks that jump, machines that sleep, and things that come and go between two reads under the same name."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from leaktop.model.sample import RawSample, Tick
from leaktop.recording.reader import Recording, TapedChapters
from leaktop.recording.recorder import Recorder
from leaktop.recording.tape import Tape
from leaktop.sources.text_form import encode
from tests.engine.played import (
    LEAK,
    START_MONO,
    START_WALL,
    Watched,
    fed,
    header,
    leaking,
    machine,
    opened,
    recorded,
    row,
    slab,
    tick,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from leaktop.model.frame import Frame

IN_1970, IN_2100 = 40.0, 4_102_444_900.0
CLOCKS = st.dictionaries(
    st.integers(1, 119),
    st.sampled_from([IN_1970, IN_2100, START_WALL - 3600, START_WALL + 3600, START_WALL + 86400, START_WALL - 3e7]),
    max_size=4,
)


def set_to(ticks: Sequence[Tick], clocks: Mapping[int, float]) -> list[Tick]:
    """The same ticks on a machine whose clock was set, at some of them to that."""
    moved, shift = [], 0.0
    for number, one in enumerate(ticks):
        shift = clocks[number] - one.wall if number in clocks else shift
        wall = round(one.wall + shift, 3)
        samples = tuple(RawSample(s.probe, s.content, s.fault, s.mono, wall, s.cost) for s in one.samples)
        moved.append(Tick(one.mono, wall, samples))
    return moved


def told(frame: Frame) -> tuple[object, ...]:
    """What a user sees of growth, rates and blame, without the time of day."""
    rows = {name: section.rows for name, section in frame.sections.items()}
    verdict = frame.diagnosis.verdict
    return rows, frame.suspects, verdict.name, [(case.key, case.rate) for case in frame.diagnosis.cases]


@settings(max_examples=12, deadline=None)
@given(CLOCKS)
def test_setting_the_clock_changes_no_growth_no_rate_and_no_verdict(clocks: dict[int, float]) -> None:
    steady = leaking(120)
    for plain, jumped in zip(fed(steady)[::40], fed(set_to(steady, clocks))[::40], strict=True):
        assert told(plain) == told(jumped)


@settings(max_examples=8, deadline=None)
@given(CLOCKS)
def test_a_recording_of_a_clock_that_was_set_says_so_and_replays_alike(clocks: dict[int, float]) -> None:
    ticks = set_to(leaking(120), clocks)
    recording = opened(recorded(ticks))
    assert [read.mono for _, read in recording.walk()] == [one.mono for one in ticks]
    assert [read.wall for _, read in recording.walk()] == [one.wall for one in ticks]
    jumps = [
        (later.mono, round(later.wall - earlier.wall - (later.mono - earlier.mono), 1))
        for earlier, later in pairwise(ticks)
    ]
    assert [(event.mono, event.seconds) for event in recording.events()] == [one for one in jumps if abs(one[1]) > 2]
    live, again = fed(ticks), fed([read for _, read in recording.walk()], recording.header.machine)  # type: ignore[union-attr]  # it has one
    assert told(live[-1]) == told(again[-1])


def test_a_player_goes_by_time_that_passed_where_the_clock_was_set() -> None:
    """Five minutes back are five minutes, and not an hour or forty years."""
    ticks = set_to(leaking(300), {150: IN_1970})
    with Watched(opened(recorded(ticks))) as shown:
        shown.after(shown.player.to_end)
        assert shown.frame.mono == START_MONO + 299
        shown.after(lambda: shown.player.go("-30s"))
        assert shown.frame.mono == START_MONO + 269
        shown.after(lambda: shown.player.go("-200s"))
        assert shown.frame.mono == START_MONO + 69
        shown.after(lambda: shown.player.go("+100s"))
        assert shown.frame.mono == START_MONO + 169
        assert not shown.words
        position = shown.position
        assert position.timeline.length == 299


def test_the_live_past_begins_at_what_is_shown_also_in_1970() -> None:
    ticks = set_to(leaking(100), {50: IN_1970})
    tape = Tape()
    taking = Recorder(header(), tape, lambda: 0.0)
    for one in ticks:
        taking.take(one)
    with Watched(Recording(TapedChapters(tape), is_growing=True), is_growing=True, mono=ticks[80].mono) as shown:
        shown.settled()
        assert shown.frame.mono == ticks[80].mono
        assert not shown.words


def test_a_rate_does_not_count_the_time_that_the_machine_slept() -> None:
    """CLOCK_MONOTONIC stands still meanwhile: an hour later on the wall is a second."""
    ticks = leaking(60)
    asleep = set_to(ticks, {30: START_WALL + 3630})
    slept = iter([0.0] * 30 + [3600.0] * 30)
    tape = Tape()
    taking = Recorder(header(), tape, lambda: next(slept))
    for one in asleep:
        taking.take(one)
    events = Recording(TapedChapters(tape)).events()
    assert [(event.kind, event.seconds) for event in events] == [("suspend", 3600.0)]
    assert row(fed(asleep)[-1], LEAK).size == row(fed(ticks)[-1], LEAK).size


# Things that come and go


def slabs(*counts: int | None) -> list[Tick]:
    """A cache with so many slabs at each tick; None while it is not there."""
    ticks = []
    for number, count in enumerate(counts):
        known = [slab("still", 50), *([] if count is None else [slab("leak", count)])]
        ticks.append(tick(number, {"slabinfo": "\n".join(["slabinfo - version: 2.1", *known, ""]).encode()}))
    return ticks


def test_a_cache_that_was_made_anew_with_less_in_it_shrank() -> None:
    frame = fed(slabs(100, 110, 4))[-1]
    found = row(frame, LEAK).size
    assert (found.value, found.delta, found.growth) == (4 * 4096, -106 * 4096, -96 * 4096)
    assert found.rate is not None
    assert found.rate < 0


def test_over_a_read_without_the_cache_nothing_is_claimed() -> None:
    frames = fed(slabs(100, 100, None, 4, 6))
    assert all(one.key != LEAK for one in frames[2].sections["slab"].rows)
    back = row(frames[3], LEAK).size
    assert (back.delta, back.rate) == (None, None), "what lies between was not seen"
    assert row(frames[4], LEAK).size.delta == 2 * 4096


@settings(max_examples=25, deadline=None)
@given(st.lists(st.one_of(st.none(), st.integers(1, 400)), min_size=30, max_size=60), st.integers(1, 400))
def test_a_cache_that_comes_and_goes_and_then_stands_still_is_no_leak(course: list[int | None], end: int) -> None:
    frame = fed(slabs(*course, *[end] * 90))[-1]
    assert not [case for case in frame.diagnosis.cases if case.is_leak]
    assert row(frame, LEAK).size.value == end * 4096


VMALLOC = "0x{:016x}-0x{:016x}   20480 {} pages=4 vmalloc N0=4\n"


def areas(number: int, *callers: str) -> Tick:
    """A tick with an area of each."""
    text = "".join(VMALLOC.format(at << 16, (at << 16) + 20480, caller) for at, caller in enumerate(callers, 1))
    return tick(number, {"vmallocinfo": text.encode()})


def test_the_areas_of_a_module_that_was_unloaded_are_gone_and_not_growth_when_it_returns() -> None:
    core, mine = "alloc_large+0x10/0x20", "start+0x1/0x2 [mymod]"
    course = [areas(n, core, *([mine] * 3 if n not in range(5, 8) else [])) for n in range(12)]
    frames = fed(course)
    names = [{one.key[0] for one in frame.sections["vmalloc"].rows} for frame in frames]
    assert [len(name) for name in names] == [2] * 5 + [1] * 3 + [2] * 4
    back = next(one for one in frames[8].sections["vmalloc"].rows if one.key[1] == "mymod")
    assert (back.size.delta, back.size.rate) == (None, None)
    assert back.size.growth == 0


def processes(number: int, *each: tuple[int, int, str, int]) -> Tick:
    """A tick with processes of pid, start time, name, resident bytes."""
    form = [f"{pid}\t{start}\t{comm}\t{rss}\t{rss}\t0\t0\t0\t1\t4" for pid, start, comm, rss in each]
    return tick(number, {"processes": encode("processes", form)})


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 1 << 40), st.integers(1, 1 << 40), st.integers(1, 10**9), st.integers(1, 10**9))
def test_a_pid_that_was_given_out_again_is_another_process(before: int, after: int, start: int, later: int) -> None:
    ticks = [processes(n, (1, 5, "init", 4096), (77, start, "old", before)) for n in range(3)]
    ticks += [processes(n, (1, 5, "init", 4096), (77, start + later, "new", after)) for n in range(3, 6)]
    frames = fed(ticks)
    rows = [{one.key: one for one in frame.sections["processes"].rows} for frame in frames]
    assert (77, start) not in rows[3]
    found = rows[3][77, start + later].size
    assert (found.delta, found.rate) == (None, None), "no step from one process to another"
    assert found.growth == after, "it came after the baseline, and is all growth"
    assert rows[5][77, start + later].size.delta == 0


def test_a_process_and_its_successor_in_the_same_read_are_two() -> None:
    ticks = [processes(n, (77, 10, "a", 1 << 20)) for n in range(2)]
    ticks.append(processes(2, (77, 10, "a", 1 << 20), (77, 99, "a", 2 << 20)))
    assert len(fed(ticks)[-1].sections["processes"].rows) == 2


def test_the_machine_of_a_recording_is_not_the_one_that_reads_it() -> None:
    """A page is as large as the recording says, on a host of any other."""
    found = row(fed(slabs(10, 11), replace(machine(), page_size=65536))[-1], LEAK).size
    assert (found.value, found.delta) == (11 * 65536, 65536)
