"""`leaktop doctor`."""

from __future__ import annotations
import argparse
from typing import Any


def add_parser(verbs: Any) -> None:
    parser = verbs.add_parser("doctor", help="x")
    parser.set_defaults(run=run)


def run(choices: argparse.Namespace) -> int:
    return 0
