"""Captures for the parser tests: a module with KIND runs its tests with `capture` on every file of that kind.

Our own captures are in tests/data/KIND. Those that others published are read where they lie, in the directory that
LEAKTOP_CORPUS names or in shared/corpus beside the repository; without it those tests say so and are skipped.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
CORPUS = Path(os.environ.get("LEAKTOP_CORPUS", TESTS.parents[1] / "shared" / "corpus"))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "capture" not in metafunc.fixturenames:
        return
    kind = metafunc.module.KIND
    own = sorted((TESTS / "data" / kind).iterdir())
    public = sorted((CORPUS / "public").glob(f"{kind}__*"))
    cases = [pytest.param(path, id=path.name) for path in own + public]
    if not CORPUS.is_dir():
        absent = pytest.mark.skip(reason=f"no public captures: {CORPUS} is absent")
        cases.append(pytest.param(None, id="public", marks=absent))
    metafunc.parametrize("capture", cases, indirect=True)


@pytest.fixture
def capture(request: pytest.FixtureRequest) -> bytes:
    """The bytes of one capture, its last line ended: two collectors stripped the newline."""
    content: bytes = request.param.read_bytes()
    return content if content.endswith(b"\n") else content + b"\n"
