"""Replies to sock_diag requests as other kernels send them, and refusals."""

from __future__ import annotations

import socket
import struct
from typing import TYPE_CHECKING

import pytest

from leaktop.sources import sock_diag
from leaktop.sources.sock_diag import dump_sockets

if TYPE_CHECKING:
    from typing import Self


class OtherKernel:
    """A kernel that answers each request with the replies it was given."""

    def __init__(self, *replies: bytes) -> None:
        self.replies = list(replies)

    def __call__(self, *_arguments: object) -> Self:
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        pass

    def fileno(self) -> int:
        return 0

    def send(self, request: bytes) -> None:
        assert struct.unpack_from("=IHH", request) == (len(request), 20, 0x301)

    def recv_into(self, buffer: bytearray) -> int:
        reply = self.replies.pop(0)
        buffer[: len(reply)] = reply
        return len(reply)


def message(kind: int, body: bytes, flags: int = 2) -> bytes:
    return struct.pack("=IHHII", 16 + len(body), kind, flags, 1, 0) + body + bytes(-len(body) % 4)


def tcp_reply(words: tuple[int, ...], queues: tuple[int, int] = (0, 0), inode: int = 5, first: bytes = b"") -> bytes:
    body = struct.pack("=BBBB", 2, 1, 0, 0) + struct.pack("!HH", 80, 1025)
    body += bytes([10, 0, 0, 1]) + bytes(12) + bytes([10, 0, 0, 2]) + bytes(12)
    body += struct.pack("=I8sIIIII", 0, b"\xab" + bytes(7), 0, *queues, 33, inode) + first
    if words:
        body += struct.pack(f"=HH{len(words)}I", 4 + 4 * len(words), 7, *words)
    return message(20, body)


DONE = message(3, struct.pack("=i", 0))


def ask(monkeypatch: pytest.MonkeyPatch, *replies: bytes, idle_limit: int | None = None) -> list[str]:
    monkeypatch.setattr(sock_diag, "FAMILIES", {"tcp": sock_diag.inet(socket.AF_INET, socket.IPPROTO_TCP)})
    monkeypatch.setattr(sock_diag, "_absent", {})
    monkeypatch.setattr(socket, "socket", OtherKernel(*replies))
    return dump_sockets(idle_limit).decode().splitlines()[1:]


def test_skmeminfo_of_any_length_in_any_place(monkeypatch: pytest.MonkeyPatch) -> None:
    mark = struct.pack("=HHI", 8, 15, 9)
    lines = ask(
        monkeypatch,
        tcp_reply((768, 1, 2, 3, 4, 5, 6, 7, 8)) + tcp_reply((0, 1, 2, 3, 4, 50), first=mark + b"\4\0\0\0"),
        tcp_reply((0,) * 9) + tcp_reply((), (9, 0), inode=0) + tcp_reply((1, 2), (9, 0)) + DONE,
        idle_limit=0,
    )
    row = "tcp\t10.0.0.1:80\t10.0.0.2:1025\tESTABLISHED\t"
    assert lines == [
        row + "0\t0\t768\t5\t8\t5\t33\t-\t-\t",
        row + "0\t0\t0\t50\t-\t5\t33\t-\t-\t",
        row + "9\t0\t-\t-\t-\t0\t33\t-\t-\tab00000000000000",
        row + "9\t0\t1\t-\t-\t5\t33\t-\t-\t",
        "=\ttcp\t5",
    ]


def test_an_attribute_elsewhere_is_not_taken_for_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    shifted = tcp_reply((700, 0, 0, 0, 0, 0, 0), first=struct.pack("=HHI", 8, 15, 7))
    assert len(shifted) == len(tcp_reply((1,) * 9))
    lines = ask(monkeypatch, tcp_reply((0,) * 9) + shifted + tcp_reply((0,) * 9) + DONE, idle_limit=0)
    assert [line.split("\t")[6] for line in lines[:-1]] == ["700"]
    assert lines[-1] == "=\ttcp\t3"


@pytest.mark.parametrize(
    ("reply", "name"),
    [
        (message(3, struct.pack("=i", -2)), "ENOENT"),
        (message(2, struct.pack("=i", -2) + bytes(16)), "ENOENT"),
        (tcp_reply((1,) * 9) + message(2, struct.pack("=i", -22)), "EINVAL"),
        (message(3, struct.pack("=i", -9999)), "9999"),
    ],
    ids=["done", "error", "error after rows", "unknown errno"],
)
def test_a_refusal_is_told_from_no_sockets(monkeypatch: pytest.MonkeyPatch, reply: bytes, name: str) -> None:
    assert ask(monkeypatch, reply) == [f"!\ttcp\t{name}"]


def test_an_interrupted_dump_is_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = ask(monkeypatch, tcp_reply((1,) * 9), message(3, b"", flags=0x12))
    assert lines[1:] == ["~\ttcp\tinterrupted", "=\ttcp\t1"]


@pytest.mark.parametrize("length", [0, 15, 10_000])
def test_a_message_of_impossible_length(monkeypatch: pytest.MonkeyPatch, length: int) -> None:
    with pytest.raises(OSError, match="impossible length"):
        ask(monkeypatch, struct.pack("=IHHII", length, 20, 2, 1, 0))


def test_no_netlink_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: object) -> None:
        raise PermissionError(1, "no")

    monkeypatch.setattr(socket, "socket", refuse)
    with pytest.raises(PermissionError):
        dump_sockets()
