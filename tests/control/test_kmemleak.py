"""Commands to kmemleak, and what its refusals are said to mean, against files that look like the kernel's."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import pytest

from leaktop import kernel_log as log_of_kernel
from leaktop.control import kernel_log, kmemleak, kmemleak_state, mounting
from leaktop.control.kmemleak import KmemleakError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ADDRESS = "0xffff8880040eba40"
LOGGED = [
    "kmemleak: Object 0xffff8880040eba40 (size 64):",
    'kmemleak:   comm "sh", pid 76, jiffies 4294937673',
    "kmemleak:   min_count = 1",
    "kmemleak:   backtrace:",
    " kmemleak_alloc+0x28/0x30",
    " leakgen_kmalloc_64+0x3c/0x80 [leakgen]",
]
"""As Linux 6.12 logged it in the lab: the backtrace has no prefix."""


class Kernel:
    """A debugfs file, a boot line, a lockdown and a log, all in a directory."""

    def __init__(self, place: Path) -> None:
        self.file, self.cmdline, self.lockdown = place / "kmemleak", place / "cmdline", place / "lockdown"
        self.file.write_text("")
        self.cmdline.write_text("BOOT_IMAGE=/vmlinuz quiet\n")
        self.log: list[str] = []

    @property
    def written(self) -> str:
        return self.file.read_text()


class Log:
    """Stands for /dev/kmsg: from the start all of it, from the end what comes after."""

    def __init__(self, kernel: Kernel, is_from_start: bool) -> None:
        self._kernel, self._at = kernel, 0 if is_from_start else len(kernel.log)

    def lines(self) -> list[str]:
        return self._kernel.log[self._at :]

    def close(self) -> None:
        """Nothing is open."""


@pytest.fixture(autouse=True)
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kernel:
    mine = Kernel(tmp_path)
    monkeypatch.setattr(kmemleak, "PATH", str(mine.file))
    monkeypatch.setattr(kmemleak_state, "CMDLINE", str(mine.cmdline))
    monkeypatch.setattr(kmemleak_state, "LOCKDOWN", str(mine.lockdown))
    for module in (kmemleak, kmemleak_state):
        monkeypatch.setattr(module, "LogTail", lambda *, from_start=False: Log(mine, from_start))
    monkeypatch.setattr(mounting, "is_mounted", lambda _name: True)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    return mine


def refusing(monkeypatch: pytest.MonkeyPatch, kernel: Kernel, number: int, call: str = "write") -> None:
    """Let every call fail that is about the file of kmemleak, and no other."""
    original = getattr(os, call)
    opened: set[int] = set()
    really_open = os.open

    def open_it(path: str, *arguments: int) -> int:
        if path == str(kernel.file) and call == "open":
            raise OSError(number, os.strerror(number))
        descriptor = really_open(path, *arguments)
        if path == str(kernel.file):
            opened.add(descriptor)
        return descriptor

    def fail(descriptor: int, *arguments: bytes) -> int:
        if descriptor in opened:
            raise OSError(number, os.strerror(number))
        return int(original(descriptor, *arguments))

    monkeypatch.setattr(os, "open", open_it)
    if call == "write":
        monkeypatch.setattr(os, "write", fail)


@pytest.mark.parametrize(
    ("act", "command"),
    [
        (kmemleak.scan, "scan"),
        (kmemleak.clear, "clear"),
        (kmemleak.switch_off, "off"),
        (lambda: kmemleak.set_automatic_scans(True), "scan=on"),
        (lambda: kmemleak.set_automatic_scans(False), "scan=off"),
        (lambda: kmemleak.set_automatic_scans(600), "scan=600"),
        (lambda: kmemleak.set_automatic_scans(1), "scan=1"),
        (lambda: kmemleak.set_stack_scans(True), "stack=on"),
        (lambda: kmemleak.set_stack_scans(False), "stack=off"),
        (lambda: kmemleak.dump(ADDRESS), f"dump={ADDRESS}"),
    ],
)
def test_each_command_is_one_write_of_what_the_kernel_takes(
    kernel: Kernel, act: Callable[[], object], command: str
) -> None:
    act()
    assert kernel.written == command


@pytest.mark.parametrize("seconds", [0, -1, kmemleak.LONGEST_INTERVAL + 1, 1 << 64])
def test_an_interval_that_the_kernel_would_take_for_another_is_not_written(kernel: Kernel, seconds: int) -> None:
    with pytest.raises(KmemleakError, match="automatic scans take 1 to"):
        kmemleak.set_automatic_scans(seconds)
    assert kernel.written == ""


@pytest.mark.parametrize("address", ["", "0x", "ffff8880040eba40", "0xg", f"{ADDRESS}\n", "0x" + "f" * 17, "0x1 0x2"])
def test_what_is_no_address_is_not_written(kernel: Kernel, address: str) -> None:
    with pytest.raises(KmemleakError, match="no address"):
        kmemleak.dump(address)
    assert kernel.written == ""


def test_a_dump_gives_what_was_logged_of_that_object_and_nothing_else(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernel.log += LOGGED  # of an earlier dump
    noise = ["usb 1-1: new device", "kmemleak: Object 0x12 (size 8):", "kmemleak:   min_count = 1"]
    really_write = os.write

    def write(descriptor: int, content: bytes) -> int:
        kernel.log += [*noise, *LOGGED[:4], "usb 1-1: gone", *LOGGED[4:], "audit: f+0x1/0x2", *noise]
        return really_write(descriptor, content)

    monkeypatch.setattr(os, "write", write)
    assert kmemleak.dump(ADDRESS) == (*(line.removeprefix("kmemleak: ") for line in LOGGED),)


DISABLED = "kmemleak: Kernel memory leak detector disabled"
INITIALIZED = "kmemleak: Kernel memory leak detector initialized (mem pool available: 15702)"


@pytest.mark.parametrize("number", [errno.EPERM, errno.EBUSY])
@pytest.mark.parametrize(
    ("cmdline", "log", "words"),
    [
        ("kmemleak=on kmemleak=off", [], "booted with kmemleak=off; boot without it"),
        ("", [INITIALIZED, DISABLED], "somebody wrote `off`; only a reboot"),
        (
            "kmemleak=on",
            [INITIALIZED, "kmemleak: Cannot allocate a kmemleak_object structure", DISABLED],
            "ran out of memory for its own records",
        ),
        (
            "",
            ["kmemleak: Early log buffer exceeded (2345), please increase DEBUG_KMEMLEAK_EARLY_LOG_SIZE", DISABLED],
            "its buffer for early boot was too small",
        ),
        (
            "",
            [
                INITIALIZED,
                "kmemleak: Cannot insert 0xffff888000 into the object search tree (overlaps existing)",
                DISABLED,
            ],
            "two objects that overlap, a bug in the kernel",
        ),
        ("", [DISABLED], "CONFIG_DEBUG_KMEMLEAK_DEFAULT_OFF.*boot with kmemleak=on"),
        ("", ["an application: kmemleak"], "log does not tell any more"),
    ],
)
def test_why_it_is_off_is_said_by_what_really_happened(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch, number: int, cmdline: str, log: list[str], words: str
) -> None:
    kernel.cmdline.write_text(f"quiet {cmdline}\n")
    kernel.log += log
    refusing(monkeypatch, kernel, number)
    with pytest.raises(KmemleakError, match=f"'scan' to .*: kmemleak is off: .*{words}"):
        kmemleak.scan()


@pytest.mark.parametrize(
    ("number", "act", "words"),
    [
        (errno.EINTR, kmemleak.scan, "another scan"),
        (errno.ENOMEM, kmemleak.scan, "no memory for it"),
        (errno.EINVAL, lambda: kmemleak.dump(ADDRESS), "no object that kmemleak knows starts there"),
        (errno.EINVAL, lambda: kmemleak.set_stack_scans(True), "does not know the command"),
        (errno.ERANGE, lambda: kmemleak.set_automatic_scans(600), "more seconds than"),
        (errno.EIO, kmemleak.clear, "Input/output error"),
    ],
)
def test_a_refused_command_is_said_in_words(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch, number: int, act: Callable[[], object], words: str
) -> None:
    refusing(monkeypatch, kernel, number)
    with pytest.raises(KmemleakError, match=words):
        act()


@pytest.mark.parametrize(
    ("number", "lockdown", "words"),
    [
        (errno.EPERM, "none [integrity] confidentiality", r"locked down \(integrity\).*boot without lockdown="),
        (errno.EPERM, "none integrity [confidentiality]", r"locked down \(confidentiality\)"),
        (errno.EPERM, "[none] integrity confidentiality", "by a container or a security module; run"),
        (errno.EPERM, None, "or by lockdown .mount -t securityfs"),
        (errno.EACCES, "[none] integrity", "by a container or a security module"),
        (errno.EROFS, None, "mounted read-only here, as in a container"),
        (errno.EBUSY, None, "kmemleak is off"),
        (errno.ELOOP, None, "a link, which no kernel makes"),
    ],
)
def test_a_file_that_does_not_open_is_said_in_words(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch, number: int, lockdown: str | None, words: str
) -> None:
    if lockdown is not None:
        kernel.lockdown.write_text(f"{lockdown}\n")
    refusing(monkeypatch, kernel, number, "open")
    with pytest.raises(KmemleakError, match=words):
        kmemleak.scan()
    assert kmemleak.is_enabled() is None


def test_without_root_it_is_root_that_is_missing(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    refusing(monkeypatch, kernel, errno.EACCES, "open")
    with pytest.raises(KmemleakError, match="needs root: sudo leaktop"):
        kmemleak.scan()


@pytest.mark.parametrize(
    ("is_mounted", "cmdline", "words"),
    [
        (False, "", "debugfs is not mounted .mount -t debugfs none /sys/kernel/debug."),
        (True, "", "CONFIG_DEBUG_KMEMLEAK=y"),
        (True, "kmemleak=off", "kmemleak is off: booted with kmemleak=off"),
    ],
)
def test_a_file_that_is_not_there_is_said_in_words(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch, is_mounted: bool, cmdline: str, words: str
) -> None:
    kernel.file.unlink()
    kernel.cmdline.write_text(cmdline)
    monkeypatch.setattr(mounting, "is_mounted", lambda _name: is_mounted)
    with pytest.raises(KmemleakError, match=words):
        kmemleak.scan()
    assert words.partition(" ")[0] in str(kmemleak.closed())


def test_a_link_in_its_place_is_not_followed(kernel: Kernel, tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("precious")
    kernel.file.unlink()
    kernel.file.symlink_to(tmp_path / "precious")
    with pytest.raises(KmemleakError, match="it is a link"):
        kmemleak.clear()
    assert (tmp_path / "precious").read_text() == "precious"


@pytest.mark.parametrize(
    ("processes", "answer"),
    [
        ({"2": "2 (kthreadd) S 0", "51": "51 (kmemleak) S 2"}, True),
        ({"2": "2 (kthreadd) S 0", "51": "51 (kmemleak) S 1 2"}, False),
        ({"2": "2 (kthreadd) S 0", "51": "51 (a) S 2 kmemleak) S 1"}, False),
        ({"2": "2 (bash) S 1", "51": "51 (kmemleak) S 2"}, None),
        ({}, None),
    ],
)
def test_automatic_scans_are_told_by_the_kernel_thread_that_makes_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, processes: dict[str, str], answer: bool | None
) -> None:
    for pid, stat in processes.items():
        (tmp_path / "proc" / pid).mkdir(parents=True)
        (tmp_path / "proc" / pid / "stat").write_text(f"{stat}\n")
    monkeypatch.setattr(kmemleak_state, "PROCESSES", str(tmp_path / "proc"))
    assert kmemleak_state.scans_by_itself() is answer


def test_the_log_is_empty_where_there_is_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(log_of_kernel, "PATH", str(tmp_path / "kmsg"))
    log = kernel_log.LogTail(from_start=True)
    assert (log.is_open, log.lines()) == (False, [])
    log.close()


def test_records_of_the_log_lose_their_heads_and_their_dictionaries(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "kmsg").write_bytes(b"")
    monkeypatch.setattr(log_of_kernel, "PATH", str(tmp_path / "kmsg"))
    log = kernel_log.LogTail()
    records: list[bytes | OSError] = [
        b"6,1,2,-;usb 1-1: new; device\n SUBSYSTEM=usb\n",
        BrokenPipeError(errno.EPIPE, ""),
        b"5,9,3,c;kmemleak: \xff\n",
        BlockingIOError(),
    ]

    def read(_descriptor: int, _size: int) -> bytes:
        record = records.pop(0)
        if isinstance(record, OSError):
            raise record
        return record

    with monkeypatch.context() as patched:
        patched.setattr(os, "read", read)
        assert log.lines() == ["usb 1-1: new; device", "kmemleak: \udcff"]
    log.close()
    assert not log.is_open
