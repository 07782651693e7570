"""Logs that a shell loop appended, in all the ways that people write such a loop."""

from __future__ import annotations

import os
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leaktop.model.sample import Event, Tick
from leaktop.sources.series import SeriesError
from tests.corpus import DATA
from tests.series import AT, LOGGED, contents, dump, grow, plant_series, read_all, ticks_of, write

if TYPE_CHECKING:
    from pathlib import Path

DATE = "Sat Nov 21 12:{:02}:{:02} UTC 2026\n"
MEMINFO = (DATA / "meminfo/live-6.18.txt").read_bytes()
SLABINFO = (DATA / "slabinfo/live-6.18.txt").read_bytes()
VMALLOCINFO = (DATA / "vmallocinfo/vm-6.12b.txt").read_bytes()


def date(seconds: int) -> bytes:
    return DATE.format(seconds // 60, seconds % 60).encode()


def times(ticks: list[Tick]) -> list[float]:
    return [tick.mono for tick in ticks]


def test_a_date_and_what_follows_it(tmp_path: Path) -> None:
    trees = plant_series(tmp_path / "trees")
    log = write(tmp_path / "log", b"".join(date(30 * i) + dump(tree) for i, tree in enumerate(trees)))
    ticks = ticks_of(log)
    assert [(tick.mono, tick.wall) for tick in ticks] == [(0, AT), (30, AT + 30), (60, AT + 60)]
    for tick, tree in zip(ticks, trees, strict=True):
        assert contents(tick) == {
            kind: (tree / "proc" / kind).read_bytes() for kind in LOGGED if (tree / "proc" / kind).is_file()
        }
        assert all((sample.mono, sample.wall, sample.cost) == (tick.mono, tick.wall, 0) for sample in tick.samples)
    assert any(sample.probe == "kmemleak" and sample.fault for sample in ticks[0].samples)
    assert not any(sample.fault for tick in ticks[1:] for sample in tick.samples)


@pytest.mark.parametrize(
    "between", [b"", b"\n", b"\n\n", b"--- next ---\n", b"==> /proc/x <==\n", b"cat: x: No such\n"]
)
def test_what_stands_between_does_not_matter(tmp_path: Path, between: bytes) -> None:
    parts = [date(0), MEMINFO, SLABINFO, VMALLOCINFO, date(5), VMALLOCINFO, MEMINFO, SLABINFO]
    ticks = ticks_of(write(tmp_path / "log", between.join([b"", *parts, b""])))
    assert times(ticks) == [0, 5]
    for tick in ticks:
        assert contents(tick) == {"meminfo": MEMINFO, "slabinfo": SLABINFO, "vmallocinfo": VMALLOCINFO}


def test_allocinfo_in_a_loop(tmp_path: Path) -> None:
    first = (DATA / "allocinfo/vm-7.2b.txt").read_bytes()
    second = first.replace(b"    10412032     1525 mm/slub.c", b"    10420224     1526 mm/slub.c")
    assert second != first
    ticks = ticks_of(write(tmp_path / "log", b"".join([date(0), MEMINFO, first, date(5), MEMINFO, second])))
    assert [contents(tick)["allocinfo"] for tick in ticks] == [first, second]


def test_a_heading_around_the_date(tmp_path: Path) -> None:
    log = b"".join(b"### 2026-11-21T12:00:%02dZ ###\nmeminfo:\n%b" % (step, MEMINFO) for step in (0, 10))
    assert times(ticks_of(write(tmp_path / "log", log))) == [0, 10]


@pytest.mark.parametrize("rest", [b"", b" 5000.00"])
def test_an_uptime_instead_of_a_date(tmp_path: Path, rest: bytes) -> None:
    parts = [b"%d.50%s\n" % (90 + 30 * i, rest) + MEMINFO + SLABINFO for i in range(3)]
    ticks = ticks_of(write(tmp_path / "log", b"".join(parts), AT + 60))
    assert [(tick.mono, tick.wall) for tick in ticks] == [(0, AT), (30, AT + 30), (60, AT + 60)]


def test_a_date_goes_before_an_uptime(tmp_path: Path) -> None:
    parts = [date(7 * i) + b"%d.50 5000.00\n" % (90 + 30 * i) + MEMINFO for i in range(3)]
    assert times(ticks_of(write(tmp_path / "log", b"".join(parts)))) == [0, 7, 14]


def test_uptimes_that_fall_say_nothing(tmp_path: Path) -> None:
    parts = [b"%d.50\n" % uptime + MEMINFO for uptime in (9000, 9010, 20)]
    assert times(ticks_of(write(tmp_path / "log", b"".join(parts)))) == [0, 1, 2]


def test_dates_behind_the_dumps(tmp_path: Path) -> None:
    log = b"".join(grow(MEMINFO, step) + SLABINFO + date(10 * step) for step in range(3))
    ticks = ticks_of(write(tmp_path / "log", log))
    assert [(tick.wall, contents(tick)["meminfo"]) for tick in ticks] == [
        (AT + 10 * step, grow(MEMINFO, step)) for step in range(3)
    ]
    assert all("slabinfo" in contents(tick) for tick in ticks)


def test_without_dates_a_repetition_is_another_capture(tmp_path: Path) -> None:
    (steps,), _, notes = read_all(write(tmp_path / "log", (MEMINFO + SLABINFO) * 3))
    assert [type(step) for step in steps] == [Event, Tick, Tick, Tick]
    assert [step.wall for step in steps] == [AT - 2, AT - 2, AT - 1, AT]
    assert isinstance(steps[0], Event)
    assert (steps[0].kind, notes) == (
        "mark",
        ["log: there are no dates in the log; its captures are taken to be 1 s apart"],
    )


@pytest.mark.parametrize("kind", ["meminfo", "slabinfo", "vmallocinfo", "zoneinfo", "vmstat"])
def test_every_kind_alone(tmp_path: Path, kind: str) -> None:
    machine = "vm-6.12b.txt" if kind == "vmallocinfo" else min(os.listdir(DATA / kind))
    content = (DATA / kind / machine).read_bytes()
    ticks = ticks_of(write(tmp_path / "log", content * 3))
    assert [contents(tick) for tick in ticks] == [{kind: content}] * 3


def test_one_date_at_the_top(tmp_path: Path) -> None:
    (steps,), _, notes = read_all(write(tmp_path / "log", date(0) + MEMINFO * 3))
    assert [(step.mono, step.wall) for step in steps] == [(0, AT), (1, AT + 1), (2, AT + 2)]
    assert notes == ["log: 2 captures without a date, taken to be 1 s after the one before"]


def test_a_loop_faster_than_its_dates(tmp_path: Path) -> None:
    log = (date(0) + MEMINFO) * 4 + date(1) + MEMINFO
    assert times(ticks_of(write(tmp_path / "log", log))) == [0, 0.25, 0.5, 0.75, 1]


def test_a_date_before_every_dump(tmp_path: Path) -> None:
    log = date(0) + MEMINFO + date(0) + SLABINFO + date(30) + MEMINFO + date(31) + SLABINFO
    ticks = ticks_of(write(tmp_path / "log", log))
    assert [(tick.mono, set(contents(tick))) for tick in ticks] == [
        (0, {"meminfo", "slabinfo"}), (30, {"meminfo"}), (31, {"slabinfo"}),
    ]  # fmt: skip


def test_a_clock_that_was_set_back(tmp_path: Path) -> None:
    log = b"".join(date(seconds) + MEMINFO for seconds in (100, 110, 20, 30))
    (steps,), _, _ = read_all(write(tmp_path / "log", log))
    assert [(type(step), step.mono, step.wall - AT) for step in steps] == [
        (Tick, 0, 100), (Tick, 10, 110), (Event, 20, 20), (Tick, 20, 20), (Tick, 30, 30),
    ]  # fmt: skip
    event = steps[2]
    assert isinstance(event, Event)
    assert (event.kind, event.seconds) == ("clock", -100)


@pytest.mark.parametrize("at", [100, 700, 1480])
def test_a_dump_that_was_cut_is_left_out(tmp_path: Path, at: int) -> None:
    log = date(0) + MEMINFO + date(10) + MEMINFO[:at] + date(20) + MEMINFO
    (steps,), _, notes = read_all(write(tmp_path / "log", log))
    kept = at == 1480  # all but the end of its last line
    assert [step.mono for step in steps] == ([0, 10, 20] if kept else [0, 20])
    assert notes == ([] if kept else ["log: 1 dump cut short, left out"])


def test_the_log_may_end_anywhere(tmp_path: Path) -> None:
    log = date(0) + MEMINFO + SLABINFO + date(10) + MEMINFO + SLABINFO[: len(SLABINFO) * 3 // 4]
    (steps,), _, notes = read_all(write(tmp_path / "log", log))
    assert [set(contents(step)) for step in steps if isinstance(step, Tick)] == [{"meminfo", "slabinfo"}, {"meminfo"}]
    assert notes == ["log: 1 dump cut short, left out"]


def test_the_log_may_lack_its_beginning(tmp_path: Path) -> None:
    log = MEMINFO[200:] + SLABINFO + date(10) + MEMINFO + SLABINFO + date(20) + MEMINFO + SLABINFO
    (steps,), _, notes = read_all(write(tmp_path / "log", log))
    assert [step.wall for step in steps] == [AT + 10, AT + 20]
    assert notes == ["log: 1 capture before the first date, left out"]


def test_lines_of_another_system(tmp_path: Path) -> None:
    log = (date(0) + MEMINFO + SLABINFO).replace(b"\n", b"\r\n")
    (tick,) = ticks_of(write(tmp_path / "log", log))
    assert contents(tick) == {"meminfo": MEMINFO, "slabinfo": SLABINFO}


def test_hidden_addresses_do_not_part_a_dump(tmp_path: Path) -> None:
    hidden = (DATA / "vmallocinfo/vm-6.12b-kptr_restrict2.txt").read_bytes()
    (tick,) = ticks_of(write(tmp_path / "log", date(0) + hidden))
    assert contents(tick) == {"vmallocinfo": hidden}


def test_who_it_was(tmp_path: Path) -> None:
    uname = b"Linux web1 5.4.0-99-generic #112-Ubuntu SMP Thu Feb 3 13:50:55 UTC 2022 x86_64 GNU/Linux\n"
    _, (machine,), _ = read_all(write(tmp_path / "log", date(0) + uname + MEMINFO))
    assert (machine.hostname, machine.release, machine.architecture) == ("web1", "5.4.0-99-generic", "x86_64")
    assert (machine.page_size, machine.is_live, machine.boot_id) == (4096, False, None)


def test_the_size_of_a_page_follows_from_the_log(tmp_path: Path) -> None:
    zoneinfo = b"Node 0, zone   Normal\n  pages free     100\n        managed  1000\n    count: 5\n"
    log = date(0) + b"MemTotal:          64000 kB\nMemFree:            6400 kB\n" + zoneinfo
    _, (machine,), _ = read_all(write(tmp_path / "log", log))
    assert machine.page_size == 65536


@pytest.mark.parametrize("junk", [b"", b"\0" * 5000, b"hello\n" * 100, date(0) * 10, b"\xff" * 100_000, b"MemTotal:\n"])
def test_junk_is_refused_with_what_would_do(tmp_path: Path, junk: bytes) -> None:
    with pytest.raises(SeriesError, match=r"no whole dump .* what can be read: a directory or tar of captures"):
        read_all(write(tmp_path / "log", junk))


PIECES = st.sampled_from([
    MEMINFO, SLABINFO[:3000], VMALLOCINFO[:700], date(0), date(7), date(3), b"\n", b"MemTotal: 1 kB\n",
    b"MemTotal: 1 kB", b"0x1-0x2 4096 a\n", b"\0", b"1795262400\n",
    b"nr_free_pages 4\n", b"Node 0, zone DMA\n", b"slabinfo - version: 2.1\n",
])  # fmt: skip


@given(st.lists(PIECES | st.binary(max_size=200), max_size=12))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_make_ticks_in_order_or_the_error(tmp_path: Path, pieces: list[bytes]) -> None:
    try:
        sessions, _, _ = read_all(write(tmp_path / "log", b"".join(pieces)))
    except SeriesError:
        return
    for steps in sessions:
        ticks = [step for step in steps if isinstance(step, Tick)]
        assert ticks
        assert all(before.mono < after.mono for before, after in pairwise(ticks))
        assert all(contents(tick) for tick in ticks)
