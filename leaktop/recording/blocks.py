"""Cuts a zstd frame where its blocks end (RFC 8878), so that what stands before a damaged block can be unpacked."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

FRAME_MAGIC = b"\x28\xb5\x2f\xfd"
LONGEST_HEADER = 18
"""Bytes before the first block, at most."""
_LONGEST_BLOCK = 1 << 17
_CHECKSUM = 0x04
_RESERVED = 0x08


class Block(NamedTuple):
    """What a block's header says."""

    length: int
    """Bytes that the block takes, its header included."""
    is_last: bool


def header_length(head: bytes) -> int | None:
    """Bytes of a frame before its first block, told from its first five; None where these are no frame's."""
    if len(head) < 5 or not head.startswith(FRAME_MAGIC) or head[4] & _RESERVED:
        return None
    is_single = bool(head[4] & 0x20)
    dictionary = (0, 1, 2, 4)[head[4] & 0x03]
    content_size = (1 if is_single else 0, 2, 4, 8)[head[4] >> 6]
    return 5 + (not is_single) + dictionary + content_size


def checksum_length(head: bytes) -> int:
    """Bytes of a frame after its last block."""
    return 4 if head[4] & _CHECKSUM else 0


def read_block(content: bytes, at: int) -> Block | None:
    """The block whose three bytes of header stand there; None where that is no block."""
    header = content[at] | content[at + 1] << 8 | content[at + 2] << 16
    kind, length = header >> 1 & 3, header >> 3
    if kind == 3 or length > _LONGEST_BLOCK:
        return None
    return Block(3 + (1 if kind == 1 else length), bool(header & 1))


class Cutter:
    """Takes one frame's bytes as they come, and gives them back a block at a time.

    Attributes:
        is_checksummed: the frame says that a checksum of its content follows it.
    """

    def __init__(self) -> None:
        self.is_checksummed = False
        self._rest = b""
        self._is_begun = False
        self._is_ended = False

    def cut(self, packed: bytes) -> Iterator[bytes]:
        """The header, the blocks and the checksum that are whole now; of bytes that make no sense, all at once."""
        content, at = self._rest + packed, 0
        while at < len(content):
            length = self._next(content, at)
            if at + length > len(content):
                break
            yield content[at : at + length]
            at += length
        self._rest = content[at:]

    def _next(self, content: bytes, at: int) -> int:
        """How long the next piece is; longer than what is there where that is not known yet."""
        left = len(content) - at
        if self._is_ended:
            return 4 if self.is_checksummed else left
        if not self._is_begun:
            if left < 5:
                return left + 1
            length = header_length(content)
            self._is_begun = length is not None and length <= left
            self.is_checksummed = self._is_begun and checksum_length(content) > 0
            return left if length is None else length
        if left < 3:
            return left + 1
        block = read_block(content, at)
        if block is None:
            return left
        self._is_ended = block.is_last and block.length <= left
        return block.length
