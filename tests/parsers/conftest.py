"""Captures for the parser tests: a module with KIND runs its tests with `capture` on every file of that kind."""

from __future__ import annotations

import pytest

from tests.corpus import ABSENT, CORPUS, captures, content


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "capture" not in metafunc.fixturenames:
        return
    cases = [pytest.param(path, id=path.name) for path in captures(metafunc.module.KIND)]
    if not CORPUS.is_dir():
        cases.append(pytest.param(None, id="public", marks=pytest.mark.skip(reason=ABSENT)))
    metafunc.parametrize("capture", cases, indirect=True)


@pytest.fixture
def capture(request: pytest.FixtureRequest) -> bytes:
    return content(request.param)
