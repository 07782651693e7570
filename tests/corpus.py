"""Where the captures lie: ours in tests/data/KIND, those that others published in the corpus beside the repository.

The public ones are read in place, in the directory that LEAKTOP_CORPUS names or in shared/corpus; without it the tests
that need them say so and are skipped.
"""

from __future__ import annotations

import os
from pathlib import Path

TESTS = Path(__file__).parent
DATA = TESTS / "data"
CORPUS = Path(os.environ.get("LEAKTOP_CORPUS", TESTS.parents[1] / "shared" / "corpus"))
ABSENT = f"no public captures: {CORPUS} is absent"


def captures(kind: str) -> list[Path]:
    """Every capture of one kind, our own first."""
    return sorted((DATA / kind).iterdir()) + sorted((CORPUS / "public").glob(f"{kind}__*"))


def content(path: Path) -> bytes:
    """The bytes of one capture, its last line ended: two collectors stripped the newline."""
    found = path.read_bytes()
    return found if found.endswith(b"\n") else found + b"\n"


def capture(kind: str, machine: str) -> bytes | None:
    """What there is of one machine; None where that was not captured."""
    own, public = DATA / kind / f"{machine}.txt", CORPUS / "public" / f"{kind}__{machine}.txt"
    path = own if own.is_file() else public
    return content(path) if path.is_file() else None
