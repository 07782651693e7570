"""Tests that install leaktop as people do: `pytest -m packaging tests/packaging`. They make a user and an sshd."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.packaging.host import host, missing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.packaging.host import Host

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    ours = [item for item in items if item.path.parent == HERE and "login" in getattr(item, "fixturenames", ())]
    lack = missing() if ours else None
    for item in ours:
        item.add_marker(pytest.mark.packaging)
        if lack:
            item.add_marker(pytest.mark.skip(reason=lack))


@pytest.fixture(scope="session")
def login() -> Iterator[Host]:
    """A host to log in to."""
    with host() as made:
        yield made
