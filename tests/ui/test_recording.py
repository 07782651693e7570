"""Recording from the live screen: what `r` asks, what the header says of it, and what the file then holds."""

from __future__ import annotations

import os
import re
import stat
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from textual.widgets import Input

from leaktop.recording import file as file_module
from leaktop.recording.reader import read_file
from tests.ui.fake_source import MACHINE, START_MONO, START_WALL, FakeSource, Live, build, growing, live
from tests.ui.replayed import press

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory that leaktop was started in; the machine never slept."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(time, "clock_gettime", lambda _clock: 0.0)
    return tmp_path


def header(shown: Live) -> str:
    return shown.lines("#header")[0]


def said(shown: Live) -> str:
    return " ".join(shown.said().split())


async def record_to(shown: Live, path: str, *keys: str) -> None:
    """Press r, type a name over the one that is proposed, then these keys."""
    await shown.press("r", "ctrl+u")
    await shown.type(path)
    await shown.press(*keys)


def ticks_in(path: Path) -> list[int]:
    """The numbers of the script's ticks in a file that must be whole."""
    recording = read_file(str(path))
    assert recording.verify() == []
    return [round(tick.wall - START_WALL) for _, tick in recording.walk()]


# Starting and stopping


async def test_r_records_from_now_on_until_r_is_pressed_again(place: Path) -> None:
    async with live(growing(30), first=5) as shown:
        assert "REC" not in header(shown)
        await record_to(shown, "leak.leaktop", "enter")
        assert "Recording to leak.leaktop; r stops it." in said(shown)
        sizes = set()
        for _ in range(3):
            await shown.ticks()
            sizes.add(re.search(r"REC leak.leaktop \ds (\S+)  LIVE", header(shown))[1])  # type: ignore[index]  # a miss fails the test all the same
        assert len(sizes) == 3
        assert header(shown).rstrip().endswith("14:13:27")
        await shown.press("r")
        assert "REC" not in header(shown)
        assert "to leak.leaktop" in said(shown)
        await shown.ticks(2)
    path = place / "leak.leaktop"
    assert ticks_in(path) == [5, 6, 7]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    source = FakeSource(growing(30))
    source.now = 5
    for _, tick in read_file(str(path)).walk():
        assert [(s.probe, s.content, s.fault) for s in tick.samples] == [
            (s.probe, s.content, s.fault) for s in source.tick().samples
        ]


@pytest.mark.parametrize(
    ("keys", "numbers"),
    [
        (("tab", "tab", "enter"), [0, 1, 2, 3, 4, 5, 6, 7]),
        (("tab", "tab", "tab", "enter"), [0, 1, 2, 3, 4]),
    ],
    ids=["both", "past"],
)
async def test_the_buttons_take_what_is_in_memory_or_not(
    place: Path, keys: tuple[str, ...], numbers: list[int]
) -> None:
    async with live(growing(30), first=5) as shown:
        await record_to(shown, "x.leaktop", *keys)
        assert ("REC x.leaktop" in header(shown)) == (numbers[-1] == 7)
        await shown.ticks(3)
    assert ticks_in(place / "x.leaktop") == numbers


async def test_escape_and_an_empty_name_record_nothing(place: Path) -> None:
    async with live() as shown:
        await shown.press("r")
        text = shown.text("#record")
        assert "Record from now" in text
        assert re.search(r"With the last \ds +Only the last \ds", text)
        assert "leaktop-lab-" in text
        await shown.press("escape")
        await shown.ticks()
        assert "REC" not in header(shown)
        await record_to(shown, "", "enter")
        await shown.ticks()
        assert "REC" not in header(shown)
    assert list(place.iterdir()) == []


async def test_what_was_recorded_can_be_recorded_again_to_another_file(place: Path) -> None:
    async with live(growing(30), first=3) as shown:
        await record_to(shown, "one", "enter")
        await shown.ticks(2)
        await shown.press("r")
        await shown.ticks(2)
        await record_to(shown, "two")
        await shown.click("#both")
        await shown.ticks(1)
    assert ticks_in(place / "one") == [3, 4]
    assert ticks_in(place / "two") == [0, 1, 2, 3, 4, 5, 6, 7]


async def test_recording_goes_on_while_one_looks_back_and_while_paused(place: Path) -> None:
    async with live(growing(40), first=5) as shown:
        await record_to(shown, "x", "enter")
        await shown.ticks(2)
        await press(shown, "left_square_bracket")
        await shown.ticks(2)
        assert "REC x" in header(shown)
        assert "PAST" in header(shown)
        await press(shown, "L")
        await shown.press("space")
        await shown.ticks(2)
        assert "REC x" in header(shown)
        assert "PAUSED" in header(shown)
    assert ticks_in(place / "x") == [5, 6, 7, 8, 9, 10]


async def test_the_mark_of_the_baseline_is_in_the_file(place: Path) -> None:
    async with live(growing(30), first=3) as shown:
        await record_to(shown, "x", "enter")
        await shown.ticks(2)
        await shown.press("m")
        await shown.ticks(2)
    assert [(event.kind, event.mono) for event in read_file(str(place / "x")).events()] == [
        ("baseline", START_MONO + 5)
    ]


async def test_quitting_while_recording_ends_the_file_whole(place: Path) -> None:
    async with live(growing(300), first=2) as shown:
        await record_to(shown, "x", "enter")
        await shown.ticks(3)
        assert read_file(str(place / "x")).damage != []  # as yet it is open
        await shown.press("q")
    assert ticks_in(place / "x") == [2, 3, 4]


