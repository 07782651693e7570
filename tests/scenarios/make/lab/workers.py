"""What a lab guest runs beside leakgen: a socket that nobody reads, a memory hog, threads that never end."""

from __future__ import annotations

import argparse
import ctypes
import socket
import struct
import threading
import time

_PR_SET_NAME = 15
_SO_RCVBUFFORCE = 33
_ECHO_REQUEST = 128


def _say(text: str) -> None:
    """As the shell script does: seconds of uptime, for the log."""
    print(f"{time.clock_gettime(time.CLOCK_BOOTTIME):.2f} {text}", flush=True)


def _raw6(choices: argparse.Namespace) -> None:
    """A raw ICMPv6 socket is never read while echo requests, and the answers, come to it."""
    forgotten = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
    forgotten.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, 200 << 20)
    sender = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
    sender.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # what it would take itself is dropped early
    time.sleep(choices.wait)
    _say("sending")
    sequence = 0
    while True:
        header = struct.pack("!BBHHH", _ECHO_REQUEST, 0, 0, 7, sequence & 0xFFFF)
        sender.sendto(header + bytes(choices.bytes), ("::1", 0))
        sequence += 1
        time.sleep(1 / choices.rate)


def _hog(choices: argparse.Namespace) -> None:
    """Memory that is filled, held, and given back."""
    pieces = []
    for _ in range(choices.mib // 10):
        pieces.append(bytearray(b"x" * (10 << 20)))
        time.sleep(0.1)
    _say(f"holding {choices.mib} MiB")
    time.sleep(choices.hold)


def _threads(choices: argparse.Namespace) -> None:
    """A thread more, again and again, each waiting for ever."""
    never = threading.Event()
    time.sleep(choices.wait)
    _say("threads")
    while True:
        threading.Thread(target=never.wait, daemon=True).start()
        time.sleep(1 / choices.rate)


_WORKS = {"raw6": _raw6, "hog": _hog, "threads": _threads}


def main() -> None:
    """Take a name, as `ps` shows it, and work."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("work", choices=_WORKS)
    parser.add_argument("--name", required=True)
    parser.add_argument("--wait", type=float, default=0)
    parser.add_argument("--rate", type=float, default=1)
    parser.add_argument("--bytes", type=int, default=0)
    parser.add_argument("--mib", type=int, default=0)
    parser.add_argument("--hold", type=float, default=0)
    choices = parser.parse_args()
    ctypes.CDLL(None).prctl(_PR_SET_NAME, choices.name.encode(), 0, 0, 0)
    _WORKS[choices.work](choices)


if __name__ == "__main__":
    main()
