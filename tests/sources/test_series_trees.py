"""Captured trees named by their time, and sosreports."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from leaktop.model.sample import Tick
from leaktop.sources.series import SeriesError, open_series
from tests.series import AT, contents, dump, plant_series, read_all, ticks_of, write
from tests.trees import plant, plant_rest, put, tick_of

if TYPE_CHECKING:
    from pathlib import Path

ISO = ("2026-11-21T12:00:00Z", "2026-11-21T12:00:30Z", "2026-11-21T12:01:00Z")


@pytest.mark.parametrize("names", [("0", "30", "60"), ISO, ("1795262400", "1795262430", "1795262460")])
@pytest.mark.parametrize("above", ["", "series/", "a/b/"])
def test_trees_named_by_their_time(tmp_path: Path, names: tuple[str, ...], above: str) -> None:
    trees = plant_series(tmp_path / "captures" / above, names)
    ticks = ticks_of(tmp_path / "captures")
    assert [(tick.mono, tick.wall) for tick in ticks] == [(0, AT), (30, AT + 30), (60, AT + 60)]
    for tick, tree in zip(ticks, trees, strict=True):
        assert contents(tick) == contents(tick_of(tree))
    assert contents(ticks[0])["slab_links"].endswith(b":0000064\tdir\t-\nkmalloc-64\tlink\t:0000064\n")


def test_a_fault_is_told_once(tmp_path: Path) -> None:
    trees = plant_series(tmp_path / "s", ("0", "1", "2", "3"))
    (trees[2] / "proc/slabinfo").unlink()
    ticks = ticks_of(tmp_path / "s")
    faults = [{sample.probe for sample in tick.samples if sample.fault} for tick in ticks]
    assert "kmemleak" in faults[0]
    assert faults[1:] == [set(), {"slabinfo"}, set()]


def test_links_of_slabs_that_were_captured_once_hold_on(tmp_path: Path) -> None:
    for name in ("0", "30", "60"):
        put(tmp_path, f"s/{name}/proc/meminfo", "MemTotal: 1000 kB\n")
    (tmp_path / "s/0/sys/kernel/slab/:0000064").mkdir(parents=True)
    ticks = ticks_of(tmp_path / "s")
    links = [sample for tick in ticks for sample in tick.samples if sample.probe == "slab_links"]
    assert [(sample.mono, sample.fault) for sample in links] == [(0, None)]


def test_they_are_sorted_by_time_not_by_name(tmp_path: Path) -> None:
    plant_series(tmp_path / "s", ("9", "10", "100.5"))
    assert [tick.mono for tick in ticks_of(tmp_path / "s")] == [0, 1, 91.5]


def test_trees_given_one_by_one(tmp_path: Path) -> None:
    trees = plant_series(tmp_path / "s")
    assert [tick.wall for tick in ticks_of(trees[2], trees[0], trees[1])] == [AT, AT + 30, AT + 60]


def test_trees_without_a_time_are_as_old_as_their_files(tmp_path: Path) -> None:
    plant_series(tmp_path / "s", ("before", "during", "after"))
    (steps,), _, notes = read_all(tmp_path / "s")
    assert [step.wall for step in steps] == [AT, AT + 30, AT + 60]
    assert notes == ["3 captures with no time in name or content, placed by the age of the files"]


def test_files_too_old_to_be_true(tmp_path: Path) -> None:
    for tree in plant_series(tmp_path / "s"):
        os.utime(tree / "proc/meminfo", (0, 0))
    assert [tick.wall for tick in ticks_of(tmp_path / "s")] == [0, 30, 60]


def test_the_same_moment_twice(tmp_path: Path) -> None:
    plant_series(tmp_path / "s")
    (steps,), _, notes = read_all(tmp_path / "s", tmp_path / "s")
    assert len(steps) == 3
    assert notes == ["3 captures left out, of the same moment as another: 0, 30, 60"]


def test_a_tree_that_cannot_be_read(tmp_path: Path) -> None:
    plant_series(tmp_path / "s")
    (tmp_path / "s/45/proc/meminfo").mkdir(parents=True)
    (steps,), _, notes = read_all(tmp_path / "s")
    assert [step.mono for step in steps] == [0, 30, 60]
    assert notes == ["1 capture could not be read: 45"]


def test_links_out_of_the_series_are_not_followed(tmp_path: Path) -> None:
    plant_series(tmp_path / "s", ("0",))
    (tmp_path / "s/30").symlink_to("/")
    (tmp_path / "s/60/proc").mkdir(parents=True)
    (tmp_path / "s/60/proc/meminfo").symlink_to("/proc/meminfo")
    (tmp_path / "s/90").mkdir()
    (tmp_path / "s/90/proc").symlink_to("/proc")
    (steps,), _, notes = read_all(tmp_path / "s")
    assert len(steps) == 1
    assert notes == ["2 captures could not be read: 60, 90"]


def test_this_machine_is_no_capture() -> None:
    with pytest.raises(SeriesError, match="this machine"), open_series(["/"]):
        pass


@pytest.mark.parametrize("hidden", [False, True])
def test_nothing_in_there(tmp_path: Path, hidden: bool) -> None:
    if hidden:
        put(tmp_path, "a/b/c/d/e/proc/meminfo", "MemTotal: 1 kB\n")
    with pytest.raises(SeriesError, match="not one capture in it; what can be read:"), open_series([str(tmp_path)]):
        pass


def plant_sosreport(root: Path, host: str, date: str, machine: str = "live-6.18") -> Path:
    """A sosreport as it lies on the disk."""
    plant_rest(plant(root, machine))
    put(root, "sos_commands/date/date", date)
    put(root, "hostname", f"{host}\n")
    (root / "date").symlink_to("sos_commands/date/date")
    return root


def test_sosreports_of_one_host(tmp_path: Path) -> None:
    for hour in (14, 12, 13):
        plant_sosreport(tmp_path / f"sosreport-web1-{hour}", "web1", f"Sat Nov 21 {hour}:00:00 UTC 2026\n")
    sessions, machines, notes = read_all(tmp_path)
    assert [[(step.mono, step.wall) for step in steps] for steps in sessions] == [
        [(0, AT), (3600, AT + 3600), (7200, AT + 7200)]
    ]
    assert (machines[0].hostname, notes) == ("web1", [])
    assert isinstance(sessions[0][0], Tick)
    assert b"\nlrwx" in contents(sessions[0][0])["slab_links"]


def test_the_utc_date_of_a_sosreport_comes_first(tmp_path: Path) -> None:
    root = plant_sosreport(tmp_path / "sos", "web1", "Sat Nov 21 07:00:00 XYZT 2026\n")
    put(root, "sos_commands/date/date_--utc", "Sat Nov 21 12:00:00 UTC 2026\n")
    assert [tick.wall for tick in ticks_of(root)] == [AT]


def test_sosreports_of_two_hosts_are_two_sessions(tmp_path: Path) -> None:
    for host, minute in (("web1", 0), ("db1", 1), ("web1", 2), ("db1", 3)):
        plant_sosreport(tmp_path / f"{host}-{minute}", host, f"Sat Nov 21 12:{minute:02}:00 UTC 2026\n")
    sessions, machines, _ = read_all(tmp_path)
    assert [machine.hostname for machine in machines] == ["web1", "db1"]
    assert [[step.wall - AT for step in steps] for steps in sessions] == [[0, 120], [60, 180]]
    assert sessions[1][0].mono < sessions[0][0].mono + 0.002


def test_a_reboot_begins_another_session(tmp_path: Path) -> None:
    trees = plant_series(tmp_path / "s", ("0", "30", "60"))
    for tree, boot in zip(trees, ("a", "a", "b"), strict=True):
        put(tree, "proc/sys/kernel/random/boot_id", f"{boot}\n")
    sessions, machines, _ = read_all(tmp_path / "s")
    assert [machine.boot_id for machine in machines] == ["a", "b"]
    assert [[step.mono for step in steps] for steps in sessions] == [[0.001, 30.001], [0]]


def test_single_captures_of_many_machines_go_back_in_time(tmp_path: Path) -> None:
    for step, total in enumerate((1000, 2000, 4000)):
        put(tmp_path, f"{step}/proc/meminfo", f"MemTotal: {total} kB\nMemFree: 1 kB\n")
    sessions, _, _ = read_all(tmp_path)
    assert [[step.mono for step in steps] for steps in sessions] == [[0.002], [0.001], [0]]


def test_forms_may_be_mixed(tmp_path: Path) -> None:
    trees = plant_series(tmp_path / "s", ISO)
    later = b"Sat Nov 21 12:05:00 UTC 2026\n" + dump(trees[0])
    log = write(tmp_path / "log", later)
    (steps,), _, _ = read_all(tmp_path / "s", log)
    assert [step.mono for step in steps] == [0, 30, 60, 300]
