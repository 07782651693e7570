"""Why kmemleak cannot be used, by what is really so: the boot line, lockdown, mounts, and what the kernel logged."""

from __future__ import annotations

import errno
import os
import re

from leaktop.control import mounting
from leaktop.control.kernel_log import LogTail

CMDLINE = "/proc/cmdline"
LOCKDOWN = "/sys/kernel/security/lockdown"
PROCESSES = "/proc"
_KTHREADD = "2"
_NO_LOCKDOWN = "boot without lockdown=, with Secure Boot off"
_NEEDS_BUILD = "this kernel has no kmemleak; it takes one built with CONFIG_DEBUG_KMEMLEAK=y"
_ONLY_REBOOT = "only a reboot brings it back"
_DISABLED = "Kernel memory leak detector disabled"
_INITIALIZED = "Kernel memory leak detector initialized"
_BREAKDOWNS = (
    (
        "Early log buffer exceeded",
        (
            "its buffer for early boot was too small, so it switched itself off; "
            "it takes a kernel with a larger CONFIG_DEBUG_KMEMLEAK_EARLY_LOG_SIZE"
        ),
    ),
    (
        "Cannot allocate a kmemleak_object structure",
        (
            f"it ran out of memory for its own records and switched itself off; {_ONLY_REBOOT}, and more memory, or a "
            "larger CONFIG_DEBUG_KMEMLEAK_MEM_POOL_SIZE where that came early in the boot"
        ),
    ),
    (
        "into the object search tree",
        (
            f"it was told of two objects that overlap, a bug in the kernel, and switched itself off; {_ONLY_REBOOT}, "
            "and the log says which (dmesg | grep -A20 kmemleak)"
        ),
    ),
)
"""What mm/kmemleak.c logs before it gives up, and what that means; kmemleak_stop() and create_object()."""


def why_closed(number: int) -> str:
    """Why the file cannot be opened, and what helps.

    Args:
        number: the errno of open(2).
    """
    match number:
        case errno.EACCES if os.geteuid() != 0:
            return "needs root: sudo leaktop"
        case errno.ENOENT | errno.ENOTDIR:
            return _why_missing()
        case errno.EPERM | errno.EACCES:
            return _why_denied()
        case errno.EBUSY:  # up to 3.2 open() itself says that it is off
            return f"kmemleak is off: {why_disabled()}"
        case errno.EROFS:
            return "it is mounted read-only here, as in a container; run leaktop on the host"
        case errno.ELOOP:
            return "it is a link, which no kernel makes"
        case _:
            return os.strerror(number)


def why_refused(number: int, command: str) -> str:
    """Why the kernel did not take a command, and what helps; kmemleak_write() in mm/kmemleak.c.

    Args:
        number: the errno of write(2).
        command: what was written.
    """
    match number:
        case errno.EPERM | errno.EBUSY:  # EBUSY up to 4.19
            return f"kmemleak is off: {why_disabled()}"
        case errno.EINTR:
            return "interrupted while it waited for another scan to end; try again"
        case errno.ENOMEM:
            return "the kernel had no memory for it; try again when there is some"
        case errno.ERANGE:
            return "that is more seconds than the kernel can count"
        case errno.EINVAL if command.startswith("dump="):
            return "no object that kmemleak knows starts there; it may have been freed since it was listed"
        case errno.EINVAL:
            return "this kernel does not know the command"
        case _:
            return os.strerror(number)


def why_disabled() -> str:
    """Why a detector that is built in does not run, and what helps, as far as the boot line and the log tell."""
    parameters = _text(CMDLINE).split()
    told = [word for word in parameters if word.startswith("kmemleak=")]
    if told and told[-1] == "kmemleak=off":
        return "booted with kmemleak=off; boot without it"
    log = LogTail(from_start=True)
    try:
        lines = [line for line in log.lines() if "kmemleak: " in line]
    finally:
        log.close()
    at = next((i for i, line in enumerate(lines) if _DISABLED in line), None)
    if at is not None:
        before = lines[:at]
        for sign, meaning in _BREAKDOWNS:
            if any(sign in line for line in before):
                return meaning
        if any(_INITIALIZED in line for line in before):
            return f"somebody wrote `off`; {_ONLY_REBOOT}"
        if not told:
            return "built to start switched off (CONFIG_DEBUG_KMEMLEAK_DEFAULT_OFF); boot with kmemleak=on"
    return (
        "by a write of `off`, or by itself when it had no memory for its own records: the kernel's log does not tell "
        f"any more; {_ONLY_REBOOT}, with kmemleak=on"
    )


def lockdown() -> str | None:
    """The level of lockdown ("none", "integrity", "confidentiality"); None where there is none, or it is not told."""
    found = re.search(r"\[(\w+)\]", _text(LOCKDOWN))
    return found[1] if found else None


def scans_by_itself() -> bool | None:
    """Whether automatic scans are on: then there is a kernel thread of that name. None where none can be seen.

    start_scan_thread() in mm/kmemleak.c; the children of kthreadd (pid 2) are the kernel's.
    """
    if _status_of(_KTHREADD)[0] != "kthreadd":
        return None  # another pid namespace
    try:
        pids = [name for name in os.listdir(PROCESSES) if name.isdecimal()]
    except OSError:
        return None
    return any(_status_of(pid) == ("kmemleak", _KTHREADD) for pid in pids)


def _status_of(pid: str) -> tuple[str, str]:
    """The command and the parent of a process; "" where it is gone."""
    text = _text(os.path.join(PROCESSES, pid, "stat"))
    # "7 (a name) S 2 ...": the name may hold blanks and brackets.
    head, _, rest = text.rpartition(")")
    words = rest.split()
    return head.partition("(")[2], words[1] if len(words) > 1 else ""


def _why_missing() -> str:
    if not mounting.is_mounted("debugfs"):
        place = mounting.PLACES["debugfs"]
        return f"debugfs is not mounted (mount -t debugfs none {place}), or this kernel has no kmemleak"
    if "kmemleak=off" in _text(CMDLINE).split():  # up to 4.14 the file is not even made
        return f"kmemleak is off: {why_disabled()}"
    return _NEEDS_BUILD


def _why_denied() -> str:
    level = lockdown()
    if level not in {None, "none"}:
        return f"the kernel is locked down ({level}), which closes this file even to root; {_NO_LOCKDOWN}"
    unknown = "" if level else ", or by lockdown (mount -t securityfs none /sys/kernel/security shows it)"
    return f"denied even to root, by a container or a security module{unknown}; run leaktop on the host"


def _text(path: str) -> str:
    """A small file of the kernel; "" where it cannot be read."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            return os.read(descriptor, 65536).decode("utf-8", "surrogateescape")
        finally:
            os.close(descriptor)
    except OSError:
        return ""
