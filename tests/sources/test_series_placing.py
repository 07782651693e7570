"""When captures were made: names that count instead of telling the time, uptimes, printed dates, the age of files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.series import AT, pack, read_all, ticks_of, write
from tests.trees import put

if TYPE_CHECKING:
    from pathlib import Path

MEMINFO = b"MemTotal: 1000 kB\nMemFree: %d kB\n"


def loop(
    root: Path, names: tuple[str, ...] = ("000", "001", "002"), step: float = 2.5, printed: dict[str, str] | None = None
) -> Path:
    """What a shell loop leaves that copies files into a directory a turn, and what it printed beside them.

    A `{}` in what was printed stands for the seconds since the first turn.
    """
    for number, name in enumerate(names):
        write(root / name / "meminfo", MEMINFO % (900 - number), AT + number * step)
        for file, text in (printed or {}).items():
            put(root / name, file, text.format(f"{100 + number * step:.2f}"))
    return root


def seconds(*paths: Path) -> list[float]:
    """Of the ticks, since the first."""
    ticks = ticks_of(*paths)
    assert all(tick.wall == pytest.approx(ticks[0].wall + tick.mono) for tick in ticks)
    return [tick.mono for tick in ticks]


@pytest.mark.parametrize(
    ("file", "text", "wall"),
    [
        ("uptime", "{}\n", AT),
        ("uptime", "{} 400.00\n", AT),
        ("time", "1795262{}\n", AT - 300),
        ("date", "@1795262{}\n", AT - 300),
        ("phase", "leaking\n", AT),
    ],
)
def test_a_loop_of_loose_copies(tmp_path: Path, file: str, text: str, wall: float) -> None:
    root = loop(tmp_path / "series", printed={file: text})
    assert (seconds(root), ticks_of(root)[0].wall) == ([0, 2.5, 5], wall)


@pytest.mark.parametrize("suffix", [".tar", ".tar.gz", ".tar.xz", ".tar.zst"])
@pytest.mark.parametrize("above", ["", "case/"])
def test_a_tar_of_such_a_loop(tmp_path: Path, suffix: str, above: str) -> None:
    loop(tmp_path / "out" / above, printed={"uptime": "{}\n"})
    assert seconds(pack(tmp_path / "out", suffix)) == [0, 2.5, 5]


def test_a_loop_may_lie_deeper(tmp_path: Path) -> None:
    loop(tmp_path / "a/b", printed={"uptime": "{}\n"})
    assert seconds(tmp_path) == [0, 2.5, 5]


def test_an_uptime_goes_before_a_number(tmp_path: Path) -> None:
    for number in range(3):
        put(tmp_path, f"s/{number}/proc/meminfo", (MEMINFO % number).decode())
        put(tmp_path, f"s/{number}/proc/uptime", f"{50 + 7 * number}.25 1.00\n")
    assert seconds(tmp_path / "s") == [0, 7, 14]


@pytest.mark.parametrize("said", [" 16:14:40 up 7:32, 0 users\n", "5.00\n", ""])
def test_an_uptime_that_says_nothing(tmp_path: Path, said: str) -> None:
    assert seconds(loop(tmp_path / "s", ("0", "30", "60"), 30, {"uptime": said})) == [0, 30, 60]


def test_an_uptime_that_falls_is_another_boot(tmp_path: Path) -> None:
    for number, uptime in enumerate((5000, 5010, 20, 30)):
        write(tmp_path / f"s/{number:03}/meminfo", MEMINFO % number, AT + 600 * (number > 1) + 10 * number)
        put(tmp_path, f"s/{number:03}/uptime", f"{uptime}.00\n")
    sessions, _, _ = read_all(tmp_path / "s")
    assert [[step.wall - AT for step in steps] for steps in sessions] == [[0, 10], [620, 630]]


def test_names_that_count(tmp_path: Path) -> None:
    (steps,), _, notes = read_all(loop(tmp_path / "s", step=30))
    assert [step.mono for step in steps] == [0, 30, 60]
    assert notes == ["3 captures whose names count, placed by the age of the files"]


@pytest.mark.parametrize("step", [0, 0.01, 29.5])
def test_names_that_are_seconds(tmp_path: Path, step: float) -> None:
    """Whether the copies kept their age or not."""
    (steps,), _, notes = read_all(loop(tmp_path / "s", ("0", "30", "60"), step))
    assert ([step.mono for step in steps], notes) == ([0, 30, 60], [])


def test_one_directory_below_is_called_as_what_was_named(tmp_path: Path) -> None:
    write(tmp_path / "2026-11-21T12:00:30Z/mail/meminfo", MEMINFO % 1, AT)
    assert ticks_of(tmp_path / "2026-11-21T12:00:30Z")[0].wall == AT + 30
