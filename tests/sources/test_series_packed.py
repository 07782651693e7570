"""Archives of captures, friendly and hostile."""

from __future__ import annotations

import io
import os
import tarfile
import tempfile
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leaktop.sources.series import SeriesError, open_series, packed
from leaktop.sources.series.packed import is_archive, unpack
from tests.series import AT, COMPRESSIONS, contents, pack, plant_series, read_all, ticks_of, write
from tests.trees import tick_of

if TYPE_CHECKING:
    from pathlib import Path

    from leaktop.model.sample import Tick

MEMINFO = b"MemTotal: 1000 kB\nMemFree: 10 kB\n"


@pytest.fixture(autouse=True)
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where archives are unpacked."""
    place = tmp_path / "scratch"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    return place


def member(name: str, content: bytes = MEMINFO, **facts: object) -> tuple[tarfile.TarInfo, bytes]:
    found = tarfile.TarInfo(name)
    found.size = len(content)
    found.mtime = int(AT)
    for fact, value in facts.items():
        setattr(found, fact, value)
    return found, content


def archive(path: Path, *members: tuple[tarfile.TarInfo, bytes]) -> Path:
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as tar:
        for found, content in members:
            tar.addfile(found, io.BytesIO(content))
    return path


def files_in(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_symlink() or not path.is_dir())


@pytest.mark.parametrize("suffix", COMPRESSIONS)
def test_every_compression(tmp_path: Path, scratch: Path, suffix: str) -> None:
    trees = plant_series(tmp_path / "s")
    path = pack(tmp_path / "s", suffix)
    assert is_archive(str(path))
    ticks = ticks_of(path)
    assert [(tick.mono, tick.wall) for tick in ticks] == [(0, AT), (30, AT + 30), (60, AT + 60)]
    assert [contents(tick) for tick in ticks] == [contents(tick_of(tree)) for tree in trees]
    assert not list(scratch.iterdir())


@pytest.mark.parametrize("suffix", [".gz", ".xz", ".bz2", ".zst"])
def test_a_compressed_log(tmp_path: Path, scratch: Path, suffix: str) -> None:
    log = b"Sat Nov 21 12:00:00 UTC 2026\n" + MEMINFO
    path = write(tmp_path / f"log{suffix}", COMPRESSIONS[f".tar{suffix}"](log))
    (tick,) = ticks_of(path)
    assert (tick.wall, contents(tick)) == (AT, {"meminfo": MEMINFO})
    assert not list(scratch.iterdir())


def test_a_tar_of_one_tree_is_named_by_its_time(tmp_path: Path) -> None:
    paths = [archive(tmp_path / f"{name}.tar", member("proc/meminfo")) for name in ("0", "45", "7")]
    assert [tick.mono for tick in ticks_of(*paths)] == [0, 7, 45]
    assert [tick.mono for tick in ticks_of(tmp_path)] == [0, 7, 45]


def test_the_age_of_members_counts(tmp_path: Path) -> None:
    path = archive(tmp_path / "x.tar", member("a/proc/meminfo", mtime=AT + 9), member("b/proc/meminfo"))
    assert [tick.wall for tick in ticks_of(path)] == [AT, AT + 9]


def test_only_what_leaktop_reads_is_unpacked(tmp_path: Path) -> None:
    path = archive(
        tmp_path / "x.tar",
        member("0/proc/meminfo"), member("0/etc/shadow"), member("0/proc/1/environ"), member("0/proc/kcore"),
        member("0/proc/1/status"), member("./30/proc/slabinfo"), member("0/var/log/messages"),
        member("a/b/c/d/e/proc/meminfo"), member("0/proc/1/fd/3", b"", type=tarfile.SYMTYPE, linkname="socket:[1]"),
    )  # fmt: skip
    (tmp_path / "t").mkdir()
    assert unpack(str(path), str(tmp_path / "t")) is None
    assert files_in(tmp_path / "t") == ["0/proc/1/status", "0/proc/meminfo", "30/proc/slabinfo"]
    assert all(p.stat().st_mode & 0o077 == 0 for p in (tmp_path / "t").rglob("*"))


@pytest.mark.parametrize("hostile", [
    [member("../0/proc/meminfo")],
    [member("0/../../proc/meminfo")],
    [member("/proc/meminfo")],
    [member("//0/proc/meminfo")],
    [member("0/proc/meminfo", b"", type=tarfile.CHRTYPE, devmajor=1, devminor=5)],
    [member("0/proc/meminfo", b"", type=tarfile.BLKTYPE, devmajor=8)],
    [member("0/proc/meminfo", b"", type=tarfile.FIFOTYPE)],
    [member("0/proc/meminfo", b"", type=tarfile.SYMTYPE, linkname="/proc/meminfo")],
    [member("0/proc/meminfo", b"", type=tarfile.LNKTYPE, linkname="/proc/meminfo")],
    [member("0/proc/meminfo", b"", type=tarfile.LNKTYPE, linkname="../../outside")],
    [member("0/proc", b"", type=tarfile.SYMTYPE, linkname="../../outside"), member("0/proc/meminfo")],
    [member("0/proc/net", b"", type=tarfile.SYMTYPE, linkname="../../../outside"), member("0/proc/net/udp")],
    [member("0/proc/net", b"", type=tarfile.SYMTYPE, linkname=".."), member("0/proc/net/udp")],
    [member("0/proc/self", b"", type=tarfile.SYMTYPE, linkname="/etc")],
    [member("0/sys/kernel/slab/x", b"", type=tarfile.SYMTYPE, linkname="../../../../../outside")],
    [member("0/sys/kernel/slab/x", b"", type=tarfile.SYMTYPE, linkname="/outside")],
    [member("0/sys/kernel/slab/..", b"", type=tarfile.SYMTYPE, linkname="x")],
    [member("0/proc/meminfo\0x")],
    [member(f"0/sys/kernel/slab/{'x' * 300}")],
])  # fmt: skip
def test_nothing_leads_out_of_the_private_directory(
    tmp_path: Path, hostile: list[tuple[tarfile.TarInfo, bytes]]
) -> None:
    outside = write(tmp_path / "outside/udp", b"untouched")
    path = archive(tmp_path / "x.tar", *hostile)
    (tmp_path / "t/u").mkdir(parents=True)
    before = files_in(tmp_path)
    assert unpack(str(path), str(tmp_path / "t/u")) is None
    added = set(files_in(tmp_path)) - set(before)
    assert added <= {"t/u/0/proc/meminfo", "t/u/0/proc/net/udp"}  # without the link that stood before
    assert not any(place.is_symlink() for place in (tmp_path / "t").rglob("*"))
    assert outside.read_bytes() == b"untouched"


def test_a_file_is_not_written_through_a_link(tmp_path: Path) -> None:
    path = archive(
        tmp_path / "x.tar",
        member("0/proc/net", b"", type=tarfile.SYMTYPE, linkname="self/net"),
        member("0/proc/self", b"", type=tarfile.SYMTYPE, linkname="12"),
        member("0/proc/12/net/udp", b"of 12"),
        member("0/proc/net/udp", b"through the link"),
        member("0/sys/kernel/slab/a", b"", type=tarfile.SYMTYPE, linkname=":b"),
        member("0/sys/kernel/slab/a/order", b"through another"),
    )
    (tmp_path / "t").mkdir()
    unpack(str(path), str(tmp_path / "t"))
    assert (tmp_path / "t/0/proc/net/udp").read_bytes() == b"of 12"
    assert files_in(tmp_path / "t") == ["0/proc/12/net/udp", "0/proc/net", "0/proc/self", "0/sys/kernel/slab/a"]


def test_the_last_of_two_members_of_one_name_stays(tmp_path: Path) -> None:
    path = archive(tmp_path / "0.tar", member("proc/meminfo", b"older"), member("proc/meminfo"))
    assert [contents(tick)["meminfo"] for tick in ticks_of(path)] == [MEMINFO]


def test_too_much_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = archive(tmp_path / "x.tar", member("0/proc/meminfo"), member("1/proc/meminfo"), member("2/proc/meminfo"))
    monkeypatch.setattr(packed, "MOST_BYTES", 2 * len(MEMINFO))
    (steps,), _, notes = read_all(path)
    assert len(steps) == 2
    assert notes == ["x.tar: it holds more than 1,000,000 files or 2 GiB of captures; the rest was left out"]


def test_a_header_that_would_fill_memory(tmp_path: Path) -> None:
    huge, _ = member("0/proc/meminfo", b"", pax_headers={"comment": "x" * (2 << 20)})
    path = archive(tmp_path / "x.tar", member("0/proc/slabinfo"), (huge, b""))
    (tmp_path / "t").mkdir()
    assert "damaged" in (unpack(str(path), str(tmp_path / "t")) or "")


@pytest.mark.parametrize("suffix", COMPRESSIONS)
@pytest.mark.parametrize("part", [0.3, 0.6, 0.9])
def test_a_cut_archive_gives_what_came_before(tmp_path: Path, suffix: str, part: float) -> None:
    plant_series(tmp_path / "s")
    path = pack(tmp_path / "s", suffix)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * part)])
    try:
        (steps,), _, notes = read_all(path)
    except SeriesError as error:
        steps, notes = [], [str(error)]
    assert len(steps) <= 3
    assert any("cut" in note or "damaged" in note for note in notes)


def test_a_full_disk_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = archive(tmp_path / "x.tar", member("0/proc/meminfo"))
    (tmp_path / "t").mkdir()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "mkdir", full)
    with pytest.raises(SeriesError, match="cannot unpack: No space left on device"):
        unpack(str(path), str(tmp_path / "t"))


def test_an_archive_of_other_things(tmp_path: Path, scratch: Path) -> None:
    path = archive(tmp_path / "x.tar", member("README"))
    with pytest.raises(SeriesError, match=r"x\.tar: not one capture in it; what can be read"), open_series([str(path)]):
        pass
    assert not list(scratch.iterdir())


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with (
        pytest.raises(SeriesError, match="neither a plain file nor a directory"),
        open_series([str(tmp_path / "pipe")]),
    ):
        pass


@given(st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_a_damaged_archive_never_fails_otherwise(tmp_path: Path, data: st.DataObject) -> None:
    suffix = data.draw(st.sampled_from(sorted(COMPRESSIONS)))
    plain = tmp_path / "small.tar"
    archive(plain, member("0/proc/meminfo"), member("9/proc/meminfo"), member("9/proc/1/status", b"Name: x\n"))
    content = bytearray(COMPRESSIONS[suffix](plain.read_bytes()))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = write(tmp_path / f"damaged{suffix}", bytes(content))
    sessions: list[list[Tick]] = []
    try:
        sessions = read_all(path)[0]  # type: ignore[assignment]  # one name for both readings
    except SeriesError:
        return
    assert all(steps for steps in sessions)
