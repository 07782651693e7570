"""Changes to bytes as fuzzers make them, for where atheris is not installed: the same from the same seed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from random import Random

_TOKENS = (
    b"\0", b"\n", b"\t", b" ", b"-", b"-1", b"0", b"1" * 25, b"9" * 400, b"9" * 4999, b"\xff", b"\x1b]0;t\x07", b"\\",
    b"\\x", b"(", b")", b"[", b"]", b'"', b"{", b"}", b"=", b":", b"0x", b"nan", b"1e999", b"-0", b"\xe2\x80\xae",
    b"\xed\xa0\x80", b"null", b"[" * 50, b"\xd9\xa3", b"\r", b" (deleted)", b"\x7f\xff\xff\xff", b"\xff" * 8,
)  # fmt: skip
"""What has broken parsers before: ends, signs, numbers that are too long or none, digits of other scripts."""


def mutations(seeds: Sequence[bytes], random: Random) -> Iterator[bytes]:
    """First the seeds as they are, then changes to them without end."""
    pool = list(seeds) or [b""]
    yield from pool
    while True:
        content = bytearray(random.choice(pool))
        for _ in range(random.choice((1, 1, 2, 4, 16))):
            _change(content, random, pool)
        yield bytes(content)


def _change(content: bytearray, random: Random, pool: Sequence[bytes]) -> None:
    at = random.randint(0, len(content))
    end = min(at + random.choice((1, 1, 2, 8, 64)), len(content))
    kind = random.randrange(7)
    if kind == 0 and at < len(content):
        content[at] ^= 1 << random.randrange(8)
    elif kind == 1:
        del content[at:end]
    elif kind == 2:
        content[at:at] = random.choice(_TOKENS)
    elif kind == 3:
        content[at:end] = random.choice(_TOKENS)
    elif kind == 4:
        content[at:at] = content[at:end]
    elif kind == 5:
        other = random.choice(pool)
        start = random.randint(0, len(other))
        content[at:end] = other[start : start + random.choice((4, 32, 256))]
    else:
        del content[at:]
