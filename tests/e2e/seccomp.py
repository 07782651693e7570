"""Run a command under a seccomp filter: `python -m tests.e2e.seccomp ERRNO CALL[,CALL] COMMAND...`.

CALL is `netlink` for socket(AF_NETLINK), or the name of a system call; each fails with that errno, as it does under
the filters of containers. The program is classic BPF (seccomp(2)), loaded by prctl.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
import sys

CALLS = {
    "x86_64": {"socket": 41, "ptrace": 101, "process_vm_readv": 310, "statx": 332},
    "aarch64": {"socket": 198, "ptrace": 117},
}
_NO_NEW_PRIVS, _SECCOMP, _FILTER = 38, 22, 2
_LOAD, _JUMP_IF_EQUAL, _RETURN = 0x20, 0x15, 0x06
_NUMBER, _FIRST_ARGUMENT = 0, 16
_FAIL, _ALLOW = 0x00050000, 0x7FFF0000
_AF_NETLINK = 16


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p))


def is_possible() -> bool:
    """Whether the numbers of system calls are known here."""
    return platform.machine() in CALLS


def deny(calls: list[str], code: int) -> None:
    """Let these fail, in this process and all that it starts."""
    numbers = CALLS[platform.machine()]
    steps = [(_LOAD, 0, 0, _NUMBER)]
    for call in calls:
        if call == "netlink":
            steps += [(_JUMP_IF_EQUAL, 0, 4, numbers["socket"]), (_LOAD, 0, 0, _FIRST_ARGUMENT)]
            steps += [(_JUMP_IF_EQUAL, 0, 1, _AF_NETLINK), (_RETURN, 0, 0, _FAIL | code), (_LOAD, 0, 0, _NUMBER)]
        else:
            steps += [(_JUMP_IF_EQUAL, 0, 1, numbers[call]), (_RETURN, 0, 0, _FAIL | code)]
    steps.append((_RETURN, 0, 0, _ALLOW))
    code_bytes = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
    program = _Program(len(steps), ctypes.addressof(code_bytes))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(_SECCOMP, _FILTER, ctypes.byref(program), 0, 0):
        sys.exit(f"no seccomp filter: {os.strerror(ctypes.get_errno())}")


if __name__ == "__main__":
    deny(sys.argv[2].split(","), getattr(errno, sys.argv[1]))
    os.execv(sys.argv[3], sys.argv[3:])
