"""Values on the command line, checked as they are read."""

from __future__ import annotations

import argparse
import re

from leaktop.units import parse_duration


def seconds(text: str) -> float:
    """A duration: "1", "0.5s", "5m".

    Raises:
        argparse.ArgumentTypeError: it is none.
    """
    try:
        return parse_duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def count(text: str) -> int:
    """A whole number from 1.

    Raises:
        argparse.ArgumentTypeError: it is none.
    """
    if not (text.isascii() and text.isdecimal()) or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a count")
    return int(text)


def size(text: str) -> int:
    """Bytes: "500M", "64K", "1G", "4096".

    Raises:
        argparse.ArgumentTypeError: it is none.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([KMGT]?)(?:i?B)?", text.strip(), re.IGNORECASE)
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r} is not a size; write 500M, 64K or 1G")
    number = float(found[1]) * 1024 ** " KMGT".index(found[2].upper() or " ")
    if not number < 1 << 63:  # no file reaches that, and infinity is no integer
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is no size that a file could have")
    return int(number)
