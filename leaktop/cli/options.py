"""Values on the command line, checked as they are read."""

from __future__ import annotations

import argparse
import re

from leaktop.engine.budget import SHARE
from leaktop.units import parse_duration, parse_share


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


def share(text: str) -> float | None:
    """A share of one core: "2%", "0.5", "150"; None for "none" and for 0, which are no limit.

    Raises:
        argparse.ArgumentTypeError: it is none.
    """
    try:
        return parse_share(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def add_own_cost(parser: argparse.ArgumentParser, *, is_verb: bool = False) -> None:
    """The options about what leaktop itself takes of the machine.

    Args:
        parser: of the screen, or of a verb.
        is_verb: what is given in front of the verb counts as well.
    """
    parser.add_argument(
        "--budget",
        type=share,
        default=argparse.SUPPRESS if is_verb else SHARE,
        metavar="SHARE",
        help=f"CPU that leaktop may take, of one core (default {SHARE * 100:g}%%); what costs most is read less often; "
        "none: no limit",
    )
    parser.add_argument(
        "--protect",
        action="store_true",
        default=argparse.SUPPRESS if is_verb else False,
        help="while memory runs out: never the kernel's victim, code locked in memory, a higher priority; as root",
    )
