"""Reads that fail in the middle, as under SELinux or over a dying device: a fault, and never half a file."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import pytest

from leaktop.engine.engine import Engine
from leaktop.model.sample import Probe
from leaktop.sources import processes
from leaktop.sources.faults import explain
from leaktop.sources.files import read_small
from leaktop.sources.filesystem import FileSystemSource
from tests.trees import plant, plant_rest, put

if TYPE_CHECKING:
    from pathlib import Path

ERRORS = [errno.EACCES, errno.EPERM, errno.EIO, errno.ENODATA, errno.EINVAL, errno.ENOMEM, errno.ESTALE]


class Failing:
    """os.read that fails for some files, from their second piece on."""

    def __init__(self, read: object, names: tuple[str, ...], code: int) -> None:
        self._read, self._names, self._code = read, names, code
        self.is_on = True
        self.failed = 0
        self._given: dict[int, int] = {}

    def __call__(self, descriptor: int, count: int) -> bytes:
        path = os.readlink(f"/proc/self/fd/{descriptor}")
        if self.is_on and path.endswith(self._names):
            self._given[descriptor] = self._given.get(descriptor, 0) + 1
            if self._given[descriptor] % 2 == 0:
                self.failed += 1
                raise OSError(self._code, os.strerror(self._code))
            count = min(count, 64)
        content: bytes = self._read(descriptor, count)  # type: ignore[operator]  # os.read itself
        return content


@pytest.mark.parametrize("code", ERRORS, ids=lambda code: errno.errorcode[code])
def test_a_read_that_fails_in_the_middle_is_a_fault_until_it_works_again(
    code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant_rest(plant(tmp_path, "live-6.18"))
    source = FileSystemSource(str(tmp_path))
    failing = Failing(os.read, ("/meminfo", "/slabinfo", "/vmstat", "812/status"), code)
    monkeypatch.setattr(os, "read", failing)
    probes = {probe.name: probe for probe in source.probes}
    open_before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        for name in ("meminfo", "slabinfo", "vmstat"):
            sample = source.read(probes[name])
            assert sample is not None
            assert sample.content is None
            assert sample.fault is not None
            assert f"/proc/{name}" in sample.fault.reason
    assert failing.failed >= 9
    assert len(os.listdir("/proc/self/fd")) == open_before, "no descriptor is left"
    failing.is_on = False
    again = source.read(probes["meminfo"])
    assert again is not None
    assert again.content is not None
    source.close()


def test_sections_whose_read_fails_say_why_and_the_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from leaktop.engine.reading import read_everything

    plant_rest(plant(tmp_path, "live-6.18"))
    source = FileSystemSource(str(tmp_path))
    monkeypatch.setattr(os, "read", Failing(os.read, ("/slabinfo",), errno.EACCES))
    frame = Engine(source.machine).feed(read_everything(source))
    source.close()
    fault = frame.sections["slab"].fault
    assert fault is not None
    assert fault.kind == "denied"
    assert frame.sections["memory"].fault is None
    assert frame.sections["memory"].rows
    assert frame.sections["processes"].rows


@pytest.mark.parametrize("code", [errno.EACCES, errno.EIO], ids=lambda code: errno.errorcode[code])
def test_a_process_that_cannot_be_read_is_missed(code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from leaktop.engine.reading import read_everything

    plant_rest(plant(tmp_path, "live-6.18"))
    source = FileSystemSource(str(tmp_path))
    whole = Engine(source.machine).feed(read_everything(source)).sections["processes"]

    def fail(path: str) -> bytes:
        if path.endswith("812/status"):
            raise OSError(code, os.strerror(code))
        return read_small(path)

    monkeypatch.setattr(processes, "read_small", fail)
    section = Engine(source.machine).feed(read_everything(source)).sections["processes"]
    source.close()
    assert len(section.rows) == len(whole.rows) - 1
    assert whole.notes == ()
    assert section.notes == ("processes that cannot be read, and are missing: 1",)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (errno.ENOSYS, "seccomp"),
        (errno.EPERM, "seccomp"),
        (errno.EINVAL, "is masked"),
        (errno.EIO, "Input/output error"),
        (errno.ENODATA, "No data available"),
    ],
)
def test_a_live_error_says_what_it_may_mean(code: int, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    fault = explain(Probe("slabinfo", "slab", 1, "proc/slabinfo"), OSError(code, ""), is_live=True)
    assert words in fault.reason
    assert "/proc/slabinfo" in fault.reason


def test_an_empty_file_of_a_capture_is_what_was_captured(tmp_path: Path) -> None:
    put(tmp_path, "proc/slabinfo", b"")
    source = FileSystemSource(str(tmp_path))
    sample = source.read(next(probe for probe in source.probes if probe.name == "slabinfo"))
    source.close()
    assert sample is not None
    assert sample.content == b""