async def test_record_from_the_start(place: Path) -> None:
    async with live(growing(30), first=4, record_to="start.leaktop") as shown:
        assert "REC start.leaktop" in header(shown)
    assert ticks_in(place / "start.leaktop") == [0, 1, 2, 3]


async def test_record_from_the_start_to_a_file_that_exists_ends_with_a_sentence(place: Path) -> None:
    (place / "x").write_text("precious")
    app, _, _ = build(growing(3), record_to="x")
    async with app.run_test(notifications=True) as pilot:
        await pilot.pause()
    assert app.return_code == 2
    assert (place / "x").read_text() == "precious"


# What stands in the way


async def test_a_file_that_cannot_be_made_is_said_and_nothing_is_harmed(place: Path) -> None:
    (place / "file").write_text("precious")
    (place / "link").symlink_to(place / "elsewhere")
    (place / "directory").mkdir()
    before = sorted(os.listdir(place))
    obstacles = {
        "missing/x": "No such file or directory",
        "file": "file: File exists",
        "link": "link: File exists",
        "directory": "directory: File exists",
        "n" * 300: "File name too long",
    }
    async with live(growing(30), first=3) as shown:
        for path, words in obstacles.items():
            for keys in (("enter",), ("tab", "tab", "tab", "enter")):
                shown.app.clear_notifications()
                await shown.press("r")
                shown.app.screen.query_one("#record-file", Input).value = path
                await shown.press(*keys)
                assert "Nothing is recorded" in said(shown)
                assert words in said(shown)
        await shown.ticks(2)
        assert "REC" not in header(shown)
        assert "kmalloc-2k" in shown.pane("slab")
    assert sorted(os.listdir(place)) == before
    assert (place / "file").read_text() == "precious"


async def test_a_disk_that_is_nearly_full_is_refused(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_module, "_free", lambda _state: 1 << 20)
    async with live(first=3) as shown:
        await record_to(shown, "x", "enter")
        assert "are free there" in said(shown)
    assert list(place.iterdir()) == []


async def test_trouble_with_the_disk_shows_and_the_file_is_whole_when_it_is_over(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with live(growing(30), first=3) as shown:
        await record_to(shown, "x", "enter")
        await shown.ticks(2)
        with monkeypatch.context() as patch:
            patch.setattr(file_module, "_free", lambda _state: 1 << 20)
            await shown.ticks(3)
            assert "REC ! x" in header(shown)
            assert said(shown).count("are free on the disk") == 1
        await shown.ticks(2)
        assert "REC x" in header(shown)
        assert "writing again" in said(shown)
    assert ticks_in(place / "x") == [3, 4, 5, 6, 7, 8, 9]


async def test_a_file_that_is_removed_is_said_and_begun_anew(place: Path) -> None:
    async with live(growing(30), first=3) as shown:
        await record_to(shown, "x", "enter")
        await shown.ticks(2)
        (place / "x").unlink()
        await shown.ticks(3)
        assert "REC ! x" in header(shown)
        assert "the file was removed" in said(shown)
        await shown.ticks(2)
    assert ticks_in(place / "x")[-1] == 9


async def test_a_write_that_fails_for_good_is_said_when_the_recording_ends(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with live(growing(30), first=3) as shown:
        await record_to(shown, "x", "enter")
        await shown.ticks(2)

        def fail(*_: object) -> int:
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(os, "pwrite", fail)
            await shown.ticks(2)
            await shown.press("r")
        assert "No space left on device" in said(shown)
        assert "are lost" in said(shown)
        await shown.ticks(1)
        assert "REC" not in header(shown)
    recording = read_file(str(place / "x"))
    assert [round(tick.wall - START_WALL) for _, tick in recording.walk()] == [3, 4]


# Names that are hostile


@pytest.mark.parametrize("host", ["../../etc/[b]x[/b]", ".\x1b[31m\n", None])
async def test_the_name_that_is_proposed_stays_in_this_directory(place: Path, host: str | None) -> None:
    source = FakeSource(growing(5), replace(MACHINE, hostname=host))
    app, _, engine = build(growing(5))
    assert app.live is not None
    from leaktop.ui.recording import RecordingActions

    app._recording = RecordingActions(app, app.live.recorder, source.machine.hostname)
    async with app.run_test(size=(120, 36), notifications=True) as pilot:
        shown = Live(app, pilot, source, engine)
        await shown.ticks(2)
        await shown.press("r", "enter")
        await shown.ticks(1)
        assert "REC leaktop-" in header(shown)
    [path] = place.iterdir()
    assert path.name.startswith("leaktop-")
    assert ticks_in(path) == [2]


async def test_a_strange_name_is_shown_as_text(place: Path) -> None:
    async with live(growing(30), first=2) as shown:
        await record_to(shown, "[b]x[", "enter")
        await shown.ticks(1)
        assert "REC [b]x[" in header(shown)
        await shown.press("r")
        assert "to [b]x[" in said(shown)
    assert ticks_in(place / "[b]x[") == [2]


@pytest.mark.parametrize("size", [(10, 5), (80, 24)])
async def test_every_size_can_record(place: Path, size: tuple[int, int]) -> None:
    async with live(growing(30), size=size, first=2) as shown:
        await record_to(shown, "x", "enter")
        await shown.ticks(1)
        assert {len(line) for line in shown.lines()} == {size[0]}
        if size[0] >= 80:
            assert "REC x" in header(shown)
            assert "LIVE" in header(shown)
    assert ticks_in(place / "x") == [2]
