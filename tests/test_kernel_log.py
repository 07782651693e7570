from __future__ import annotations

import errno
import os

import pytest

from leaktop.kernel_log import KernelLog


def test_an_overrun_is_counted_and_reading_goes_on(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    log = KernelLog(from_start=True, path=os.devnull)
    answers: list[bytes | OSError] = [
        b"6,1,1,-;a\n", OSError(errno.EPIPE, ""), b"6,9,1,-;b\n", OSError(errno.EINVAL, ""), BlockingIOError()
    ]  # fmt: skip

    def read(_descriptor: int, _size: int) -> bytes:
        answer = answers.pop(0)
        if isinstance(answer, OSError):
            raise answer
        return answer

    with monkeypatch.context() as patched:
        patched.setattr(os, "read", read)
        assert list(log.read()) == [b"6,1,1,-;a\n", b"6,9,1,-;b\n"]
    assert log.overruns == 1
    log.close()


def test_a_failure_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    log = KernelLog(from_start=True, path=os.devnull)
    log.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        list(log.read())


def test_without_a_log() -> None:
    with pytest.raises(FileNotFoundError):
        KernelLog(from_start=True, path="/nonexistent/kmsg")
